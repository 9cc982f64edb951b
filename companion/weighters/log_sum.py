"""The sum of logarithms: every loss counts by its relative change."""

from collections.abc import Sequence

import torch
from torch import Tensor

from companion.weighters._base import State, Total, Weighter
from companion.weighters._surrogate import with_value


class LogSum(Weighter):
    r"""Train on the sum of the logarithms of the losses, so that a fall by one per cent counts alike for each.

    .. math:: \sum_k \log L_k, \qquad w_k = \frac{1}{L_k}

    The units of the losses do not matter: a loss a thousand times as large has a weight a thousand times smaller. There
    is nothing to tune and nothing to remember, which makes it the baseline for all that follows. Uncertainty weighting
    comes to the same weights, but learns them slowly. Worked number: losses 2 and 0.5 have weights 0.5 and 2.

    Limits: losses must be positive. With one that is not, the scalar is not finite and the weights stay as they were.
    A loss near its lowest value 0 gets a weight without bound; add a constant to it if it may be fitted exactly. The
    scalar may be negative.

    Args:
        names: The losses.
        sum_to: What the weights are scaled to sum to; by default they are ``1 / L``.
        period: Steps to average before a look, an epoch for instance.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the sum of the logarithms; its derivatives are the weights.

    Raises:
        ValueError: If an option is out of its range.

    Example:
        >>> weighter = LogSum(["reconstruction", "sparsity"])
        >>> weighter([torch.tensor(2.0), torch.tensor(0.5)]), weighter.weights
        (tensor(0.), tensor([0.5000, 2.0000]))

    References:
        Navon, Shamsian, Achituve, Maron, Kawaguchi, Chechik, Fetaya, *Multi-Task Learning as a Bargaining Game*, ICML
        2022, where it is the baseline "scale-invariant". https://arxiv.org/abs/2202.01017
    """

    def __init__(self, names: Sequence[str], *, sum_to: Total = None, period: int = 1, history: int = 1000) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        return torch.where(values > 0, 1.0 / values, torch.nan), {}

    def _combine(self, losses: Tensor, weights: Tensor) -> Tensor:
        return with_value(losses.log().sum(), losses, weights)
