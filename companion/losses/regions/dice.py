"""Dice loss: the overlap of the predicted and the true region."""

from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._options import check_options
from companion._twin import Twin
from companion.losses.regions._counts import Absent, binary_counts, class_counts, reduce_regions, tversky


def dice_loss(
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
    r"""Rewards the overlap with each region, whatever share of the picture the region has.

    With soft counts per class, TP, FP and FN,

    .. math:: \ell = 1 - \frac{\mathrm{TP} + s}{\mathrm{TP} + (\mathrm{FP} + \mathrm{FN}) / 2 + s} ,
       \qquad \mathrm{TP} = \sum p y, \; \mathrm{FP} = \sum p (1 - y), \; \mathrm{FN} = \sum (1 - p) y .

    True negatives do not appear, so a background a hundred times larger changes nothing. Half of a region found and
    nothing imagined costs 1 - 0.5 / 0.75 = 0.333. The probabilities of a model trained with it are pushed towards 0
    and 1. It is :func:`tversky_loss` at ``alpha = beta = 0.5``.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which TP is the sum of
            :math:`\min(p, y)`.
        smooth: Elements added to TP above and below the line, at least 0. It gives a class that does not occur a
            gradient, of ``0.5 / smooth`` per false positive, and matters for regions of about its size.
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
        >>> dice_loss(logits, target, smooth=0.0, reduction="none")
        tensor([[0.4000, 0.6667]])

    References:
        Milletari, Navab, Ahmadi, *V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image
        Segmentation*, 3DV 2016 (with squares in the denominator). https://arxiv.org/abs/1606.04797

        Wang et al., *Dice Semimetric Losses: Optimizing the Dice Score with Soft Labels*, MICCAI 2023 (soft targets).
        https://arxiv.org/abs/2303.16296
    """
    check_options(
        "dice_loss",
        smooth=smooth,
        batch=batch,
        absent=absent,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    counts = class_counts(input, target, batch=batch, ignore_index=ignore_index, sibling="binary_dice_loss")
    alpha = beta = 0.5
    loss = tversky(counts, alpha, beta, smooth)
    return reduce_regions(
        loss, counts.size, counts.seen, absent=absent, weight=weight, reduction=reduction, input=input
    )


def binary_dice_loss(
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
    r"""Dice loss for one logit per element: one yes-or-no mask, or several that overlap.

    As :func:`dice_loss`, with the sigmoid for p and without a region for the background.

    Args:
        input: Logits, ``(N, C, *)`` with one region per channel; one channel for a single yes or no, ``(N, 1, H, W)``.
            ``(N, H, W)`` would be read as H channels: write ``input.unsqueeze(1)`` then, and the same for ``target``.
        target: 0 or 1, or anything between, in the shape of ``input``.
        smooth: Elements added to TP above and below the line, at least 0. It gives a class that does not occur a
            gradient, of ``0.5 / smooth`` per false positive, and matters for regions of about its size.
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
        >>> binary_dice_loss(logits, target, smooth=0.0)
        tensor(0.6667)

    References:
        Milletari, Navab, Ahmadi, *V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image
        Segmentation*, 3DV 2016 (with squares in the denominator). https://arxiv.org/abs/1606.04797

        Wang et al., *Dice Semimetric Losses: Optimizing the Dice Score with Soft Labels*, MICCAI 2023 (soft targets).
        https://arxiv.org/abs/2303.16296
    """
    check_options(
        "binary_dice_loss",
        smooth=smooth,
        batch=batch,
        absent=absent,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    counts = binary_counts(input, target, batch=batch, ignore_index=ignore_index)
    alpha = beta = 0.5
    loss = tversky(counts, alpha, beta, smooth)
    return reduce_regions(
        loss, counts.size, counts.seen, absent=absent, weight=weight, reduction=reduction, input=input
    )


class DiceLoss(Twin, of=dice_loss): ...


class BinaryDiceLoss(Twin, of=binary_dice_loss): ...
