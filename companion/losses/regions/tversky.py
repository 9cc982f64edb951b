"""Tversky loss: an overlap in which misses and false alarms have their own price."""

from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._options import check_options
from companion._twin import Twin
from companion.losses.regions._counts import Absent, binary_counts, class_counts, reduce_regions, tversky


def tversky_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    alpha: float | Tensor = 0.3,
    beta: float | Tensor = 0.7,
    smooth: float = 1.0,
    batch: bool = False,
    absent: Absent = "penalise",
    weight: Float[Tensor, " classes"] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Rewards the overlap with each region, false positives and false negatives at different prices.

    With soft counts per class as in :func:`dice_loss`,

    .. math:: \ell = 1 - \frac{\mathrm{TP} + s}{\mathrm{TP} + \alpha \mathrm{FP} + \beta \mathrm{FN} + s} .

    ``alpha`` prices false positives, ``beta`` false negatives; some papers and libraries have them the other way
    round. ``alpha = beta = 0.5`` is Dice, ``alpha = beta = 1`` is the Jaccard loss; ``beta > alpha`` favours recall.
    Half of a region found and nothing imagined costs 1 - 0.5 / (0.5 + 0.7 x 0.5) = 0.412 at ``beta=0.7``.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which TP is the sum of
            :math:`\min(p, y)`.
        alpha: Price of a false positive, at least 0.
        beta: Price of a false negative, at least 0.
        smooth: Elements added to TP above and below the line, at least 0. It gives a class that does not occur a
            gradient, of ``alpha / smooth`` per false positive, and matters for regions of about its size.
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
        >>> tversky_loss(logits, target, smooth=0.0, reduction="none")
        tensor([[0.4444, 0.6154]])

    References:
        Salehi, Erdogmus, Gholipour, *Tversky Loss Function for Image Segmentation Using 3D Fully Convolutional Deep
        Networks*, MLMI 2017, equations (3) and (4). https://arxiv.org/abs/1706.05721
    """
    check_options(
        "tversky_loss",
        alpha=alpha,
        beta=beta,
        smooth=smooth,
        batch=batch,
        absent=absent,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    counts = class_counts(input, target, batch=batch, ignore_index=ignore_index, sibling="binary_tversky_loss")
    loss = tversky(counts, alpha, beta, smooth)
    return reduce_regions(
        loss, counts.size, counts.seen, absent=absent, weight=weight, reduction=reduction, input=input
    )


def binary_tversky_loss(
    input: Float[Tensor, "batch *shape"],
    target: Shaped[Tensor, "batch *shape"],
    *,
    alpha: float | Tensor = 0.3,
    beta: float | Tensor = 0.7,
    smooth: float = 1.0,
    batch: bool = False,
    absent: Absent = "penalise",
    weight: Float[Tensor, " classes"] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Tversky loss for one logit per element: one yes-or-no mask, or several that overlap.

    As :func:`tversky_loss`, with the sigmoid for p and without a region for the background.

    Args:
        input: Logits, ``(N, C, *)`` with one region per channel; one channel for a single yes or no, ``(N, 1, H, W)``.
            ``(N, H, W)`` would be read as H channels: write ``input.unsqueeze(1)`` then, and the same for ``target``.
        target: 0 or 1, or anything between, in the shape of ``input``.
        alpha: Price of a false positive, at least 0.
        beta: Price of a false negative, at least 0.
        smooth: Elements added to TP above and below the line, at least 0. It gives a class that does not occur a
            gradient, of ``alpha / smooth`` per false positive, and matters for regions of about its size.
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
        >>> binary_tversky_loss(logits, target, smooth=0.0)
        tensor(0.6154)

    References:
        Salehi, Erdogmus, Gholipour, *Tversky Loss Function for Image Segmentation Using 3D Fully Convolutional Deep
        Networks*, MLMI 2017, equations (3) and (4). https://arxiv.org/abs/1706.05721
    """
    check_options(
        "binary_tversky_loss",
        alpha=alpha,
        beta=beta,
        smooth=smooth,
        batch=batch,
        absent=absent,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    counts = binary_counts(input, target, batch=batch, ignore_index=ignore_index)
    loss = tversky(counts, alpha, beta, smooth)
    return reduce_regions(
        loss, counts.size, counts.seen, absent=absent, weight=weight, reduction=reduction, input=input
    )


class TverskyLoss(Twin, of=tversky_loss): ...


class BinaryTverskyLoss(Twin, of=binary_tversky_loss): ...
