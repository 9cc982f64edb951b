"""Matthews correlation: agreement beyond chance, in which the background counts as much as the region."""

import torch
from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._options import check_options
from companion._twin import Twin
from companion.losses.regions._counts import Absent, Counts, binary_counts, class_counts, reduce_regions


def mcc_loss(
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
    r"""Rewards the correlation of the prediction with the region, so that the true negatives count too.

    With soft counts per class, the class against the rest, and s elements more in TP and in TN,

    .. math:: \ell = 1 - \frac{\mathrm{TP} \, \mathrm{TN} - \mathrm{FP} \, \mathrm{FN}}
       {\sqrt{(\mathrm{TP} + \mathrm{FP}) (\mathrm{TP} + \mathrm{FN}) (\mathrm{TN} + \mathrm{FP}) (\mathrm{TN} +
       \mathrm{FN})}} .

    A prediction that has nothing to do with the region costs 1, whatever the size of the region, and the prediction
    turned round costs 2. Half of a region found and nothing imagined, in a picture of which it fills half, costs
    1 - 0.25 x 0.5 / sqrt(0.25 x 0.5 x 0.5 x 0.75) = 0.423. The counts are taken as shares of the region's elements:
    their products would overflow half precision from 16 elements on.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which TP is the sum of
            :math:`\min(p, y)`.
        smooth: Elements added to TP and to TN, at least 0. Without them the loss is 1, with no gradient, for a class
            that does not occur, that fills the image, or that is predicted nowhere or everywhere.
        batch: Pool the images of a batch into one region per class.
        absent: What a class does in an image where it does not occur: ``"penalise"`` counts its false positives,
            ``"skip"`` leaves it out of the mean.
        weight: One weight per class, ``(C,)``. It enters the mean.
        ignore_index: Targets with this value belong to no region.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss, from 0 for what is perfect to 2: a scalar, or under ``reduction="none"`` ``(N, C)`` for input with
        spatial axes and ``(C,)`` where the batch is the region (``batch=True``, or ``(N, C)`` input).

    Raises:
        TypeError: If ``target`` is neither integer nor floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> logits = torch.zeros(1, 2, 2, 2)  # p = 1/2 everywhere
        >>> target = torch.tensor([[[0, 0], [0, 1]]])
        >>> mcc_loss(logits, target, smooth=0.0, reduction="none")
        tensor([[1., 1.]])

    References:
        Abhishek, Hamarneh, *Matthews Correlation Coefficient Loss for Deep Convolutional Networks: Application to Skin
        Lesion Segmentation*, ISBI 2021. https://arxiv.org/abs/2010.13454
    """
    check_options(
        "mcc_loss",
        smooth=smooth,
        batch=batch,
        absent=absent,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    counts = class_counts(input, target, batch=batch, ignore_index=ignore_index, sibling="binary_mcc_loss")
    loss = _one_minus_mcc(counts, smooth)
    return reduce_regions(
        loss, counts.size, counts.seen, absent=absent, weight=weight, reduction=reduction, input=input
    )


def binary_mcc_loss(
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
    r"""MCC loss for one logit per element: one yes-or-no mask, or several that overlap.

    As :func:`mcc_loss`, with the sigmoid for p and without a region for the background.

    Args:
        input: Logits, ``(N, C, *)`` with one region per channel; one channel for a single yes or no, ``(N, 1, H, W)``.
            ``(N, H, W)`` would be read as H channels: write ``input.unsqueeze(1)`` then, and the same for ``target``.
        target: 0 or 1, or anything between, in the shape of ``input``.
        smooth: Elements added to TP and to TN, at least 0. Without them the loss is 1, with no gradient, for a class
            that does not occur, that fills the image, or that is predicted nowhere or everywhere.
        batch: Pool the images of a batch into one region per class.
        absent: What a class does in an image where it does not occur: ``"penalise"`` counts its false positives,
            ``"skip"`` leaves it out of the mean.
        weight: One weight per class, ``(C,)``. It enters the mean.
        ignore_index: Targets with this value belong to no region.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss, from 0 for what is perfect to 2: a scalar, or under ``reduction="none"`` ``(N, C)`` for input with
        spatial axes and ``(C,)`` where the batch is the region (``batch=True``, ``(N, C)`` or ``(N,)`` input).

    Raises:
        TypeError: If ``input`` is not floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> logits = torch.zeros(1, 1, 2, 2)
        >>> target = torch.tensor([[[[0, 0], [0, 1]]]])
        >>> binary_mcc_loss(logits, target, smooth=0.0)
        tensor(1.)

    References:
        Abhishek, Hamarneh, *Matthews Correlation Coefficient Loss for Deep Convolutional Networks: Application to Skin
        Lesion Segmentation*, ISBI 2021. https://arxiv.org/abs/2010.13454
    """
    check_options(
        "binary_mcc_loss",
        smooth=smooth,
        batch=batch,
        absent=absent,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    counts = binary_counts(input, target, batch=batch, ignore_index=ignore_index)
    loss = _one_minus_mcc(counts, smooth)
    return reduce_regions(
        loss, counts.size, counts.seen, absent=absent, weight=weight, reduction=reduction, input=input
    )


def _one_minus_mcc(counts: Counts, smooth: float) -> Tensor:
    fp, fn, size, seen = counts
    total = (seen + 2 * smooth).masked_fill(seen == 0, 1.0)
    tp, tn = (size - fn).clamp_min(0.0) + smooth, (seen - size - fp).clamp_min(0.0) + smooth
    tp, tn, fp, fn = tp / total, tn / total, fp / total, fn / total
    margins = torch.stack([tp + fp, tp + fn, tn + fp, tn + fn])
    # Below the root of the smallest number the derivatives of the square root overflow. A NaN is not below it.
    nothing = margins.amin(dim=0) < torch.finfo(total.dtype).tiny ** 0.5
    root = margins.masked_fill(nothing, 1.0).sqrt().prod(dim=0)
    above_chance = tp * tn - fp * fn
    # root^2 - above_chance^2, in terms none of which is negative: nothing cancels where the correlation is near 1.
    gap = (
        (tp * tn + fp * fn) * (tp + tn) * (fp + fn) + (tp * fn + fp * tn) * (tp * fp + fn * tn) + 4 * tp * tn * fp * fn
    )
    near_one = gap / root / (root + above_chance.clamp_min(0.0))
    return torch.where(2 * above_chance > root, near_one, 1 - above_chance / root).masked_fill(nothing, 1.0)


class MCCLoss(Twin, of=mcc_loss): ...


class BinaryMCCLoss(Twin, of=binary_mcc_loss): ...
