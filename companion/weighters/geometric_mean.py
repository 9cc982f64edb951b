"""The geometric mean of the losses."""

from collections.abc import Sequence

from torch import Tensor

from companion.weighters._base import State, Total, Weighter
from companion.weighters._surrogate import with_value


class GeometricMean(Weighter):
    r"""Train on the geometric mean of the losses, so that a fall by one per cent counts alike for each.

    .. math:: G = \Big(\prod_k L_k\Big)^{1/K}, \qquad w_k = \frac{G}{K L_k}

    The direction is that of :class:`~companion.weighters.LogSum`, whatever the units. The length of the step falls with
    the losses, by the factor G / K. It is computed as the exponential of a mean of logarithms, since the product of
    twenty losses of 0.001 underflows. Worked number: losses 2 and 0.5 have the mean 1 and weights 0.25 and 1.

    Limits: losses must be positive. With one that is not the weights stay as they were; a negative one makes the scalar
    not finite, one of exactly 0 makes it 0, for the mean is 0 then.

    Args:
        names: The losses.
        sum_to: What the weights are scaled to sum to; by default they are the derivatives of the mean.
        period: Steps to average before a look, an epoch for instance.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the geometric mean; its derivatives are the weights.

    Raises:
        ValueError: If an option is out of its range.

    Example:
        >>> import torch
        >>> weighter = GeometricMean(["depth", "segmentation"])
        >>> weighter([torch.tensor(2.0), torch.tensor(0.5)]), weighter.weights
        (tensor(1.), tensor([0.2500, 1.0000]))

    References:
        Chennupati, Sistu, Yogamani, Rawashdeh, *MultiNet++: Multi-Stream Feature Aggregation and Geometric Loss
        Strategy for Multi-Task Learning*, CVPR Workshops 2019. https://arxiv.org/abs/1904.08492
    """

    def __init__(self, names: Sequence[str], *, sum_to: Total = None, period: int = 1, history: int = 1000) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        logs = values.log()
        return (logs.mean() - logs).exp() / len(logs), {}

    def _combine(self, losses: Tensor, weights: Tensor) -> Tensor:
        return with_value(losses.log().mean().exp(), losses, weights)
