"""Supervised contrastive loss: in a crowd of embeddings, recognise all those of one's own class."""

from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._similarity import root, unit
from companion._twin import Twin
from companion.losses.pairs._anchors import (
    anchor_logits,
    by_anchors,
    check_embeddings,
    check_labels,
    class_sizes,
    same_label,
)
from companion.losses.pairs._positives import mean_cross_entropy, plain_mean_cross_entropy


def supervised_contrastive_loss(
    embeddings: Float[Tensor, "batch features"],
    labels: Shaped[Tensor, " batch"],
    *,
    temperature: float | Tensor = 0.1,
    chunk_size: int | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Draws the embeddings of a class together and apart from those of all others, by direction alone.

    With s the cosine between two embeddings and P(i) the others of the anchor's class,

    .. math:: \ell_i = -\frac{1}{|P(i)|} \sum_{p \in P(i)}
        \log \frac{\exp(s_{ip} / T)}{\sum_{j \ne i} \exp(s_{ij} / T)} .

    With one positive per anchor it is :func:`nt_xent_loss`. The positives compete with each other in the denominator,
    so with P of them no anchor costs less than log P; that least is reached when they are equal and all others far.
    Where all embeddings are equal, or all at right angles, the loss is log(N - 1): 1.0986 for four. A batch of one
    class is no exception: its members are made equal. The lower the temperature, the more the nearest of another class
    count; nothing overflows or is cut off at T = 0.01. Once the members of a class are nearly equal, the gradient is a
    small difference that float32 rounds: pass float64 where its digits matter. An anchor whose class has no other
    member has nothing to be drawn to: it is left out of the mean, 0 under ``"none"``, and still is one of those from
    which others are drawn apart. An embedding of zeros has the cosine 0 with all others and gets no gradient.

    This is the "out" form, with the mean outside the logarithm, that the authors recommend; their code also multiplies
    by T over a base temperature, which changes the learning rate and nothing else, and is left out.

    Time and memory grow with the square of N; ``chunk_size`` makes memory grow with N alone, for about twice the time.

    Args:
        embeddings: One per row, ``(N, D)``; they are scaled to length 1 here. For two views of each example,
            ``torch.cat([z1, z2])`` with ``labels.repeat(2)``.
        labels: Class of each row, integers, ``(N,)``.
        temperature: T, above 0. A 0-d tensor may carry a gradient. The paper uses 0.1.
        chunk_size: How many anchors to take at a time, or None for all. Value and gradient are the same.
        sample_weight: One weight per anchor, ``(N,)``. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss in nats: a scalar, or ``(N,)`` under ``reduction="none"``.

    Raises:
        TypeError: If ``embeddings`` is not floating point, ``labels`` is not integer, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> embeddings = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
        >>> supervised_contrastive_loss(embeddings, torch.tensor([0, 0, 1]), temperature=1.0, reduction="none")
        tensor([0.3133, 0.3133, 0.0000])

    References:
        Khosla, Teterwak, Wang, Sarna, Tian, Isola, Maschinot, Liu, Krishnan, *Supervised Contrastive Learning*, NeurIPS
        2020, equation (2). https://arxiv.org/abs/2004.11362
    """
    check_options("supervised_contrastive_loss", temperature=temperature, chunk_size=chunk_size, reduction=reduction)
    check_embeddings("embeddings", embeddings)
    check_labels(labels, embeddings)
    cross_entropy = mean_cross_entropy if chunk_size is None else plain_mean_cross_entropy

    def some(start: int, stop: int, z: Tensor) -> Tensor:
        return cross_entropy(anchor_logits(start, stop, z), same_label(start, stop, labels))

    loss = by_anchors(some, unit(embeddings, root(temperature)), chunk_size)
    return reduce_rows(loss, sample_weight, reduction, valid=class_sizes(labels) > 1)


class SupervisedContrastiveLoss(Twin, of=supervised_contrastive_loss): ...
