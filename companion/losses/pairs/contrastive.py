"""Contrastive loss: similar pairs attract, dissimilar pairs repel up to a margin."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._margin import upcast
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._twin import Twin
from companion.losses.pairs._anchors import check_embeddings
from companion.losses.pairs._distances import length


def contrastive_loss(
    x1: Float[Tensor, "pairs features"],
    x2: Float[Tensor, "pairs features"],
    similar: Shaped[Tensor, " pairs"],
    *,
    margin: float = 1.0,
    sample_weight: Float[Tensor, "..."] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Draws the embeddings of similar pairs together and pushes those of dissimilar pairs a margin apart.

    With :math:`d = \lVert x_1 - x_2 \rVert` and :math:`y = 1` for a **similar** pair, 0 for a dissimilar one,

    .. math:: \ell = \frac{y}{2} d^2 + \frac{1 - y}{2} \max(0, \text{margin} - d)^2 .

    Mind the side: the paper writes Y = 1 for dissimilar pairs, as do some libraries; here it is 1 for similar ones. At
    a margin of 1 a pair at distance 0.4 costs 0.08 if it is similar and 0.18 if it is not. A dissimilar pair beyond the
    margin is left alone; without dissimilar pairs, or at ``margin=0``, the best model maps everything to one point. Two
    equal embeddings of a dissimilar pair have no direction in which to part: the loss is ``margin**2 / 2``, the
    gradient 0.

    Args:
        x1: First embedding of each pair, ``(N, D)``, as it is: lengths count. Normalise it for a loss of directions,
            where distances end at 2.
        x2: Second embedding of each pair, ``(N, D)``.
        similar: 1 or True where the pair is similar, 0 or False where it is not, or anything between, ``(N,)``; never
            the -1 of other libraries, which turns the loss negative. For all pairs of a batch with labels:
            ``i, j = torch.triu_indices(n, n, 1)`` and ``labels[i] == labels[j]``.
        margin: Distance from which dissimilar pairs cost nothing, at least 0, in the units of the embeddings.
        sample_weight: One weight per pair, ``(N,)``. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss, in squared units of the embeddings: a scalar, or ``(N,)`` under ``reduction="none"``.

    Raises:
        TypeError: If an embedding is not floating point, ``similar`` is no real tensor, or an option has the wrong
            type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> x1, x2 = torch.tensor([[0.0, 0.0], [0.0, 0.0]]), torch.tensor([[0.4, 0.0], [0.4, 0.0]])
        >>> contrastive_loss(x1, x2, torch.tensor([True, False]), reduction="none")
        tensor([0.0800, 0.1800])

    References:
        Hadsell, Chopra, LeCun, *Dimensionality Reduction by Learning an Invariant Mapping*, CVPR 2006, equation (4).
        https://doi.org/10.1109/CVPR.2006.100
    """
    check_options("contrastive_loss", margin=margin, reduction=reduction)
    _check_pairs(x1, x2, similar)
    difference = upcast(x1) - upcast(x2)
    y = similar.to(difference.dtype)
    apart = (margin - length(difference)).clamp_min(0.0)
    loss = torch.lerp(apart.square(), difference.square().sum(dim=1), y) / 2
    return reduce_rows(loss, sample_weight, reduction)


def _check_pairs(x1: Tensor, x2: Tensor, similar: Tensor) -> None:
    check_embeddings("x1", x1)
    check_embeddings("x2", x2)
    if x2.shape != x1.shape:
        raise ValueError(
            f"`x2` must have the shape of `x1`, {tuple(x1.shape)}, got {tuple(x2.shape)}. Row i of both is a pair."
        )
    if not isinstance(similar, Tensor):
        raise TypeError(
            f"`similar` must be a tensor, got {type(similar).__name__}. Did you mean `torch.as_tensor(similar)`?"
        )
    if similar.is_complex():
        raise TypeError(f"`similar` must hold 1 for similar pairs and 0 for others, got dtype {similar.dtype}.")
    rows = (x1.shape[0],)
    if similar.shape != rows:
        cure = " Did you mean `similar.squeeze(-1)`?" if similar.shape == (*rows, 1) else ""
        raise ValueError(f"`similar` must have shape {rows}, one mark per pair, got {tuple(similar.shape)}.{cure}")


class ContrastiveLoss(Twin, of=contrastive_loss): ...
