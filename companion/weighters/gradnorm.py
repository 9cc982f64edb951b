"""GradNorm: gradients of like size, larger for the losses that fall slowest."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from companion._checks import above, at_least, one_of
from companion.weighters._base import State, Total
from companion.weighters._gram_weighter import GramWeighter
from companion.weighters._ratios import ratio


class GradNorm(GramWeighter):
    r"""Learn weights that make all gradients equally long, and longer where a loss falls more slowly than the others.

    .. math::
        \sum_k \Big| w_k n_k - \bar n\, r_k^{\alpha} \Big|, \qquad
        \bar n = \tfrac1K \sum_j w_j n_j, \qquad
        r_k = \frac{L_k / L_k(0)}{\tfrac1K \sum_j L_j / L_j(0)}

    is lowered by one step in w per look, the targets held fixed; :math:`n_k` is the norm of the gradient of loss k. Its
    derivative, :math:`n_k \operatorname{sign}(w_k n_k - \bar n r_k^\alpha)`, needs no second derivative of the model.
    Steps are taken in units of :math:`\bar n`, so the weights times the losses do not depend on the units of the losses
    once they have settled.

    ``update="log"`` steps in the logarithm of w: weights stay positive and cross orders of magnitude, at most a factor
    :math:`e^{K\, lr}` per step. ``update="linear"`` is the plain step of the paper, which took it with Adam; weights
    are kept from falling below 0, and cannot follow norms that differ by orders of magnitude.

    Limits: :math:`\alpha = 0` equalises norms. The first losses come from one batch; with ``period`` they come from
    many. A loss without a gradient gains weight slowly; a first loss that was not positive counts as unchanged. Worked
    number: norms 3 and 1, losses unchanged, weights 1 so far, mean norm 2: in units of 2 the derivatives in log w are
    3/2 and -1/2, so at lr = 0.025 the weights become 0.975 and 1.025.

    Pass the last shared layer, as the paper does, all shared parameters or, cheapest, the features that come out.
    Implementations disagree: LibMTL takes all shared parameters and lets the optimiser of the model move the weights.

    Args:
        names: The losses.
        alpha: Strength with which slow losses are pulled along, at least 0.
        lr: Length of a step, above 0.
        update: ``"log"`` or ``"linear"``.
        sum_to: What the weights sum to: a number, or ``"tasks"`` for the number of losses.
        period: Steps to average before a look.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range.

    Example:
        >>> weighter, x = GradNorm(["far", "near"]), torch.ones(1, requires_grad=True)
        >>> loss = weighter([3.0 * x.sum(), x.sum()], shared=[x])
        >>> weighter.weights
        tensor([0.9750, 1.0250])

    References:
        Chen, Badrinarayanan, Lee, Rabinovich, *GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep
        Multitask Networks*, ICML 2018. https://arxiv.org/abs/1711.02257
    """

    first: Tensor

    def __init__(
        self,
        names: Sequence[str],
        *,
        alpha: float = 1.5,
        lr: float = 0.025,
        update: Literal["log", "linear"] = "log",
        sum_to: Total = "tasks",
        period: int = 1,
        history: int = 1000,
    ) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        at_least(0.0)("alpha", alpha)
        above(0.0)("lr", lr)
        one_of("log", "linear")("update", update)
        self.alpha, self.lr, self.update = alpha, lr, update
        self._remember(first=torch.zeros(len(self.names)))

    def _weigh(self, values: Tensor, gram: Tensor, state: State) -> tuple[Tensor, State]:
        first = torch.where(state["looks"] == 0, values, state["first"])
        left = ratio(values, first).to(gram.dtype)
        pace = left / torch.where(left.sum() > 0, left.mean(), 1.0)
        before = len(left) * state["weights"].to(gram.dtype) / state["weights"].sum()
        norms = gram.diagonal().clamp_min(0.0).sqrt()
        found = before * norms
        unit = found.mean()
        slope = norms * (found - unit * pace**self.alpha).sign() / torch.where(unit > 0, unit, 1.0)
        if self.update == "log":
            after = before * (-self.lr * before * slope).exp()
        else:
            after = (before - self.lr * slope).clamp_min(0.0)
        return len(left) * after / after.sum(), {"first": first}
