"""GradVac: gradients are bent towards each other until they are as similar as they have been."""

from collections.abc import Sequence

import torch
from torch import Tensor

from companion._checks import between, integer
from companion.weighters._base import State, Total
from companion.weighters._gram_weighter import GramWeighter
from companion.weighters._orders import orders_of_others
from companion.weighters._solvers import correlation, identity

_SMALLEST_SINE = 1e-6  # of the angle to aim for: parallel gradients need not be bent


class GradVac(GramWeighter):
    r"""Bend each gradient towards the others, in random order, until its cosine with each is what it usually is.

    .. math::
        g_i \leftarrow g_i + \frac{\lVert g_i \rVert \big(\hat\varphi_{ij} \sqrt{1 - \varphi_{ij}^2}
        - \varphi_{ij} \sqrt{1 - \hat\varphi_{ij}^2}\big)}{\lVert g_j \rVert \sqrt{1 - \hat\varphi_{ij}^2}}\, g_j
        \quad\text{if } \varphi_{ij} < \hat\varphi_{ij}, \qquad
        \hat\varphi_{ij} \leftarrow (1 - \beta)\, \hat\varphi_{ij} + \beta\, \varphi_{ij}

    where :math:`\varphi_{ij}` is the cosine of :math:`g_i`, as bent so far, and the gradient of loss j as it was. The
    direction is the sum of the bent gradients. PCGrad is the case of targets :math:`\hat\varphi = 0`, where they start.

    Limits: :math:`\beta = 0` is PCGrad. Gradients that agree more than usual are left alone, with weights 1, and so is
    a loss without a gradient. Not invariant to the units: angles are, the sum is not. Worked number: gradients (1, 0)
    and (0, 1) have the cosine 0; with targets of 0.6 each is bent by 3/4 of the other, weights 7/4 and 7/4.

    With features as ``shared`` the gradients are those at the features, whose angles are not those of the parameters.
    The paper keeps targets for groups of parameters; here there is one group, what is ``shared``. Orders are a function
    of ``seed`` and of the looks so far, as in :class:`PCGrad`. Implementations disagree: LibMTL updates a target only
    when it bends, TorchJD always, as here.

    Args:
        names: The losses.
        beta: Share of the newest cosine in its target, 0 to 1; 0.5 is what LibMTL and TorchJD start from.
        seed: Seed of the orders.
        sum_to: What the weights sum to: a number, ``"tasks"`` for the number of losses, or None for the sum of the bent
            gradients.
        period: Steps to average before a look.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range.

    Example:
        >>> weighter, x = GradVac(["right", "left"]), torch.zeros(2, requires_grad=True)
        >>> loss = weighter([x[0], x[1] - x[0]], shared=[x])
        >>> weighter.weights, weighter.targets[0, 1]  # a cosine of -0.7071, half of it remembered
        (tensor([2.0000, 1.5000]), tensor(-0.3536, dtype=torch.float64))

    References:
        Wang, Tsvetkov, Firat, Cao, *Gradient Vaccine: Investigating and Improving Multi-task Optimization in Massively
        Multilingual Models*, ICLR 2021. https://arxiv.org/abs/2010.05874
    """

    seed: Tensor
    targets: Tensor

    def __init__(
        self,
        names: Sequence[str],
        *,
        beta: float = 0.5,
        seed: int = 0,
        sum_to: Total = None,
        period: int = 1,
        history: int = 1000,
    ) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        between(0.0, 1.0)("beta", beta)
        integer("seed", seed)
        self.beta = beta
        tasks = len(self.names)
        self._remember(seed=torch.tensor(seed), targets=torch.zeros(tasks, tasks, dtype=torch.float64))

    def _weigh(self, values: Tensor, gram: Tensor, state: State) -> tuple[Tensor, State]:
        cosines, norms = correlation(gram)
        eye, there = identity(gram), gram.diagonal() > 0
        order = orders_of_others(state["seed"], state["looks"], len(gram))
        bendable = there.unsqueeze(1) & there[order]
        aims = state["targets"].to(gram.dtype).gather(1, order)
        sines = (1.0 - aims * aims).clamp_min(_SMALLEST_SINE**2).sqrt()
        cotangents = aims / sines
        # In units in which all norms are 1: row i says what the bent gradient i is made of, and `square` is its norm's.
        mixed, square, seen = eye, torch.ones_like(norms), []
        for at, (met, unit) in enumerate(zip(cosines[order].unbind(1), eye[order].unbind(1), strict=True)):
            product, length = (mixed * met).sum(1), square.sqrt()
            cosine = (product / length).clamp(-1.0, 1.0)
            bend = length * cotangents[:, at] * (1.0 - cosine * cosine).sqrt() - product
            bend = torch.where(bendable[:, at] & (cosine < aims[:, at]), bend, 0.0)
            mixed = mixed + bend.unsqueeze(1) * unit
            square = (square + bend * (2.0 * product + bend)).clamp_min(_SMALLEST_SINE**2)
            seen.append(torch.where(bendable[:, at], cosine, aims[:, at]))
        weights = norms @ mixed / norms
        if not seen:
            return weights, {}
        targets = aims + self.beta * (torch.stack(seen, 1) - aims)
        return weights, {"targets": state["targets"].to(gram.dtype).scatter(1, order, targets)}
