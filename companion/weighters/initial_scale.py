"""Every loss in units of its first value."""

from collections.abc import Sequence

import torch
from torch import Tensor

from companion.weighters._base import State, Total, Weighter


class InitialScale(Weighter):
    r"""Divide every loss by its first value, once and for all, so that each starts at 1.

    .. math:: w_k = \frac{1}{|L_k(0)|}

    where :math:`L_k(0)` is the mean over the first ``period`` steps, before the last of which the weights are 1.
    Afterwards the weights are fixed, as those of :class:`~companion.weighters.Static`: what differs is that no unit has
    to be known beforehand. Worked number: first losses 4 and 0.01 have weights 0.25 and 100 in all steps.

    Limits: one unlucky first batch stays for ever; ``period=20`` costs nothing. A loss that starts at 0 keeps the
    weight 1 until it is seen with another value.

    Args:
        names: The losses.
        sum_to: What the weights are scaled to sum to; by default each weighted loss starts at 1.
        period: Steps to average for the first value.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        ValueError: If an option is out of its range.

    Example:
        >>> weighter = InitialScale(["data", "physics"])
        >>> [weighter([torch.tensor(a), torch.tensor(b)]) for a, b in [(4.0, 0.01), (2.0, 0.01)]]
        [tensor(2.), tensor(1.5000)]

    References:
        Xin, Ghorbani, Gilmer, Garg, Firat, *Do Current Multi-Task Optimization Methods in Deep Learning Even Help?*,
        NeurIPS 2022, on what fixed weights can do. https://arxiv.org/abs/2209.11379
    """

    scale: Tensor

    def __init__(self, names: Sequence[str], *, sum_to: Total = None, period: int = 1, history: int = 1000) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        self._remember(scale=torch.zeros(len(self.names)))

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        scale = torch.where(state["scale"] > 0, state["scale"], values.abs())
        return torch.where(scale > 0, 1.0 / scale, 1.0), {"scale": scale}
