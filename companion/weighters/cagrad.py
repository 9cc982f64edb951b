"""CAGrad: the best direction for the worst-off loss, near the mean gradient."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from companion._checks import at_least, one_of
from companion.weighters._base import State, Total
from companion.weighters._gram_weighter import GramWeighter
from companion.weighters._solvers import ball_minimum, correlation

_STATIONARY = 1e-6  # share of their norms that is left of gradients that cancel


class CAGrad(GramWeighter):
    r"""Within a ball around the mean gradient, take the direction in which the worst-off loss falls fastest.

    .. math::
        d = \arg\max_d \min_k\ g_k^T d \quad\text{with}\quad \lVert d - g_0 \rVert \le c\, \lVert g_0 \rVert,
        \qquad g_0 = \tfrac1K \sum_k g_k

    The solution is :math:`d = g_0 + c\, \lVert g_0 \rVert\, g_w / \lVert g_w \rVert`; :math:`g_w = \sum_k w_k g_k`
    minimises :math:`g_w^T g_0 + c\, \lVert g_0 \rVert\, \lVert g_w \rVert` over convex combinations. With c below 1 the
    mean loss falls at every small step and its minimum is reached; with larger c any Pareto point may be.

    Limits: c = 0 is the plain sum: the weights are those of K d, so that swapping the methods keeps the learning rate.
    Not invariant to the units of single losses. Where the gradients cancel, :math:`\lVert g_w \rVert` is less than a
    millionth of the norms it is made of, the second term is dropped. A loss without a gradient counts as orthogonal to
    the others. Worked number: gradients (1, 0) and (0, 1) have :math:`g_0` = (1/2, 1/2) = :math:`g_w`; at c = 0.5 d is
    (3/4, 3/4), and the weights are 1.5 and 1.5.

    With features as ``shared`` the gradients are those at the features, whose conflicts are not those in the
    parameters. Implementations disagree: LibMTL divides by :math:`1 + c^2` (``rescale="1+c^2"``), TorchJD does not,
    like the paper; TorchJD returns 0 and so stops the training where norms are below 1e-4.

    Args:
        names: The losses.
        c: Radius of the ball in units of the mean gradient, at least 0.
        rescale: What the weights are divided by: ``"none"``, ``"1+c^2"`` or ``"1+c"``.
        sum_to: What the weights sum to: a number, ``"tasks"`` for the number of losses, or None for K d.
        period: Steps to average before a look.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range.

    Example:
        >>> weighter, x = CAGrad(["right", "up"]), torch.zeros(2, requires_grad=True)
        >>> loss = weighter([x[0], x[1]], shared=[x])
        >>> weighter.weights
        tensor([1.5000, 1.5000])

    References:
        Liu, Liu, Jin, Stone, Liu, *Conflict-Averse Gradient Descent for Multi-task Learning*, NeurIPS 2021.
        https://arxiv.org/abs/2110.14048
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        c: float = 0.5,
        rescale: Literal["none", "1+c^2", "1+c"] = "none",
        sum_to: Total = None,
        period: int = 1,
        history: int = 1000,
    ) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        at_least(0.0)("c", c)
        one_of("none", "1+c^2", "1+c")("rescale", rescale)
        self.c, self.rescale = c, rescale

    def _weigh(self, values: Tensor, gram: Tensor, state: State) -> tuple[Tensor, State]:
        if self.c == 0.0:
            return torch.ones_like(gram.diagonal()), {}
        cosines, norms = correlation(gram)
        sizes, total = norms / norms.amax(), norms.amin() / norms
        along = cosines @ sizes / len(sizes)
        there = torch.where(gram.diagonal() > 0, sizes, 0.0)
        mean_square = there @ cosines @ there / len(sizes) ** 2
        radius = self.c * mean_square.clamp_min(_STATIONARY**2).sqrt()
        found = ball_minimum(cosines, along, total, radius)
        left = (found @ cosines @ found).clamp_min(0.0).sqrt()
        turned = left > _STATIONARY * found.sum()
        weights = 1.0 + len(sizes) * torch.where(turned, radius / torch.where(turned, left, 1.0), 0.0) * found / sizes
        return weights / {"none": 1.0, "1+c^2": 1.0 + self.c**2, "1+c": 1.0 + self.c}[self.rescale], {}
