"""NT-Xent: in a crowd of views, recognise the other view of the same example."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from companion._checks import Reduction
from companion._margin import margin, plain_margin
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._similarity import root, unit, wide
from companion._twin import Twin
from companion.losses.pairs._anchors import anchor_logits, by_anchors, check_embeddings


def nt_xent_loss(
    z1: Float[Tensor, "examples features"],
    z2: Float[Tensor, "examples features"],
    *,
    temperature: float | Tensor = 0.1,
    chunk_size: int | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Draws the two views of an example together and apart from all other views in the batch, by direction alone.

    With s the cosine between two of the 2N views, for an anchor i whose other view is p,

    .. math:: \ell_i = -\log \frac{\exp(s_{ip} / T)}{\sum_{j \ne i} \exp(s_{ij} / T)} .

    Every view is an anchor once. Where all embeddings are equal, or all at right angles, the loss is log(2N - 1):
    1.0986 for two examples. A high temperature makes all other views count alike; towards 0 only the nearest one does,
    and T times the loss is a hinge on the difference of the two cosines. Nothing overflows or is cut off at T = 0.01,
    where an anchor's loss may lie anywhere between 1e-38 and 200; rounding is then felt a hundredfold, so pass float64
    where more than four digits of a gradient matter. The best embedding of many examples is the most
    uniform one on the sphere among those that keep the two views together. An embedding of zeros has the cosine 0 with
    all others and gets no gradient. A single example has nothing to be told from and costs 0.

    Time and memory grow with the square of N; ``chunk_size`` makes memory grow with N alone, for about
    twice the time.

    Args:
        z1: Embeddings of the first view of each example, ``(N, D)``; they are scaled to length 1 here.
        z2: Embeddings of the second view of the same examples, ``(N, D)``.
        temperature: T, above 0. A 0-d tensor may carry a gradient. The paper compares 0.05 to 1 on ImageNet and
            finds 0.1 best.
        chunk_size: How many anchors to take at a time, or None for all. Value and gradient are the same.
        sample_weight: One weight per example, ``(N,)``, or per anchor, ``(N, 2)``. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss in nats: a scalar, or ``(N, 2)`` under ``reduction="none"``, the first column with the views ``z1`` as
        anchors, the second with ``z2``.

    Raises:
        TypeError: If an embedding is not floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> z1, z2 = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[2.0, 0.0], [1.0, 0.0]])
        >>> nt_xent_loss(z1, z2, temperature=1.0, reduction="none")
        tensor([[0.8620, 0.8620],
                [1.0986, 1.8620]])

    References:
        Chen, Kornblith, Norouzi, Hinton, *A Simple Framework for Contrastive Learning of Visual Representations*, ICML
        2020, equation (1). https://arxiv.org/abs/2002.05709

        van den Oord, Li, Vinyals, *Representation Learning with Contrastive Predictive Coding*, 2018, equation (4).
        https://arxiv.org/abs/1807.03748
    """
    check_options("nt_xent_loss", temperature=temperature, chunk_size=chunk_size, reduction=reduction)
    check_embeddings("z1", z1)
    check_embeddings("z2", z2)
    if z2.shape != z1.shape:
        raise ValueError(
            f"`z2` must have the shape of `z1`, {tuple(z1.shape)}, got {tuple(z2.shape)}. Row i of both is a view of "
            "the same example."
        )
    examples = z1.shape[0]
    margin_of = margin if chunk_size is None else plain_margin  # the kernel of margin keeps what a chunk is to drop

    def some(start: int, stop: int, z: Tensor) -> Tensor:
        other = (torch.arange(start, stop, device=z.device) + examples) % (2 * examples)
        # What is near 0 hangs on the one large product, so that is not left to the order of a matrix product.
        own = (wide(z[start:stop]) * wide(z[other])).sum(dim=1, keepdim=True).to(z.dtype)
        logits = anchor_logits(start, stop, z).scatter(1, other.unsqueeze(1), own)
        return -F.logsigmoid(margin_of(logits, other))

    z = torch.cat([unit(z1, root(temperature)), unit(z2, root(temperature))])
    loss = by_anchors(some, z, chunk_size).view(2, examples).mT
    return reduce_rows(loss, sample_weight, reduction)


class NTXentLoss(Twin, of=nt_xent_loss): ...
