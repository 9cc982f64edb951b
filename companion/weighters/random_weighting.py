"""Random weights: the baseline that shows what looking at the losses is worth."""

from collections.abc import Sequence

import torch
from torch import Tensor

from companion._checks import integer
from companion.weighters._base import State, Total, Weighter
from companion.weighters._draws import normals


class RandomWeighting(Weighter):
    r"""Draw the weights anew at each look, whatever the losses are (random loss weighting, RLW).

    .. math:: w_k = K\, \frac{e^{z_k}}{\sum_j e^{z_j}}, \qquad z_k \sim N(0, 1)

    On average the losses count alike, so the model learns as from their sum, with more noise in its steps. A method
    that looks at the losses and does no better has learned nothing from them. Worked number: of two losses the
    greater weight is above 1.44 in half of the draws and above 1.95 in one of a hundred.

    Draws are a function of ``seed`` and of the looks so far: all ranks draw alike and a resumed run draws what it
    would have drawn. The paper's weights sum to 1, which is ``sum_to=1``.

    Args:
        names: The losses.
        seed: Seed of the draws.
        sum_to: What the weights sum to: a number, or ``"tasks"`` for the number of losses.
        period: Steps that keep their weights.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range.

    Example:
        >>> weighter = RandomWeighting(["depth", "normals"], seed=1)
        >>> total = weighter([torch.tensor(1.0), torch.tensor(1.0)])
        >>> total, weighter.weights
        (tensor(2.), tensor([1.0422, 0.9578]))

    References:
        Lin, Ye, Zhang, Tsang, *Reasonable Effectiveness of Random Weighting: A Litmus Test for Multi-Task Learning*,
        Transactions on Machine Learning Research, 2022. https://arxiv.org/abs/2111.10603
    """

    seed: Tensor

    def __init__(
        self,
        names: Sequence[str],
        *,
        seed: int = 0,
        sum_to: Total = "tasks",
        period: int = 1,
        history: int = 1000,
    ) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        integer("seed", seed)
        self._remember(seed=torch.tensor(seed))

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        drawn = normals(state["seed"], state["looks"], len(values), dtype=values.dtype)
        return len(values) * drawn.softmax(0), {}
