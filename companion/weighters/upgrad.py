"""UPGrad: gradients are projected on the directions that oppose none of them."""

from collections.abc import Sequence

from torch import Tensor

from companion.weighters._base import State, Total
from companion.weighters._gram_weighter import GramWeighter
from companion.weighters._solvers import correlation, quadratic_minimum


class UPGrad(GramWeighter):
    r"""Project each gradient on the cone of directions that raise no loss, and add up the projections.

    .. math::
        d = \sum_i \pi(g_i), \qquad \pi(g) = \arg\min_v \lVert v - g \rVert
        \ \text{ with } \ g_k^T v \ge 0 \text{ for all } k

    Each projection is its gradient plus a non-negative combination of all, so weights are at least 1. The paper takes
    the mean of the projections; the sum makes a step without conflict the plain sum.

    Limits: without conflict all weights are 1. The direction opposes no gradient, with any number of losses. Each
    projection scales with its gradient, so a large loss is heard louder, but none is hurt. With two losses it is
    :class:`PCGrad`. A loss without a gradient keeps the weight 1. Worked number: gradients (1, 0) and (-1, 1) are
    projected to (1/2, 1/2) and (0, 1), weights 2 and 3/2.

    With features as ``shared`` no loss rises with a step of the features; in the parameters that need not hold.
    Implementations disagree: TorchJD adds a multiple of the identity (``reg_eps``) and falls back to the mean where
    norms are below 1e-4 (``norm_eps``), so that its direction may oppose short gradients; here there is only a
    relative one at rounding.

    Args:
        names: The losses.
        sum_to: What the weights sum to: a number, ``"tasks"`` for the number of losses, or None for the sum of the
            projections.
        period: Steps to average before a look.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range.

    Example:
        >>> import torch
        >>> weighter, x = UPGrad(["right", "left"]), torch.zeros(2, requires_grad=True)
        >>> loss = weighter([x[0], x[1] - x[0]], shared=[x])
        >>> weighter.weights
        tensor([2.0000, 1.5000])

    References:
        Quinton, Rey, *Jacobian Descent for Multi-Objective Optimization*, 2024. https://arxiv.org/abs/2406.16232
    """

    def __init__(self, names: Sequence[str], *, sum_to: Total = None, period: int = 1, history: int = 1000) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)

    def _weigh(self, values: Tensor, gram: Tensor, state: State) -> tuple[Tensor, State]:
        cosines, norms = correlation(gram)
        added = quadratic_minimum(cosines, cosines)  # row i: what the projection of gradient i, made a unit, adds to it
        return 1.0 + norms @ added / norms, {}
