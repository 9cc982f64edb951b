"""Uncertainty weighting: learn how noisy each loss is, and trust it accordingly."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from companion._checks import flag, one_of
from companion.weighters._base import State, Total, Weighter
from companion.weighters._gram import mean_over_ranks
from companion.weighters._options import by_name

Form = Literal["regression", "classification"]


class UncertaintyWeighting(Weighter):
    r"""Learn with the model how noisy each loss is, and give the noisy ones less weight.

    .. math:: \sum_k c_k e^{-s_k} L_k + \tfrac12 s_k, \qquad w_k = c_k e^{-s_k}

    The log variances :math:`s_k` are parameters; :math:`c_k` is 1/2 for a regression (squared error under Gaussian
    noise) and 1 for a classification (cross entropy under a softmax with a temperature). For fixed losses (without
    ``positive``) the best weights are :math:`w_k = 1 / (2 L_k)`, half those of :class:`~companion.weighters.LogSum`,
    which need no learning. Worked number: at s = 0 losses 2 and 0.5 cost 1.25; at their best s = log L they cost 1 +
    (log 2 + log 0.5) / 2 = 1.

    **Give the parameters to the optimiser, without weight decay**; decay pulls the weights to where they began::

        torch.optim.AdamW([{"params": model.parameters()}, {"params": weighter.parameters(), "weight_decay": 0.0}])

    Forget it and nothing complains: the weights stay where they are, and the only sign is a flat ``history()``.

    Limits: the total falls below 0 once the losses are small, because it is a negative log-likelihood of densities;
    only its fall counts. ``positive=True`` has the penalty :math:`\log(1 + e^{s_k})` in place of :math:`s_k / 2`, which
    is above 0. An optimiser like Adam moves s by about its learning rate a step, so a loss of 1e5 takes 11,500 steps of
    0.001 to be heard rightly: ``first_losses=True`` starts there. A loss near its lowest value 0 gets a weight without
    bound.

    Args:
        names: The losses.
        form: ``"regression"`` or ``"classification"``, for all, or by name, or in the order of ``names``.
        positive: Whether the penalty is that of Liebel and Körner.
        first_losses: Whether s starts where it is best for the losses of the first look, instead of at 0. A first loss
            that is not positive starts at 0.
        sum_to: What the weights are scaled to sum to; by default they are the derivatives of the objective.
        period: Steps to average before a look. The parameters learn in each step, the weights follow once a period.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum and the penalties.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range or ``form`` does not fit ``names``.

    Example:
        >>> weighter = UncertaintyWeighting(["depth", "classes"], form=["regression", "classification"])
        >>> weighter([torch.tensor(2.0), torch.tensor(0.5)]), weighter.weights
        (tensor(1.5000, grad_fn=<AddBackward0>), tensor([0.5000, 1.0000]))
        >>> optimizer = torch.optim.Adam(weighter.parameters(), lr=0.01, weight_decay=0.0)

    References:
        Kendall, Gal, Cipolla, *Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and Semantics*,
        CVPR 2018. https://arxiv.org/abs/1705.07115

        Liebel, Körner, *Auxiliary Tasks in Multi-Task Learning*, 2018. https://arxiv.org/abs/1805.06334
    """

    factors: Tensor
    start: Tensor

    def __init__(
        self,
        names: Sequence[str],
        *,
        form: Form | Mapping[str, Form] | Sequence[Form] = "regression",
        positive: bool = False,
        first_losses: bool = False,
        sum_to: Total = None,
        period: int = 1,
        history: int = 1000,
    ) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        flag("positive", positive)
        flag("first_losses", first_losses)
        forms = [form] * len(self.names) if isinstance(form, str) else by_name("form", form, self.names)
        for found in forms:
            one_of("regression", "classification")("form", found)
        factors = torch.tensor([0.5 if found == "regression" else 1.0 for found in forms])
        self.positive, self.first_losses = positive, first_losses
        self.register_buffer("factors", factors, persistent=False)
        self._remember(weights=self._scaled(factors), start=torch.zeros(len(self.names)))
        self.shift = nn.Parameter(torch.zeros(len(self.names)))

    @property
    def log_variances(self) -> Tensor:
        """The learned :math:`s_k`, ``(K,)``: where they started and how far they have come."""
        return self.start + self.shift

    @torch.no_grad()
    def reset(self) -> None:
        """Forget all that was seen and learned. The optimiser keeps its own memory of the parameters."""
        super().reset()
        self.shift.zero_()

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        start = state["start"]
        if self.first_losses:
            fit = torch.where(values > 0, self.factors * values, 0.5)
            # Where the derivative by s is 0; that of the other penalty is sigmoid(s), so e^s solves a quadratic.
            best = 0.5 * fit * (1.0 + (1.0 + 4.0 / fit).sqrt()) if self.positive else 2.0 * fit
            found = torch.where(values > 0, best, 1.0).log()
            start = torch.where(state["looks"] == 0, found, start)
        return self.factors * (-start - self.shift.detach()).exp(), {"start": start}

    def _combine(self, losses: Tensor, weights: Tensor) -> Tensor:
        s = self.log_variances
        penalties = F.softplus(s) if self.positive else 0.5 * s
        weighted = super()._combine(losses, weights)
        if not self.training:
            return weighted + penalties.detach().sum().to(losses.dtype)
        # The parameters learn from the mean over the ranks, or each rank would go its own way. Its value is 0.
        values = mean_over_ranks(losses.detach())
        fit = self.factors * (-s).exp() * values
        return weighted + (penalties + (fit - fit.detach())).sum().to(losses.dtype)
