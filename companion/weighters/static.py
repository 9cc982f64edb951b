"""Fixed weights: the baseline that every other method has to beat once it is tuned."""

from collections.abc import Sequence

from torch import Tensor

from companion.weighters._base import State, Total, Weighter
from companion.weighters._options import PerLoss, per_loss


class Static(Weighter):
    r"""Weigh the losses by fixed numbers: :math:`\sum_k w_k L_k`.

    Equal weights are the default. Tuned on a grid around ``1 / first loss`` they match most adaptive methods; tune
    them before believing that another method is better.

    Args:
        names: The losses.
        values: Weight of each loss, positive, by name or in the order of ``names``; 1 each by default.
        sum_to: What the weights are scaled to sum to; as given by default.
        period: Of no effect here; it is an option of all weighters.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        ValueError: If ``values`` does not fit ``names`` or is not positive and finite.

    Example:
        >>> import torch
        >>> weighter = Static(["task", "penalty"], {"task": 1.0, "penalty": 0.1})
        >>> weighter({"task": torch.tensor(2.0), "penalty": torch.tensor(5.0)})
        tensor(2.5000)

    References:
        Xin, Ghorbani, Gilmer, Garg, Firat, *Do Current Multi-Task Optimization Methods in Deep Learning Even Help?*,
        NeurIPS 2022. https://arxiv.org/abs/2209.11379
    """

    values: Tensor

    def __init__(
        self,
        names: Sequence[str],
        values: PerLoss | None = None,
        *,
        sum_to: Total = None,
        period: int = 1,
        history: int = 1000,
    ) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        given = per_loss("values", values, self.names)
        self.register_buffer("values", given, persistent=False)
        self._remember(weights=self._scaled(given))

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        return self.values, {}
