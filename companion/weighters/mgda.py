"""MGDA: the shortest convex combination of the gradients."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from companion._checks import one_of
from companion.weighters._base import State, Total
from companion.weighters._gram_weighter import GramWeighter
from companion.weighters._solvers import correlation, positive, quadratic_minimum


class MGDA(GramWeighter):
    r"""Descend along the shortest convex combination of the gradients, along which no loss rises.

    .. math::
        w = \arg\min_{w \ge 0,\ \sum_k w_k = 1} \Big\lVert \sum_k w_k g_k \Big\rVert^2

    Where the minimum is 0 the point is Pareto stationary: no direction lowers all losses. Elsewhere the direction
    lowers every loss at the same rate, or faster.

    Limits: the method prefers short gradients, so a loss that is nearly fitted, or measured in large units, takes
    nearly all of the weight. ``normalize="l2"`` divides the gradients by their norms first and makes the direction
    independent of the units; ``"loss"`` divides by the losses, ``"loss+"`` by both. An exactly zero gradient would end
    training; it counts as orthogonal to the others and as long as the longest instead. Worked number: gradients (1, 0)
    and (0, 2) have the shortest combination 4/5 (1, 0) + 1/5 (0, 2) = (4/5, 2/5); of a sum of 2, weights 1.6 and 0.4.

    With features as ``shared`` this is MGDA-UB, an upper bound that finds the same stationary points if the derivatives
    of the features by the parameters have full rank. Implementations disagree: the Frank-Wolfe steps of TorchJD end
    short of the minimum, the more so the more losses there are and the more their norms differ; interior points, here,
    do not. When gradients are divided, the authors' code weighs the undivided losses by the same w; here :math:`w_k /
    c_k`, with c the divisors, keeps the promise that no loss rises.

    Args:
        names: The losses.
        normalize: ``"none"``, ``"l2"``, ``"loss"`` or ``"loss+"``.
        sum_to: What the weights sum to: a number, or ``"tasks"`` for the number of losses.
        period: Steps to average before a look.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range.

    Example:
        >>> weighter, x = MGDA(["short", "long"]), torch.zeros(2, requires_grad=True)
        >>> loss = weighter([x[0], 2.0 * x[1]], shared=[x])
        >>> weighter.weights
        tensor([1.6000, 0.4000])

    References:
        Désidéri, *Multiple-gradient descent algorithm (MGDA) for multiobjective optimization*, Comptes Rendus
        Mathématique 350, 2012. https://doi.org/10.1016/j.crma.2012.03.014
        Sener, Koltun, *Multi-Task Learning as Multi-Objective Optimization*, NeurIPS 2018.
        https://arxiv.org/abs/1810.04650
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        normalize: Literal["none", "l2", "loss", "loss+"] = "none",
        sum_to: Total = "tasks",
        period: int = 1,
        history: int = 1000,
    ) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        one_of("none", "l2", "loss", "loss+")("normalize", normalize)
        self.normalize = normalize

    def _weigh(self, values: Tensor, gram: Tensor, state: State) -> tuple[Tensor, State]:
        cosines, norms = correlation(gram)
        divisors = torch.ones_like(norms)
        if self.normalize in ("l2", "loss+"):
            divisors = divisors * norms
        if self.normalize in ("loss", "loss+"):
            divisors = divisors * positive(values).to(norms.dtype)
        total = divisors / norms  # x = w * norms / divisors, so that sum of w = 1 says total x = 1
        found = quadratic_minimum(cosines, torch.zeros_like(norms), total / total.amax()) / norms
        return found / (divisors @ found), {}
