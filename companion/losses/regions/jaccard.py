"""Jaccard loss: intersection over union of the predicted and the true region."""

from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._options import check_options
from companion._twin import Twin
from companion.losses.regions._counts import Absent, binary_counts, class_counts, reduce_regions, tversky


def jaccard_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    smooth: float = 1.0,
    batch: bool = False,
    absent: Absent = "penalise",
    weight: Float[Tensor, " classes"] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Rewards the intersection of each region with its prediction, as a share of their union.

    With soft counts per class as in :func:`dice_loss`,

    .. math:: \ell = 1 - \frac{\mathrm{TP} + s}{\mathrm{TP} + \mathrm{FP} + \mathrm{FN} + s} .

    Half of a region found and nothing imagined costs 1 - 0.5 / 1 = 0.5, where Dice costs 0.333: the two order
    predictions of one region alike, and differ in the average over regions, where Jaccard gives the bad ones more
    weight. It is :func:`tversky_loss` at ``alpha = beta = 1``. Probabilities as targets are met best exactly, at
    p = y.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which TP is the sum of
            :math:`\min(p, y)`.
        smooth: Elements added to TP above and below the line, at least 0. It gives a class that does not occur a
            gradient, of ``1 / smooth`` per false positive, and matters for regions of about its size.
        batch: Pool the images of a batch into one region per class.
        absent: What a class does in an image where it does not occur: ``"penalise"`` counts its false positives,
            ``"skip"`` leaves it out of the mean.
        weight: One weight per class, ``(C,)``. It enters the mean.
        ignore_index: Targets with this value belong to no region.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss, from 0 for a perfect overlap to 1: a scalar, or under ``reduction="none"`` ``(N, C)`` for input with
        spatial axes and ``(C,)`` where the batch is the region (``batch=True``, or ``(N, C)`` input).

    Raises:
        TypeError: If ``target`` is neither integer nor floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> logits = torch.zeros(1, 2, 2, 2)  # p = 1/2 everywhere
        >>> target = torch.tensor([[[0, 0], [0, 1]]])  # sizes 3 and 1: TP 1.5 and 0.5, FP 0.5 and 1.5, FN 1.5 and 0.5
        >>> jaccard_loss(logits, target, smooth=0.0, reduction="none")
        tensor([[0.5714, 0.8000]])

    References:
        Wang, Ning, Blaschko, *Jaccard Metric Losses: Optimizing the Jaccard Index with Soft Labels*, NeurIPS 2023.
        https://arxiv.org/abs/2302.05666
    """
    check_options(
        "jaccard_loss",
        smooth=smooth,
        batch=batch,
        absent=absent,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    counts = class_counts(input, target, batch=batch, ignore_index=ignore_index, sibling="binary_jaccard_loss")
    alpha = beta = 1.0
    loss = tversky(counts, alpha, beta, smooth)
    return reduce_regions(
        loss, counts.size, counts.seen, absent=absent, weight=weight, reduction=reduction, input=input
    )


def binary_jaccard_loss(
    input: Float[Tensor, "batch *shape"],
    target: Shaped[Tensor, "batch *shape"],
    *,
    smooth: float = 1.0,
    batch: bool = False,
    absent: Absent = "penalise",
    weight: Float[Tensor, " classes"] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Jaccard loss for one logit per element: one yes-or-no mask, or several that overlap.

    As :func:`jaccard_loss`, with the sigmoid for p and without a region for the background.

    Args:
        input: Logits, ``(N, C, *)`` with one region per channel; one channel for a single yes or no, ``(N, 1, H, W)``.
            ``(N, H, W)`` would be read as H channels: write ``input.unsqueeze(1)`` then, and the same for ``target``.
        target: 0 or 1, or anything between, in the shape of ``input``.
        smooth: Elements added to TP above and below the line, at least 0. It gives a class that does not occur a
            gradient, of ``1 / smooth`` per false positive, and matters for regions of about its size.
        batch: Pool the images of a batch into one region per class.
        absent: What a class does in an image where it does not occur: ``"penalise"`` counts its false positives,
            ``"skip"`` leaves it out of the mean.
        weight: One weight per class, ``(C,)``. It enters the mean.
        ignore_index: Targets with this value belong to no region.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss, from 0 for a perfect overlap to 1: a scalar, or under ``reduction="none"`` ``(N, C)`` for input with
        spatial axes and ``(C,)`` where the batch is the region (``batch=True``, ``(N, C)`` or ``(N,)`` input).

    Raises:
        TypeError: If ``input`` is not floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> logits = torch.zeros(1, 1, 2, 2)
        >>> target = torch.tensor([[[[0, 0], [0, 1]]]])
        >>> binary_jaccard_loss(logits, target, smooth=0.0)
        tensor(0.8000)

    References:
        Wang, Ning, Blaschko, *Jaccard Metric Losses: Optimizing the Jaccard Index with Soft Labels*, NeurIPS 2023.
        https://arxiv.org/abs/2302.05666
    """
    check_options(
        "binary_jaccard_loss",
        smooth=smooth,
        batch=batch,
        absent=absent,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    counts = binary_counts(input, target, batch=batch, ignore_index=ignore_index)
    alpha = beta = 1.0
    loss = tversky(counts, alpha, beta, smooth)
    return reduce_regions(
        loss, counts.size, counts.seen, absent=absent, weight=weight, reduction=reduction, input=input
    )


class JaccardLoss(Twin, of=jaccard_loss): ...


class BinaryJaccardLoss(Twin, of=binary_jaccard_loss): ...
