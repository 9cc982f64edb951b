"""Every loss in units of its own running size."""

from collections.abc import Sequence

import torch
from torch import Tensor

from companion._checks import from_up_to
from companion.weighters._base import State, Total, Weighter


class LossNormalizer(Weighter):
    r"""Divide every loss by a running mean of its size, so that each is about 1 at all times.

    .. math:: w_k = \frac{1}{m_k}, \qquad m_k(t) = \frac{\sum_{i \le t} d^{\,t-i} |L_k(i)|}{\sum_{i \le t} d^{\,t-i}}

    With ``decay`` d = 0 this is the direction of :class:`~companion.weighters.LogSum`; the nearer d is to 1, the less
    the weights follow the noise of batches, and the longer they lag. Units do not matter. Worked number: d = 0.9 and a
    loss that is 1 and then 2 has m = (0.9 · 1 + 2) / 1.9 = 1.526 and the weight 0.655.

    Limits: since every weighted loss is about 1, the total says nothing of progress; log the losses. A loss near its
    lowest value 0 gets a weight without bound. A loss that was 0 so far has weight 1.

    Args:
        names: The losses.
        decay: d, at least 0 and below 1. The mean is over about 1 / (1 - d) looks.
        sum_to: What the weights are scaled to sum to; by default each weighted loss is about 1.
        period: Steps to average before a look, an epoch for instance.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range.

    Example:
        >>> weighter = LossNormalizer(["data", "physics"], decay=0.9)
        >>> for values in [(1.0, 100.0), (2.0, 100.0)]:
        ...     total = weighter([torch.tensor(value) for value in values])
        >>> weighter.weights
        tensor([0.6552, 0.0100])

    References:
        The mean is that of Adam, with its correction at the start: Kingma, Ba, *Adam: A Method for Stochastic
        Optimization*, ICLR 2015. https://arxiv.org/abs/1412.6980
    """

    total: Tensor
    share: Tensor

    def __init__(
        self,
        names: Sequence[str],
        *,
        decay: float = 0.99,
        sum_to: Total = None,
        period: int = 1,
        history: int = 1000,
    ) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        from_up_to(0.0, 1.0)("decay", decay)
        self.decay = decay
        self._remember(total=torch.zeros(len(self.names)), share=torch.tensor(0.0))

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        total = self.decay * state["total"] + (1 - self.decay) * values.abs()
        share = self.decay * state["share"] + (1 - self.decay)
        mean = total / share
        return torch.where(mean > 0, 1.0 / mean, 1.0), {"total": total, "share": share}
