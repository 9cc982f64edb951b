"""DB-MTL: gradients of the logarithms of the losses, all as long as the longest."""

from collections.abc import Sequence

import torch
from torch import Tensor

from companion.weighters._base import State, Total
from companion.weighters._gram_weighter import GramWeighter
from companion.weighters._solvers import positive_norms


class DBMTL(GramWeighter):
    r"""Take the logarithm of each loss, and stretch all gradients to the length of the longest.

    .. math::
        \hat g_k = \nabla \log L_k = \frac{g_k}{L_k}, \qquad
        d = \max_j \lVert \hat g_j \rVert \sum_k \frac{\hat g_k}{\lVert \hat g_k \rVert}, \qquad
        w_k = \frac{\max_j n_j / L_j}{n_k}

    where :math:`n_k` is the norm of :math:`g_k`. The logarithm cancels from the direction: it sets the length of the
    step only, and with the weights scaled to a sum not even that. What is left is gradients of equal norm. The
    direction does not depend on the units of the losses.

    This is the paper's method without its moving average of gradients (:math:`\beta = 0`), which is the one part that
    inner products cannot tell and that costs K copies of the parameters.

    Limits: a loss that is nearly fitted, with a short gradient, is blown up to the length of the others, noise
    included. A loss that is not positive has no logarithm and does not count for the maximum. A loss without a gradient
    gets the smallest of the weights. Worked number: norms 1 and 4 at losses 1 and 2 are 1 and 2 for the logarithms; the
    weights 2/1 and 2/4, of a sum of 2, are 1.6 and 0.4.

    With features as ``shared`` gradients are made equally long at the features. Implementations disagree: LibMTL gives
    heads the gradients of the logarithms; here, as with all weighters, they get the weights of the trunk.

    Args:
        names: The losses.
        sum_to: What the weights sum to: a number, ``"tasks"`` for the number of losses, or None for the paper's length.
        period: Steps to average before a look.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range.

    Example:
        >>> weighter, x = DBMTL(["short", "long"]), torch.ones(2, requires_grad=True)
        >>> loss = weighter([x[0], 4.0 * x[1] - 2.0], shared=[x])
        >>> weighter.weights
        tensor([1.6000, 0.4000])

    References:
        Lin, Jiang, Ye, Zhang, Chen, Chen, Liu, Kwok, *Dual-Balancing for Multi-Task Learning*, 2023.
        https://arxiv.org/abs/2308.12029
    """

    def __init__(self, names: Sequence[str], *, sum_to: Total = "tasks", period: int = 1, history: int = 1000) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)

    def _weigh(self, values: Tensor, gram: Tensor, state: State) -> tuple[Tensor, State]:
        norms, losses = positive_norms(gram), values.to(gram.dtype)
        there = (losses > 0) & (gram.diagonal() > 0)
        longest = torch.where(there, norms / torch.where(there, losses, 1.0), 0.0).amax()
        return torch.where(longest > 0, longest, norms.amax()) / norms, {}
