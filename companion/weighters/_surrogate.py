"""A scalar with the value of one thing and the derivatives of another."""

from torch import Tensor


def with_value(value: Tensor, losses: Tensor, weights: Tensor) -> Tensor:
    """``value``, whose derivative with respect to each loss is its weight.

    An objective such as the sum of logarithms has these derivatives itself as long as the weights are of this very
    step on this very process. Means over a period or over ranks, and ``sum_to``, change the weights but not the value.
    """
    return value.detach() + (weights.to(losses.dtype) * (losses - losses.detach())).sum()
