"""Generalised Dice loss: one overlap of all the regions of an image, each weighed by its size."""

import torch
from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._options import check_options
from companion._reduce import reduce
from companion._twin import Twin
from companion.losses.regions._counts import Absent, Counts, binary_counts, class_counts, share


def generalized_dice_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    power: float = 2.0,
    smooth: float = 1.0,
    batch: bool = False,
    absent: Absent = "penalise",
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Rewards one overlap for all the regions of an image together, in which an element of a small region counts more.

    With soft counts per class c as in :func:`dice_loss`, :math:`n_c` the size of its region and :math:`n_{\min}` that
    of the smallest region there is,

    .. math:: \ell = 1 - \frac{\sum_c w_c \, \mathrm{TP}_c + s}
       {\sum_c w_c \, (\mathrm{TP}_c + (\mathrm{FP}_c + \mathrm{FN}_c) / 2) + s} ,
       \qquad w_c = \left( \frac{n_{\min}}{n_c} \right)^{\mathrm{power}} .

    The paper's weights, :math:`n_c^{-2}`, are these but for a common factor, which cancels where s is 0. They are
    infinite for a class that does not occur; here its weight is that of the smallest region, 1. Where a region of 100
    and one of 10 elements are all found and each imagines 5 elements too many, the second counts a hundred times as
    much, and at ``smooth=0`` the loss is 1 - (1 + 10) / (1.025 + 12.5) = 0.187.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which TP is the sum of
            :math:`\min(p, y)`.
        power: How strongly small regions are preferred, at least 0: 2 is the paper's, 0 weighs all elements alike.
        smooth: Elements of the smallest region added to TP above and below the line, at least 0.
        batch: Pool the images of a batch into one region per class.
        absent: What a class does in an image where it does not occur: ``"penalise"`` counts its false positives,
            ``"skip"`` gives it the weight 0.
        ignore_index: Targets with this value belong to no region.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss, from 0 for a perfect overlap to 1: a scalar. The classes of an image share one fraction, so under
        ``reduction="none"`` it is ``(N,)`` for input with spatial axes, and a scalar where the batch is the region
        (``batch=True``, or ``(N, C)`` input).

    Raises:
        TypeError: If ``target`` is neither integer nor floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> logits = torch.zeros(1, 2, 2, 2)  # p = 1/2 everywhere
        >>> target = torch.tensor([[[0, 0], [0, 1]]])  # sizes 3 and 1, weights 1/9 and 1: wrong 10/9, right 6/9
        >>> generalized_dice_loss(logits, target, smooth=0.0)
        tensor(0.6250)

    References:
        Sudre et al., *Generalised Dice Overlap as a Deep Learning Loss Function for Highly Unbalanced Segmentations*,
        DLMIA 2017. https://arxiv.org/abs/1707.03237
    """
    check_options(
        "generalized_dice_loss",
        power=power,
        smooth=smooth,
        batch=batch,
        absent=absent,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    counts = class_counts(input, target, batch=batch, ignore_index=ignore_index, sibling="binary_generalized_dice_loss")
    return _of_images(counts, power, smooth, absent, reduction)


def binary_generalized_dice_loss(
    input: Float[Tensor, "batch *shape"],
    target: Shaped[Tensor, "batch *shape"],
    *,
    power: float = 2.0,
    smooth: float = 1.0,
    batch: bool = False,
    absent: Absent = "penalise",
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Generalised Dice loss for one logit per element: one yes-or-no mask, or several that overlap.

    As :func:`generalized_dice_loss`, with the sigmoid for p and without a region for the background.

    Args:
        input: Logits, ``(N, C, *)`` with one region per channel; one channel for a single yes or no, ``(N, 1, H, W)``.
            ``(N, H, W)`` would be read as H channels: write ``input.unsqueeze(1)`` then, and the same for ``target``.
        target: 0 or 1, or anything between, in the shape of ``input``.
        power: How strongly small regions are preferred, at least 0: 2 is the paper's, 0 weighs all elements alike.
        smooth: Elements of the smallest region added to TP above and below the line, at least 0.
        batch: Pool the images of a batch into one region per class.
        absent: What a class does in an image where it does not occur: ``"penalise"`` counts its false positives,
            ``"skip"`` gives it the weight 0.
        ignore_index: Targets with this value belong to no region.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss, from 0 for a perfect overlap to 1: a scalar. The classes of an image share one fraction, so under
        ``reduction="none"`` it is ``(N,)`` for input with spatial axes, and a scalar where the batch is the region
        (``batch=True``, ``(N, C)`` or ``(N,)`` input).

    Raises:
        TypeError: If ``input`` is not floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> logits = torch.zeros(1, 1, 2, 2)
        >>> target = torch.tensor([[[[0, 0], [0, 1]]]])
        >>> binary_generalized_dice_loss(logits, target, smooth=0.0)
        tensor(0.6667)

    References:
        Sudre et al., *Generalised Dice Overlap as a Deep Learning Loss Function for Highly Unbalanced Segmentations*,
        DLMIA 2017. https://arxiv.org/abs/1707.03237
    """
    check_options(
        "binary_generalized_dice_loss",
        power=power,
        smooth=smooth,
        batch=batch,
        absent=absent,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    counts = binary_counts(input, target, batch=batch, ignore_index=ignore_index)
    return _of_images(counts, power, smooth, absent, reduction)


def _of_images(counts: Counts, power: float, smooth: float, absent: Absent, reduction: Reduction) -> Tensor:
    fp, fn, size, seen = counts
    there = size > 0
    smallest = size.masked_fill(~there, torch.inf).amin(dim=-1, keepdim=True)
    some = smallest < torch.inf
    w = (smallest.where(some, 1.0) / size.where(there, 1.0)).pow(power)
    w = w.where(there, 1.0 if absent == "penalise" else 0.0)
    wrong = (w * (fp + fn) / 2).sum(dim=-1)
    loss = share(wrong, (w * (size - fn)).sum(dim=-1) + wrong + smooth)
    return reduce(loss, reduction, valid=((size if absent == "skip" else seen) > 0).any(dim=-1))


class GeneralizedDiceLoss(Twin, of=generalized_dice_loss): ...


class BinaryGeneralizedDiceLoss(Twin, of=binary_generalized_dice_loss): ...
