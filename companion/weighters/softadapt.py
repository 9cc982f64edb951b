"""SoftAdapt: more weight to the loss that falls slowest, or rises."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from companion._checks import at_least, between, count, finite, from_up_to, integer, one_of
from companion.weighters._base import State, Total, Weighter
from companion.weighters._options import PerLoss, shares
from companion.weighters._slopes import Slope, slope_table

Variant = Literal["original", "normalized", "loss-weighted", "normalized-loss-weighted"]


class SoftAdapt(Weighter):
    r"""Give more weight to the loss that falls slowest or rises, by a softmax of the losses' slopes.

    .. math::
        w_k \propto p_k\, e^{\beta s_k} \quad\text{(original)}, \qquad
        w_k \propto p_k\, L_k\, e^{\beta s_k} \quad\text{(loss-weighted)}

    where :math:`s_k` is the slope of the last ``window`` values of loss k, per step, and :math:`p_k` is ``base``. The
    normalized variants divide the slopes by :math:`\sum_j |s_j|` first. With :math:`\beta > 0` the worst loss gains,
    with :math:`\beta < 0` the best, and :math:`\beta = 0` leaves ``base``, times the losses if loss-weighted.

    Limits: every variant depends on the units of single losses; the original and the loss-weighted also on one unit
    common to all. Normalized slopes differ by at most 1, so with equal ``base`` no weight of the normalized variant
    exceeds another by more than a factor :math:`e^{|\beta|}`, 1.105 at 0.1. Worked number: slopes -1 and -2 at
    :math:`\beta = 0.1` give weights 1.05 and 0.95, of a sum of 2.

    Differences from the paper: weights sum to K by default, not 1 (``sum_to=1`` is the paper's); slopes are of least
    squares, since one difference of two noisy values is mostly noise (``slope="last"``). A loss that is not positive
    has weight 0 in the loss-weighted variants, unless none is positive: then slopes alone count.

    Args:
        names: The losses.
        beta: Inverse temperature.
        variant: ``"original"``, ``"normalized"``, ``"loss-weighted"`` or ``"normalized-loss-weighted"``.
        slope: ``"least-squares"`` over the window, ``"last"`` difference, or ``"backward"``, the finite difference of
            the highest order that the window allows.
        window: Values that the slope is taken from, at least 2.
        base: Prior weight of each loss, positive, by name or in the order of ``names``; equal by default.
        floor: Share of the sum that is handed out by ``base`` alone, so that no loss is forgotten; 0 to 1.
        smoothing: Share of the previous weights that is kept; at least 0, below 1.
        warmup: Looks during which weights stay at ``base`` while slopes are learned.
        sum_to: What the weights sum to: a number, or ``"tasks"`` for the number of losses.
        period: Steps to average before a look, an epoch for instance.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range or ``base`` does not fit ``names``.

    Example:
        >>> weighter = SoftAdapt(["reconstruction", "sparsity"], beta=1.0, slope="last")
        >>> for values in [(4.0, 4.0), (3.0, 3.5), (2.5, 4.0)]:
        ...     total = weighter([torch.tensor(value) for value in values])
        >>> weighter.weights, total  # slopes -0.5 and 0.5
        (tensor([0.5379, 1.4621]), tensor(7.1932))

    References:
        Heydari, Thompson, Mehmood, *SoftAdapt: Techniques for Adaptive Loss Weighting of Neural Networks with
        Multi-Part Loss Functions*, 2019. https://arxiv.org/abs/1912.12355
    """

    recent: Tensor
    prior: Tensor
    table: Tensor

    def __init__(
        self,
        names: Sequence[str],
        *,
        beta: float = 0.1,
        variant: Variant = "original",
        slope: Slope = "least-squares",
        window: int = 5,
        base: PerLoss | None = None,
        floor: float = 0.0,
        smoothing: float = 0.0,
        warmup: int = 0,
        sum_to: Total = "tasks",
        period: int = 1,
        history: int = 1000,
    ) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        finite("beta", beta)
        one_of("original", "normalized", "loss-weighted", "normalized-loss-weighted")("variant", variant)
        one_of("least-squares", "last", "backward")("slope", slope)
        count("window", window)
        if window < 2:
            raise ValueError(f"`window` must be at least 2, got {window}: one value has no slope.")
        between(0.0, 1.0)("floor", floor)
        from_up_to(0.0, 1.0)("smoothing", smoothing)
        integer("warmup", warmup)
        at_least(0)("warmup", warmup)
        self.beta, self.variant, self.floor, self.smoothing, self.warmup = beta, variant, floor, smoothing, warmup
        prior = shares("base", base, self.names)
        self.register_buffer("table", slope_table(slope, window).to(torch.get_default_dtype()), persistent=False)
        self.register_buffer("prior", prior, persistent=False)
        self._remember(weights=prior * (self.sum_to or 1.0), recent=torch.zeros(window, len(self.names)))

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        recent = torch.cat([state["recent"][1:], values.unsqueeze(0)])
        there = (state["looks"] + 1).clamp_max(len(recent)).view(1)
        # Rows of the table sum to 0, so the newest value may be taken off: a constant loss has slope 0 exactly.
        slopes = (self.table.index_select(0, there) @ (recent - values)).squeeze(0)
        if "normalized" in self.variant:
            largest = slopes.abs().amax()
            slopes = slopes / torch.where(largest > 0, largest, 1.0)  # else the sum of huge slopes overflows
            slopes = slopes / slopes.abs().sum().clamp_min(1.0)  # at least 1 unless all are 0
        limit = torch.finfo(slopes.dtype).max / 4
        scores = (self.beta * slopes).clamp(-limit, limit) + self.prior.log()
        if "loss-weighted" in self.variant:
            positive = values > 0
            weighted = torch.where(positive, scores + values.log(), -torch.inf)
            scores = torch.where(positive.any(), weighted, scores)
        found = scores.softmax(0)
        if self.floor > 0:
            found = self.floor * self.prior + (1 - self.floor) * found
        if self.smoothing > 0:
            before = state["weights"] / state["weights"].sum()
            found = self.smoothing * before + (1 - self.smoothing) * found
        if self.warmup > 0:
            found = torch.where(state["looks"] < self.warmup, self.prior, found)
        return found, {"recent": recent}
