"""Triplet loss: nearer to one's own kind than to any other, by a margin."""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._margin import full_precision, upcast
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._similarity import wide
from companion._twin import Twin
from companion.losses.pairs._anchors import by_anchors, check_embeddings, check_labels, class_sizes, same_label
from companion.losses.pairs._distances import distances, length

Mining = Literal["all", "hard", "semi-hard"]


def triplet_loss(
    embeddings: Float[Tensor, "batch features"],
    labels: Shaped[Tensor, " batch"],
    *,
    margin: float = 0.2,
    mining: Mining = "all",
    soft_margin: bool = False,
    squared: bool = False,
    max_positives: int | None = None,
    chunk_size: int | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Wants every embedding nearer to those of its class than to all others, by a margin.

    With d the Euclidean distance, for an anchor i, a positive p of its class and a negative n of another,

    .. math:: \ell_{ipn} = \max(0, d_{ip} - d_{in} + \text{margin}) ,

    or, with ``soft_margin``, :math:`\log(1 + \exp(d_{ip} - d_{in}))`, which keeps pulling beyond any margin. An
    anchor's loss is the mean over the triplets that ``mining`` chooses for it:

    * ``"all"``: every positive with every negative. Most triplets soon cost 0, and the mean fades with them.
    * ``"hard"``: the farthest positive with the nearest negative. Fast, but a model that maps everything to one point
      is a trap at first, and wrong labels are what is farthest.
    * ``"semi-hard"``: every positive with the nearest negative that is farther than it, or, if none is, with the
      farthest.

    A positive at distance 1, a negative at 0.9 and a margin of 0.2 cost 0.3; the soft loss is 0.744. Where all
    embeddings are equal every loss is the margin, or 0.693, and the gradient is 0: two equal embeddings have no
    direction in which to part. An anchor without a positive or without a negative is left out of the mean, 0 under
    ``"none"``: a batch of one class, or of all different ones, costs 0 with a gradient of 0.

    Distances are computed from differences and in float64, not as :math:`|x|^2 - 2 x \cdot y + |y|^2`, which has no
    correct digit for near neighbours far from the origin. Memory grows with the square of N (``chunk_size`` makes it
    grow with N alone), time too, times log N for ``"all"`` and ``"semi-hard"``, whatever the number of positives. Only
    the soft margin of ``"all"`` looks at every triplet: give it ``max_positives``.

    Args:
        embeddings: One per row, ``(N, D)``, as they are: lengths count. FaceNet normalises them first.
        labels: Class of each row, integers, ``(N,)``.
        margin: At least 0, in the units of the distance. Not used with ``soft_margin``. FaceNet uses 0.2, with squared
            distances.
        mining: ``"all"``, ``"hard"`` or ``"semi-hard"``.
        soft_margin: Softplus in place of the hinge.
        squared: Squared distances, as in FaceNet. Their gradient fades for near positives, and a collapse is likelier.
        max_positives: The most positives that an anchor has, 3 for batches of 4 rows per class. Only the soft margin of
            ``"all"`` uses it: time and memory grow with it instead of N. If an anchor has more, its farthest count.
        chunk_size: How many anchors to take at a time, or None for all. Value and gradient are the same.
        sample_weight: One weight per anchor, ``(N,)``. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss, in the units of the distance: a scalar, or ``(N,)`` under ``reduction="none"``.

    Raises:
        TypeError: If ``embeddings`` is not floating point, ``labels`` is not integer, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> embeddings, labels = torch.tensor([[0.0], [1.0], [-0.9], [-3.0]]), torch.tensor([0, 0, 1, 1])
        >>> triplet_loss(embeddings, labels, reduction="none")  # the last two: 2.1 against 0.9 or 1.9, 3 or 4
        tensor([0.1500, 0.0000, 0.9000, 0.0000])
        >>> triplet_loss(embeddings, labels, mining="hard", reduction="none")
        tensor([0.3000, 0.0000, 1.4000, 0.0000])

    References:
        Schroff, Kalenichenko, Philbin, *FaceNet: A Unified Embedding for Face Recognition and Clustering*, CVPR 2015,
        section 3. https://arxiv.org/abs/1503.03832

        Hermans, Beyer, Leibe, *In Defense of the Triplet Loss for Person Re-Identification*, 2017, section 2: batch
        hard, batch all, soft margin. https://arxiv.org/abs/1703.07737
    """
    check_options(
        "triplet_loss",
        margin=margin,
        mining=mining,
        soft_margin=soft_margin,
        squared=squared,
        max_positives=max_positives,
        chunk_size=chunk_size,
        reduction=reduction,
    )
    check_embeddings("embeddings", embeddings)
    check_labels(labels, embeddings)

    size = class_sizes(labels)
    positives, negatives = size - 1, labels.shape[0] - size

    def some(start: int, stop: int, x: Tensor) -> Tensor:
        same = labels[start:stop].unsqueeze(1) == labels
        if mining == "hard":
            return _cost(*_hardest(start, stop, x, same, squared), margin, soft_margin)
        d = distances(start, stop, x)
        d = d.square() if squared else d
        positive, strangers = same_label(start, stop, labels), negatives[start:stop].unsqueeze(1)
        if mining == "semi-hard":
            cost = _cost(d, _semi_hard(d, same, strangers), margin, soft_margin)
        elif soft_margin:
            cost, positive = _every_triplet(d, positive, same, strangers, max_positives)
        else:
            cost = _hinges(d, same, strangers, margin)
        return cost.masked_fill(~positive, 0.0).sum(dim=1) / positive.sum(dim=1).clamp_min(1)

    x = upcast(embeddings)
    # A cost is a difference of distances, of which float32 would leave few digits.
    loss = by_anchors(some, wide(x), chunk_size).to(x.dtype)
    return reduce_rows(loss, sample_weight, reduction, valid=(positives > 0) & (negatives > 0))


def _cost(to_positive: Tensor, to_negative: Tensor, margin: float, soft_margin: bool) -> Tensor:
    gap = to_positive - to_negative
    return -F.logsigmoid(-gap) if soft_margin else (gap + margin).clamp_min(0.0)


def _hardest(start: int, stop: int, x: Tensor, same: Tensor, squared: bool) -> tuple[Tensor, Tensor]:
    """Distances (M,) to the farthest of the own class and the nearest other: only these two need a gradient.

    To find them a matrix product will do: |a - x|^2 - |a|^2, in float64 and around the mean, tells distances apart that
    differ by 1e-8 of the spread. What is found is then measured exactly.
    """
    with torch.no_grad(), full_precision(x):
        around = x - x.mean(dim=0)
        order = torch.addmm(around.square().sum(dim=1), around[start:stop], around.mT, alpha=-2)
        farthest, far = order.masked_fill(~same, float("-inf")).max(dim=1)
        nearest, near = order.masked_fill(same, float("inf")).min(dim=1)
    differences = (x[start:stop] - x[far], x[start:stop] - x[near])
    to_far, to_near = (v.square().sum(dim=1) if squared else length(v) for v in differences)
    # One NaN or infinity in the batch spoils the mean, and with it every choice.
    return to_far.masked_fill(farthest.isnan(), float("nan")), to_near.masked_fill(nearest.isnan(), float("nan"))


def _semi_hard(d: Tensor, same: Tensor, negatives: Tensor) -> Tensor:
    """For each pair (M, N), as if it were one with a positive, the distance to the negative chosen for it."""
    ordered = d.masked_fill(same, torch.finfo(d.dtype).max).sort(dim=1).values
    farther = torch.searchsorted(ordered.detach(), d.detach(), right=True)
    return ordered.gather(1, torch.minimum(farther, negatives - 1).clamp_min(0))


def _hinges(d: Tensor, same: Tensor, negatives: Tensor, margin: float) -> Tensor:
    """For each pair (M, N), as if it were one with a positive, its mean hinge over the negatives.

    A threshold t = d + margin above k of the sorted negatives costs k t minus their sum, whatever the number of
    positives.
    """
    ordered = d.masked_fill(same, float("inf")).sort(dim=1).values
    threshold = d + margin
    below = torch.searchsorted(ordered.detach(), threshold.detach())
    total = F.pad(ordered.masked_fill(ordered.isinf(), 0.0).cumsum(dim=1), (1, 0)).gather(1, below)
    return (below * threshold - total) / negatives.clamp_min(1)


def _every_triplet(
    d: Tensor, positive: Tensor, same: Tensor, negatives: Tensor, most: int | None
) -> tuple[Tensor, Tensor]:
    """The mean soft cost over the negatives, (M, N) or (M, most), and which of them belong to a positive."""
    to_positive = d
    if most is not None and most < d.shape[1]:
        to_positive, at = d.masked_fill(~positive, -1.0).topk(most, dim=1)
        positive = positive.gather(1, at)
    cost = _cost(to_positive.unsqueeze(2), d.unsqueeze(1), 0.0, True)
    return cost.masked_fill(same.unsqueeze(1), 0.0).sum(dim=2) / negatives.clamp_min(1), positive


class TripletLoss(Twin, of=triplet_loss): ...
