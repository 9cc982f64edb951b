"""Dynamic weight average: more weight to the loss of which most is left."""

from collections.abc import Sequence

import torch
from torch import Tensor

from companion._checks import above
from companion.weighters._base import State, Total, Weighter
from companion.weighters._ratios import ratio


class DWA(Weighter):
    r"""Give more weight to the loss of which more is left than last time (dynamic weight average).

    .. math:: w_k = K\, \frac{e^{r_k / T}}{\sum_j e^{r_j / T}}, \qquad r_k = \frac{L_k(t-1)}{L_k(t-2)}

    where :math:`L_k(t-1)` and :math:`L_k(t-2)` are the means of the last two periods. The paper's period is an epoch,
    so give ``period`` the number of steps of one; a period's weights are set in its last step, which already takes
    them. Until two periods have been seen all ratios are 1. The units of the losses do not matter.

    Limits: ratios are near 1 once training is under way, and then so are the weights. Worked number: at T = 2 a loss
    that stays and one that halves have weights 1.124 and 0.876. A ratio counts as 1 where it says nothing: the value
    before was not positive, or that of now is negative.

    Args:
        names: The losses.
        temperature: T, above 0. The larger, the more equal the weights.
        sum_to: What the weights sum to: a number, or ``"tasks"`` for the number of losses.
        period: Steps of an epoch.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range.

    Example:
        >>> weighter = DWA(["depth", "normals"])
        >>> for values in [(4.0, 4.0), (4.0, 2.0)]:
        ...     total = weighter([torch.tensor(value) for value in values])
        >>> weighter.weights
        tensor([1.1244, 0.8756])

    References:
        Liu, Johns, Davison, *End-to-End Multi-Task Learning with Attention*, CVPR 2019.
        https://arxiv.org/abs/1803.10704
    """

    before: Tensor

    def __init__(
        self,
        names: Sequence[str],
        *,
        temperature: float = 2.0,
        sum_to: Total = "tasks",
        period: int = 1,
        history: int = 1000,
    ) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        above(0.0)("temperature", temperature)
        self.temperature = temperature
        self._remember(before=torch.zeros(len(self.names)))

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        rates = ratio(values, state["before"]) / self.temperature
        weights = len(values) * rates.clamp_max(torch.finfo(rates.dtype).max).softmax(0)
        return weights, {"before": values}
