"""Nash-MTL: the direction on which losses would agree that bargain over it."""

from collections.abc import Sequence

from torch import Tensor

from companion.weighters._base import State, Total
from companion.weighters._gram_weighter import GramWeighter
from companion.weighters._solvers import fair_weights


class NashMTL(GramWeighter):
    r"""Descend in the direction that maximises the product of the gains of all losses, their Nash bargaining solution.

    .. math::
        d = \arg\max_{\lVert d \rVert \le 1} \sum_k \log\, g_k^T d, \qquad d \propto \sum_k w_k g_k, \qquad
        (G w)_k = 1 / w_k

    where G holds the inner products of the gradients. The direction does not depend on the units of the losses: with a
    gradient c times longer, its weight is c times smaller. Every loss falls, at the rate :math:`1 / w_k`.

    Limits: orthogonal gradients get weights inverse to their norms. Where gradients cancel, no direction lowers all
    losses and the solution is infinite; finite weights that nearly cancel are found, and scaled. Where one loss can be
    fitted exactly, nearly all of a fixed sum goes to it and the step of the others shrinks faster than Adam forgets:
    ``sum_to=None`` is better then. A loss without a gradient counts as orthogonal to the others and as long as the
    longest. Worked number: gradients (1, 0) and (0, 2) give :math:`w_1 = 1` and :math:`4 w_2 = 1 / w_2`, weights 1 and
    1/2, of a sum of 2 1.333 and 0.667.

    With features as ``shared`` the bargain is about steps of the features. Implementations disagree: the authors' code,
    which LibMTL and TorchJD follow, solves a sequence of convex problems, which at times ends far from the equation,
    and bounds the norm of the direction; here it is solved to rounding by Newton steps, and ``sum_to`` fixes the size.
    :class:`FairGrad` with ``alpha=1`` is the same.

    Args:
        names: The losses.
        sum_to: What the weights sum to: a number, ``"tasks"`` for the number of losses, or None for the solution of the
            equation itself, whose direction has the norm :math:`\sqrt K`.
        period: Steps to average before a look.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range.

    Example:
        >>> import torch
        >>> weighter, x = NashMTL(["short", "long"]), torch.zeros(2, requires_grad=True)
        >>> loss = weighter([x[0], 2.0 * x[1]], shared=[x])
        >>> weighter.weights
        tensor([1.3333, 0.6667])

    References:
        Navon, Shamsian, Achituve, Maron, Kawaguchi, Chechik, Fetaya, *Multi-Task Learning as a Bargaining Game*, ICML
        2022. https://arxiv.org/abs/2202.01017
    """

    def __init__(self, names: Sequence[str], *, sum_to: Total = "tasks", period: int = 1, history: int = 1000) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)

    def _weigh(self, values: Tensor, gram: Tensor, state: State) -> tuple[Tensor, State]:
        return fair_weights(gram, 1.0), {}
