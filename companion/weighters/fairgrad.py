"""FairGrad: gains of the losses shared out by a chosen degree of fairness."""

from collections.abc import Sequence

from torch import Tensor

from companion._checks import above
from companion.weighters._base import State, Total
from companion.weighters._gram_weighter import GramWeighter
from companion.weighters._solvers import fair_weights


class FairGrad(GramWeighter):
    r"""Descend in the direction that shares out the gains of the losses with a chosen degree of fairness.

    .. math::
        d = \arg\max_{\lVert d \rVert \le 1} \sum_k \frac{(g_k^T d)^{1 - \alpha}}{1 - \alpha}, \qquad
        d \propto \sum_k w_k g_k, \qquad (G w)_k = w_k^{-1/\alpha}

    where G holds the inner products of the gradients. Small :math:`\alpha` favours the losses that are easy to lower;
    at :math:`\alpha = 1` the product of the gains is largest, which is :class:`NashMTL`; as it grows all gains become
    equal.

    Limits: independent of the units of single losses at :math:`\alpha = 1` only. The equation holds to 1e-6 for
    :math:`\alpha` from 0.5 to 5 while norms differ by a factor of up to 1000; outside, what the fixed number of steps
    has reached is used. Where gradients cancel, and for a loss without a gradient, as :class:`NashMTL`. Worked number:
    :math:`\alpha = 2`, orthogonal gradients of norms 1 and 2: :math:`w_1 = 1` and :math:`4 w_2 = w_2^{-1/2}`, so
    :math:`w_2 = 4^{-2/3}` = 0.397; of a sum of 2, weights 1.432 and 0.568.

    With features as ``shared`` the gains are those of steps of the features.

    Args:
        names: The losses.
        alpha: Degree of fairness, above 0.
        sum_to: What the weights sum to: a number, ``"tasks"`` for the number of losses, or None for the solution of the
            equation itself.
        period: Steps to average before a look.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range.

    Example:
        >>> import torch
        >>> weighter, x = FairGrad(["short", "long"], alpha=2.0), torch.zeros(2, requires_grad=True)
        >>> loss = weighter([x[0], 2.0 * x[1]], shared=[x])
        >>> weighter.weights
        tensor([1.4318, 0.5682])

    References:
        Ban, Ji, *Fair Resource Allocation in Multi-Task Learning*, ICML 2024. https://arxiv.org/abs/2402.15638
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        alpha: float = 1.0,
        sum_to: Total = "tasks",
        period: int = 1,
        history: int = 1000,
    ) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        above(0.0)("alpha", alpha)
        self.alpha = alpha

    def _weigh(self, values: Tensor, gram: Tensor, state: State) -> tuple[Tensor, State]:
        return fair_weights(gram, 1.0 / self.alpha), {}
