"""Aligned-MTL: the principal components of the gradients, made equally long."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from companion._checks import one_of
from companion.weighters._base import State, Total
from companion.weighters._gram_weighter import GramWeighter

_ROUNDING = torch.finfo(torch.float32).eps  # of inner products: what is left of an eigenvalue that should be 0
_SMALLEST = 1e-12  # sum of the entries of an eigenvector that counts


class AlignedMTL(GramWeighter):
    r"""Make the principal components of the gradients equally long, so that no conflict and no dominance is left.

    .. math::
        w = \sqrt{\sigma}\; V \Lambda^{-1/2} V^T \mathbf{1}, \qquad G = V \Lambda V^T

    where G holds the inner products of the gradients and :math:`\sigma` is the smallest, the median or the mean of the
    eigenvalues that are not 0. The aligned gradients :math:`\sqrt{\sigma}\, V \Lambda^{-1/2} V^T J` are orthogonal and
    of equal norm; their sum is the direction. It does not depend on one unit common to all losses; it does depend, if
    little, on the unit of a single loss.

    Limits: gradients that are orthogonal and of equal norm already are left as they are. Directions whose eigenvalue is
    below K times 1.2e-7 of the largest are rounding and do not count, so of two gradients one that is 2000 times
    shorter is dropped; if nothing is left the weights are equal. A weight may be negative if gradients are much alike;
    of features in half precision, gradients that are nearly parallel get weights of noise. Worked number: orthogonal
    gradients of norms 1 and 3 get weights 1 and 1/3, of a sum of 2 1.5 and 0.5.

    With features as ``shared`` components are aligned at the features, the approximation that the paper calls
    Aligned-MTL-UB. Implementations disagree on :math:`\sigma`: the paper takes the smallest eigenvalue, the code
    that TorchJD follows offers all three; with the weights scaled to a sum it does not matter. LibMTL's version calls a
    function that torch has removed. On a GPU the eigenvalues make the host wait: no other method here does.

    Args:
        names: The losses.
        scale: ``"min"``, ``"median"`` or ``"rmse"``, which is the mean; of effect only with ``sum_to=None``.
        sum_to: What the magnitudes of the weights sum to: a number, ``"tasks"`` for the number of losses, or None for
            the sum of the aligned gradients.
        period: Steps to average before a look.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range.

    Example:
        >>> weighter, x = AlignedMTL(["short", "long"]), torch.zeros(2, requires_grad=True)
        >>> loss = weighter([x[0], 3.0 * x[1]], shared=[x])
        >>> weighter.weights
        tensor([1.5000, 0.5000])

    References:
        Senushkin, Patakin, Kuznetsov, Konushin, *Independent Component Alignment for Multi-Task Learning*, CVPR 2023.
        https://arxiv.org/abs/2305.19000
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        scale: Literal["min", "median", "rmse"] = "min",
        sum_to: Total = "tasks",
        period: int = 1,
        history: int = 1000,
    ) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        one_of("min", "median", "rmse")("scale", scale)
        self.scale = scale

    def _weigh(self, values: Tensor, gram: Tensor, state: State) -> tuple[Tensor, State]:
        # `eigh` raises where a gradient is not finite; the base then keeps the last weights.
        found, vectors = torch.linalg.eigh(torch.nan_to_num(gram, 0.0, 0.0, 0.0))
        kept = found > len(found) * _ROUNDING * found[-1]
        lengths = torch.where(kept, found, 1.0).sqrt()
        sums = torch.where(kept, vectors.sum(0), 0.0)
        weights = self._size(found, kept) * (vectors @ (sums / lengths))
        told = (weights.abs().sum() > 0) & (sums.abs().amax() > _SMALLEST)
        return torch.where(told, weights, 1.0), {}

    def _size(self, found: Tensor, kept: Tensor) -> Tensor:
        """The common norm of the aligned gradients; the eigenvalues ascend, so those that count are the last."""
        count = kept.sum()
        if self.scale == "rmse":
            return (torch.where(kept, found, 0.0).sum() / count.clamp_min(1)).sqrt()
        middle = 0 if self.scale == "min" else (count - 1).clamp_min(0) // 2
        place = (len(found) - count + middle).clamp_max(len(found) - 1)
        return found.index_select(0, place.view(1))[0].clamp_min(0.0).sqrt()
