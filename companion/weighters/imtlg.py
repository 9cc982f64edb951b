"""IMTL-G: a direction with equal projections on all gradients."""

from collections.abc import Sequence

import torch
from torch import Tensor

from companion.weighters._base import State, Total
from companion.weighters._gram_weighter import GramWeighter
from companion.weighters._solvers import correlation, identity, solve

_RIDGE = 1e-4  # far above the rounding of inner products; taken back by more solves but where gradients depend
_REFINEMENTS = 3


class IMTLG(GramWeighter):
    r"""Descend in the direction whose projections on all gradients are equal, so that none is neglected.

    .. math::
        \frac{d^T g_k}{\lVert g_k \rVert} = \frac{d^T g_1}{\lVert g_1 \rVert} \ \text{ for all } k, \qquad
        d = \sum_k w_k g_k, \qquad w \propto G^{-1} n

    where G holds the inner products of the gradients and n their norms. The direction does not depend on the units of
    the losses.

    Limits: w is not positive by nature. A loss that the others pull along more than enough gets a negative weight, and
    its head is then trained upwards. The weights are scaled by the sum of their magnitudes; the paper's sum, which may
    be negative, would turn the whole direction uphill. Where gradients depend on each other the shortest solution is
    found, or nearly so. A loss without a gradient counts as orthogonal to the others and as long as the longest. Worked
    number: orthogonal gradients of norms 1 and 3 get weights 1.5 and 0.5, and equal projections of 1.5.

    With features as ``shared`` projections are equal at the features and differ in the parameters. Implementations
    disagree: LibMTL inverts a matrix that is singular where gradients are parallel; TorchJD takes a pseudo-inverse and
    divides by the signed sum.

    Args:
        names: The losses.
        sum_to: What the magnitudes of the weights sum to: a number, or ``"tasks"`` for the number of losses.
        period: Steps to average before a look.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range.

    Example:
        >>> weighter, x = IMTLG(["short", "long"]), torch.zeros(2, requires_grad=True)
        >>> loss = weighter([x[0], 3.0 * x[1]], shared=[x])
        >>> weighter.weights
        tensor([1.5000, 0.5000])

    References:
        Liu, Li, Kuang, Xue, Chen, Yang, Liao, Zhang, *Towards Impartial Multi-task Learning*, ICLR 2021.
        https://openreview.net/forum?id=IMPnRXEWpvr
    """

    def __init__(self, names: Sequence[str], *, sum_to: Total = "tasks", period: int = 1, history: int = 1000) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)

    def _weigh(self, values: Tensor, gram: Tensor, state: State) -> tuple[Tensor, State]:
        cosines, norms = correlation(gram)
        ridged, ones = cosines + _RIDGE * identity(gram), torch.ones_like(norms).unsqueeze(1)
        found = solve(ridged, ones)
        for _ in range(_REFINEMENTS):
            found = found + solve(ridged, ones - cosines @ found)
        return found[:, 0] / norms, {}
