"""Focal Tversky loss: the Tversky loss of every region, bent so that good regions keep a gradient."""

import torch
from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._options import check_options
from companion._twin import Twin
from companion.losses.regions._counts import Absent, binary_counts, class_counts, reduce_regions, tversky


def focal_tversky_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    alpha: float | Tensor = 0.3,
    beta: float | Tensor = 0.7,
    gamma: float | Tensor = 4 / 3,
    smooth: float = 1.0,
    batch: bool = False,
    absent: Absent = "penalise",
    weight: Float[Tensor, " classes"] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Turns the attention of the Tversky loss to regions that are nearly right, or to those that are mostly wrong.

    With TI the Tversky index of a class, as in :func:`tversky_loss`,

    .. math:: \ell = (1 - \mathrm{TI})^{1 / \gamma} .

    ``gamma`` stands below 1, as in the paper: above 1 the loss falls steeply just before the region is right, so that
    small regions go on learning; at 1 it is the Tversky loss; below 1 it leaves the regions that are nearly right
    alone, as focal loss does with pixels. Libraries that write :math:`(1 - \mathrm{TI})^\gamma` mean 3/4 by our 4/3.
    Each region is raised to the power, then the mean is taken: regions with TI of 0.5 and 0.9 cost
    0.5\ :sup:`0.75` = 0.595 and 0.1\ :sup:`0.75` = 0.178 on their own. A loss below 10\ :sup:`-19` before the power
    (10\ :sup:`-154` in double precision) counts as 0 and has no gradient.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which TP is the sum of
            :math:`\min(p, y)`.
        alpha: Price of a false positive, at least 0.
        beta: Price of a false negative, at least 0.
        gamma: One over the exponent, above 0; the paper takes values from 1 to 3.
        smooth: Elements added to TP above and below the line, at least 0. It gives a class that does not occur a
            gradient and matters for regions of about its size.
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
        >>> focal_tversky_loss(logits, target, smooth=0.0, reduction="none")
        tensor([[0.5443, 0.6948]])

    References:
        Abraham, Khan, *A Novel Focal Tversky Loss Function with Improved Attention U-Net for Lesion Segmentation*,
        ISBI 2019 (with ``alpha`` for the false negatives). https://arxiv.org/abs/1810.07842
    """
    check_options(
        "focal_tversky_loss",
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        smooth=smooth,
        batch=batch,
        absent=absent,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    counts = class_counts(input, target, batch=batch, ignore_index=ignore_index, sibling="binary_focal_tversky_loss")
    loss = _bend(tversky(counts, alpha, beta, smooth), gamma)
    return reduce_regions(
        loss, counts.size, counts.seen, absent=absent, weight=weight, reduction=reduction, input=input
    )


def binary_focal_tversky_loss(
    input: Float[Tensor, "batch *shape"],
    target: Shaped[Tensor, "batch *shape"],
    *,
    alpha: float | Tensor = 0.3,
    beta: float | Tensor = 0.7,
    gamma: float | Tensor = 4 / 3,
    smooth: float = 1.0,
    batch: bool = False,
    absent: Absent = "penalise",
    weight: Float[Tensor, " classes"] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Focal Tversky loss for one logit per element: one yes-or-no mask, or several that overlap.

    As :func:`focal_tversky_loss`, with the sigmoid for p and without a region for the background.

    Args:
        input: Logits, ``(N, C, *)`` with one region per channel; one channel for a single yes or no, ``(N, 1, H, W)``.
            ``(N, H, W)`` would be read as H channels: write ``input.unsqueeze(1)`` then, and the same for ``target``.
        target: 0 or 1, or anything between, in the shape of ``input``.
        alpha: Price of a false positive, at least 0.
        beta: Price of a false negative, at least 0.
        gamma: One over the exponent, above 0; the paper takes values from 1 to 3.
        smooth: Elements added to TP above and below the line, at least 0. It gives a class that does not occur a
            gradient and matters for regions of about its size.
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
        >>> binary_focal_tversky_loss(logits, target, smooth=0.0)
        tensor(0.6948)

    References:
        Abraham, Khan, *A Novel Focal Tversky Loss Function with Improved Attention U-Net for Lesion Segmentation*,
        ISBI 2019 (with ``alpha`` for the false negatives). https://arxiv.org/abs/1810.07842
    """
    check_options(
        "binary_focal_tversky_loss",
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        smooth=smooth,
        batch=batch,
        absent=absent,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    counts = binary_counts(input, target, batch=batch, ignore_index=ignore_index)
    loss = _bend(tversky(counts, alpha, beta, smooth), gamma)
    return reduce_regions(
        loss, counts.size, counts.seen, absent=absent, weight=weight, reduction=reduction, input=input
    )


def _bend(loss: Tensor, gamma: float | Tensor) -> Tensor:
    """``loss ** (1 / gamma)``; below the root of the smallest number the second derivative would overflow."""
    nothing = loss < torch.finfo(loss.dtype).tiny ** 0.5  # asked this way round, a NaN stays one
    return loss.masked_fill(nothing, 1.0).pow(1 / gamma).masked_fill(nothing, 0.0)


class FocalTverskyLoss(Twin, of=focal_tversky_loss): ...


class BinaryFocalTverskyLoss(Twin, of=binary_focal_tversky_loss): ...
