"""GradientScale: weights from the sizes of the gradients, smoothed over time, as they are used for equations."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from companion._checks import from_up_to, one_of
from companion.weighters._base import State, Total
from companion.weighters._gram import Shared, gradient_sizes
from companion.weighters._gram_weighter import GramWeighter


class GradientScale(GramWeighter):
    r"""Scale the losses so that their gradients are of like size, by a moving average.

    .. math::
        \hat w_k = \frac{\sum_j n_j}{n_k} \ \text{(balance)}, \qquad
        \hat w_1 = 1,\ \hat w_k = \frac{\max |\nabla L_1|}{\operatorname{mean} |\nabla L_k|} \ \text{(lra)}, \qquad
        w \leftarrow m\, w + (1 - m)\, \hat w

    where :math:`n_k` is the norm of the gradient of loss k, and max and mean run over all parameters. ``"balance"``
    gives all gradients the norm :math:`\sum_j n_j`. ``"lra"``, learning rate annealing, scales all losses to the first,
    the residual of the equation: the first name is that reference. Either direction is independent of the units once
    the average has forgotten the first weights.

    Limits: a loss that is fitted has a small gradient and so a large weight; with ``"lra"``, which compares a maximum
    with a mean, the weight of the boundary may grow without end once it is fitted. A loss without a gradient keeps its
    weight. Worked number: norms 1 and 3 have the sum 4; ``momentum=0`` gives 4 and 4/3, of a sum of 2 1.5 and 0.5.

    ``"lra"`` needs the gradients themselves: ``shared`` must be parameters. Implementations disagree: the authors'
    code of ``"lra"`` divides by the gradient of the loss already weighted, so that it settles at the square root of the
    ratio; PhysicsNeMo takes the mean of both; here the gradients are those of the losses themselves, as the paper has
    it. The papers look every 10 (lra) or 1000 (balance) steps; ``period`` averages over as many.

    Args:
        names: The losses; for ``"lra"`` the residual first.
        rule: ``"balance"`` or ``"lra"``.
        momentum: Share of the weights before that is kept, at least 0 and below 1; the first look keeps nothing. The
            paper of ``"lra"`` prints 0.9 as the share of the new weights, its code as that of the old.
        sum_to: What the weights sum to: a number, ``"tasks"`` for the number of losses, None for the rule's own scale,
            or ``"rule"``: ``"tasks"`` for ``"balance"`` and None for ``"lra"``.
        period: Steps to average before a look.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range, or ``shared`` holds features and the rule is ``"lra"``.

    Example:
        >>> x = torch.zeros(2, requires_grad=True)
        >>> weighter = GradientScale(["equation", "boundary"])
        >>> loss = weighter([x[0], 3.0 * x[1]], shared=[x])
        >>> weighter.weights
        tensor([1.5000, 0.5000])
        >>> weighter = GradientScale(["equation", "boundary"], rule="lra")
        >>> loss = weighter([6.0 * x[0], x.sum()], shared=[x])
        >>> weighter.weights
        tensor([1., 6.])

    References:
        Wang, Sankaran, Wang, Perdikaris, *An Expert's Guide to Training Physics-informed Neural Networks*, 2023
        (balance). https://arxiv.org/abs/2308.08468
        Wang, Teng, Perdikaris, *Understanding and Mitigating Gradient Flow Pathologies in Physics-Informed Neural
        Networks*, SIAM Journal on Scientific Computing 43, 2021 (lra). https://arxiv.org/abs/2001.04536
    """

    average: Tensor

    def __init__(
        self,
        names: Sequence[str],
        *,
        rule: Literal["balance", "lra"] = "balance",
        momentum: float = 0.9,
        sum_to: Total | Literal["rule"] = "rule",
        period: int = 1,
        history: int = 1000,
    ) -> None:
        one_of("balance", "lra")("rule", rule)
        if sum_to == "rule":
            sum_to = "tasks" if rule == "balance" else None
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        from_up_to(0.0, 1.0)("momentum", momentum)
        self.rule, self.momentum = rule, momentum
        self._remember(average=torch.ones(len(self.names), dtype=torch.float64))

    def _inner(self, losses: dict[str, Tensor], shared: Shared | None) -> Tensor:
        if self.rule == "balance":
            return super()._inner(losses, shared)
        largest, mean = gradient_sizes(losses, shared)
        return torch.cat([largest[:1], mean[1:]]).diag()  # the sizes that the rule compares, where the norms are else

    def _weigh(self, values: Tensor, gram: Tensor, state: State) -> tuple[Tensor, State]:
        sizes = gram.diagonal()
        if self.rule == "balance":
            sizes = sizes.clamp_min(0.0).sqrt()
            reference = sizes.sum()
        else:
            reference = sizes[0]
        before = state["average"].to(gram.dtype)
        kept = torch.where(state["looks"] == 0, 0.0, self.momentum)
        there = (sizes > 0) & (reference > 0)
        found = reference / torch.where(there, sizes, 1.0)
        average = torch.where(there, kept * before + (1.0 - kept) * found, before)
        return average, {"average": average}
