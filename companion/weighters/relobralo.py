"""ReLoBRaLo: relative loss balancing with random lookback."""

from collections.abc import Sequence

import torch
from torch import Tensor

from companion._checks import above, between, from_up_to, integer
from companion.weighters._base import State, Total, Weighter
from companion.weighters._draws import uniforms
from companion.weighters._ratios import ratio


class ReLoBRaLo(Weighter):
    r"""Give more weight to the loss of which more is left, since the last step and at times since the first.

    .. math::
        w(t) = \alpha \big(\rho\, w(t-1) + (1-\rho)\, \hat w(t, 0)\big) + (1-\alpha)\, \hat w(t, t-1), \qquad
        \hat w_k(t, t') = K\, \frac{e^{L_k(t) / (T L_k(t'))}}{\sum_j e^{L_j(t) / (T L_j(t'))}}

    where :math:`\rho` is 1 with probability ``rho`` and else 0, drawn anew at each look: mostly the weights drift
    with the last change, and now and then they are pulled towards what is left of the first losses. The units of the
    losses do not matter.

    Limits: a first loss that was small by chance keeps a large ratio. A ratio counts as 1 where it says nothing: the
    value before was not positive, or that of now is negative. Worked number: :math:`\alpha = 0.95`, T = 1, weights 1 so
    far, :math:`\rho = 1`; a loss that stays and one that halves have :math:`\hat w` = 1.245 and 0.755, hence weights
    0.95 + 0.05 · 1.245 = 1.012 and 0.988.

    Defaults are those of the libraries for physics that have the method. The first author's own code has
    :math:`\alpha` = 0.999 and T = 0.1, and takes the weights of the second step from :math:`\hat w` alone.

    Draws are a function of ``seed`` and of the looks so far: all ranks draw alike and a resumed run draws what it
    would have drawn.

    Args:
        names: The losses.
        alpha: Share that is remembered, at least 0 and below 1.
        rho: Probability to remember the last weights instead of the first losses, 0 to 1.
        temperature: T, above 0. The larger, the more equal the weights.
        seed: Seed of the draws.
        sum_to: What the weights sum to: a number, or ``"tasks"`` for the number of losses.
        period: Steps to average before a look.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range.

    Example:
        >>> weighter = ReLoBRaLo(["equation", "boundary"], rho=1.0)
        >>> for values in [(4.0, 4.0), (4.0, 2.0)]:
        ...     total = weighter([torch.tensor(value) for value in values])
        >>> weighter.weights
        tensor([1.0122, 0.9878])

    References:
        Bischof, Kraus, *Multi-Objective Loss Balancing for Physics-Informed Deep Learning*, Computer Methods in Applied
        Mechanics and Engineering 439, 2025. https://arxiv.org/abs/2110.09813
    """

    seed: Tensor
    first: Tensor
    before: Tensor

    def __init__(
        self,
        names: Sequence[str],
        *,
        alpha: float = 0.95,
        rho: float = 0.99,
        temperature: float = 1.0,
        seed: int = 0,
        sum_to: Total = "tasks",
        period: int = 1,
        history: int = 1000,
    ) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        from_up_to(0.0, 1.0)("alpha", alpha)
        between(0.0, 1.0)("rho", rho)
        above(0.0)("temperature", temperature)
        integer("seed", seed)
        self.alpha, self.rho, self.temperature = alpha, rho, temperature
        none = torch.zeros(len(self.names))
        self._remember(seed=torch.tensor(seed), first=none, before=none)

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        first = torch.where(state["looks"] == 0, values, state["first"])
        kept = uniforms(state["seed"], state["looks"], 1, dtype=values.dtype) < self.rho
        last = len(values) * state["weights"] / state["weights"].sum()
        remembered = torch.where(kept, last, self._balanced(values, first))
        weights = self.alpha * remembered + (1 - self.alpha) * self._balanced(values, state["before"])
        return weights, {"first": first, "before": values}

    def _balanced(self, values: Tensor, reference: Tensor) -> Tensor:
        scores = ratio(values, reference) / self.temperature
        return len(values) * scores.clamp_max(torch.finfo(scores.dtype).max).softmax(0)
