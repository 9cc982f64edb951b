"""FAMO: more weight to the loss whose logarithm falls slowest."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from companion._checks import above, at_least
from companion.weighters._base import Losses, State, Total, Weighter
from companion.weighters._gram import mean_over_ranks
from companion.weighters._options import PerLoss, numbers

_MEMORY = {"mean": 0.9, "square": 0.999}  # Adam's


class FAMO(Weighter):
    r"""Give more weight to the loss that falls slowest, in per cent, by logits that learn from step to step.

    .. math::
        w_k = c\, \frac{z_k}{L_k - b_k}, \qquad z = \operatorname{softmax}(\xi), \qquad
        \nabla_{\xi_k} = z_k \Big(\delta_k - \sum_j z_j \delta_j\Big) + \gamma\, \xi_k, \qquad
        \delta_k = \log \frac{L_k(t) - b_k}{L_k(t+1) - b_k}

    where c makes the weights sum to a constant and Adam moves the logits :math:`\xi` against the gradient: a loss that
    fell more than the others loses weight. With bounds b of 0 units do not matter. At first z is equal and the
    direction that of :class:`~companion.weighters.LogSum`. Worked number: losses 1 and 4 have weights 1.6 and 0.4.

    :math:`L_k(t+1)` is the loss of the **same** batch after the optimiser's step, which costs one more forward pass:
    ``weighter.observe(losses)``. Without it the next batch serves, which costs nothing; then the difference between
    the batches is noise in :math:`\delta`.

    Limits: every loss must stay above its bound; with one that does not, the weights stay as they were. Dropout and
    batch statistics make the second evaluation of a batch differ from the first for reasons that are not the step.

    Differences: the weights sum to K by default, those of the paper to 1. The paper prints :math:`\gamma` = 0.001; the
    authors' stand-alone code has 0.01, ports of their experiments 1e-5. Their code returns :math:`c \sum_k z_k \log
    (L_k - b_k)`, this the weighted sum: another value with the same derivatives.

    Args:
        names: The losses.
        lower: Bound b below each loss, by name or in the order of ``names``; 0 by default.
        learning_rate: Of the logits.
        gamma: Pull of the logits towards 0, at least 0.
        sum_to: What the weights sum to: a number, or ``"tasks"`` for the number of losses.
        period: Steps to average before a look. ``observe`` needs a period of 1.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range or ``lower`` does not fit ``names``.

    Example:
        >>> weighter = FAMO(["depth", "normals"])
        >>> for values in [(1.0, 4.0), (0.5, 4.0)]:
        ...     total = weighter([torch.tensor(value) for value in values])
        >>> weighter.weights  # equal logits would give 16 / 9 and 2 / 9; depth fell, and its logit with it
        tensor([1.7677, 0.2323])

    References:
        Liu, Feng, Stone, Liu, *FAMO: Fast Adaptive Multitask Optimization*, NeurIPS 2023.
        https://arxiv.org/abs/2306.03792
    """

    lower: Tensor
    logits: Tensor
    mean: Tensor
    square: Tensor
    updates: Tensor
    last: Tensor
    waiting: Tensor

    def __init__(
        self,
        names: Sequence[str],
        *,
        lower: PerLoss | None = None,
        learning_rate: float = 0.025,
        gamma: float = 0.001,
        sum_to: Total = "tasks",
        period: int = 1,
        history: int = 1000,
    ) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        above(0.0)("learning_rate", learning_rate)
        at_least(0.0)("gamma", gamma)
        self.learning_rate, self.gamma = learning_rate, gamma
        self.register_buffer("lower", numbers("lower", lower, self.names), persistent=False)
        none = torch.zeros(len(self.names))
        self._remember(logits=none, mean=none, square=none, updates=torch.tensor(0))
        self._remember(last=none, waiting=torch.tensor(False))

    @torch.no_grad()
    def observe(self, losses: Losses) -> None:
        """Learn from the losses of the last batch, evaluated anew after the optimiser's step.

        Args:
            losses: As for a call; no gradient is needed. Not finite or not above its bound, they are passed over.

        Raises:
            KeyError: If a name is missing or unknown.
            TypeError: If a loss is not a floating point tensor.
            ValueError: If a loss is not a scalar, or ``period`` is above 1.
        """
        if self.period > 1:
            raise ValueError(f"`observe` needs `period=1`, got {self.period}: which batch of the period is meant?")
        values = torch.stack([term.detach().to(self.weights.dtype) for term in self._terms(losses)])
        if not self.training:
            return
        logs = self._logs(mean_over_ranks(values))
        found = self._learned(logs, self.state()) | {"waiting": torch.zeros_like(self.waiting)}
        told = torch.isfinite(logs).all()
        for name, value in found.items():
            before = getattr(self, name)
            before.copy_(torch.where(told, value, before))

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        logs = self._logs(values)
        found = self._learned(logs, state)
        weights = (found["logits"] - logs).softmax(0)
        return weights, found | {"last": logs, "waiting": torch.ones_like(state["waiting"])}

    def _logs(self, values: Tensor) -> Tensor:
        return (values - self.lower).log()  # not finite where a loss is not above its bound

    def _learned(self, logs: Tensor, state: State) -> State:
        """Adam's step on the logits, if a batch waits to be compared with."""
        z = state["logits"].softmax(0)
        delta = state["last"] - logs
        gradient = z * (delta - (z * delta).sum()) + self.gamma * state["logits"]
        updates = state["updates"] + 1
        moments, unbiased = {}, {}
        for (name, kept), new in zip(_MEMORY.items(), (gradient, gradient.square()), strict=True):
            moments[name] = kept * state[name] + (1 - kept) * new
            unbiased[name] = moments[name] / -torch.expm1(updates.to(logs.dtype) * math.log(kept))
        step = self.learning_rate * unbiased["mean"] / (unbiased["square"].sqrt() + 1e-8)
        found = moments | {"logits": state["logits"] - step, "updates": updates}
        return {name: torch.where(state["waiting"], value, state[name]) for name, value in found.items()}
