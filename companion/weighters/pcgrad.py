"""PCGrad: gradients are projected so that none opposes another."""

from collections.abc import Sequence

import torch
from torch import Tensor

from companion._checks import integer
from companion.weighters._base import State, Total
from companion.weighters._gram_weighter import GramWeighter
from companion.weighters._orders import orders_of_others
from companion.weighters._solvers import identity


class PCGrad(GramWeighter):
    r"""Take from each gradient what opposes another one, in random order, and add up what is left.

    .. math::
        g_i \leftarrow g_i - \frac{\min(g_i^T g_j, 0)}{\lVert g_j \rVert^2}\, g_j
        \quad\text{for all } j \ne i \text{ in random order}, \qquad d = \sum_i g_i

    where :math:`g_j` is the gradient of loss j as it was. Every step adds a multiple of some gradient, so d is a
    weighted sum of gradients, with weights of at least 1.

    Limits: without conflict all weights are 1, the plain sum. With two losses d opposes neither; with more, the last
    projection may undo the first, so it may. Not invariant to the units: conflict is judged by angles, but the
    projections are added up as they are. A loss without a gradient keeps the weight 1. Worked number: gradients (1, 0)
    and (-1, 1) have the product -1 and squared norms 1 and 2; the first becomes (1/2, 1/2), the second (0, 1), and d =
    (1/2, 3/2), weights 2 and 3/2.

    With features as ``shared`` the gradients are those at the features: cheap, but two losses may conflict there and
    not in the parameters, or the other way round. Orders are a function of ``seed`` and of the looks so far: all ranks
    draw alike and a resumed run draws what it would have drawn. Implementations disagree: LibMTL's 2021 wheel may
    project a gradient on itself.

    Args:
        names: The losses.
        seed: Seed of the orders.
        sum_to: What the weights sum to: a number, ``"tasks"`` for the number of losses, or None for the sum of the
            projected gradients.
        period: Steps to average before a look.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range.

    Example:
        >>> weighter, x = PCGrad(["right", "left"]), torch.zeros(2, requires_grad=True)
        >>> loss = weighter([x[0], x[1] - x[0]], shared=[x])
        >>> weighter.weights
        tensor([2.0000, 1.5000])

    References:
        Yu, Kumar, Gupta, Levine, Hausman, Finn, *Gradient Surgery for Multi-Task Learning*, NeurIPS 2020.
        https://arxiv.org/abs/2001.06782
    """

    seed: Tensor

    def __init__(
        self,
        names: Sequence[str],
        *,
        seed: int = 0,
        sum_to: Total = None,
        period: int = 1,
        history: int = 1000,
    ) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        integer("seed", seed)
        self._remember(seed=torch.tensor(seed))

    def _weigh(self, values: Tensor, gram: Tensor, state: State) -> tuple[Tensor, State]:
        eye, squares = identity(gram), gram.diagonal()
        order = orders_of_others(state["seed"], state["looks"], len(gram))
        products = gram[order]  # (i, s, k): of the gradient that i meets in its step s with gradient k
        units = (eye / torch.where(squares > 0, squares, 1.0))[order]
        mixed = eye  # row i says what the projected gradient i is made of
        for met, unit in zip(products.unbind(1), units.unbind(1), strict=True):
            against = (mixed * met).sum(1, keepdim=True).clamp_max(0.0)
            mixed = mixed - against * unit
        return mixed.sum(0), {}
