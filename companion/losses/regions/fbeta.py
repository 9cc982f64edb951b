"""Soft F-beta loss: the F score of the batch, made differentiable."""

from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._options import check_options
from companion._twin import Twin
from companion.losses.regions._counts import Absent, binary_counts, class_counts, reduce_regions, tversky


def fbeta_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    beta: float | Tensor = 1.0,
    smooth: float = 1.0,
    batch: bool = False,
    absent: Absent = "penalise",
    weight: Float[Tensor, " classes"] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Trades precision against recall as the F score does, recall counting ``beta`` times as much.

    With soft counts per class as in :func:`dice_loss`,

    .. math:: \ell = 1 - \frac{\mathrm{TP} + s}
       {\mathrm{TP} + (\mathrm{FP} + \beta^2 \, \mathrm{FN}) / (1 + \beta^2) + s} .

    ``beta=1`` is Dice, ``beta=2`` favours recall, ``beta=0.5`` precision. The F score is a property of a whole set:
    the mean over batches is not the score of the set, and the smaller the batch, the further off.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which TP is the sum of
            :math:`\min(p, y)`.
        beta: How many times as much recall counts as precision, at least 0.
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
        >>> logits, target = torch.zeros(4, 2), torch.tensor([0, 0, 0, 1])  # p = 1/2: TP .5, FP 1.5, FN .5 for class 1
        >>> fbeta_loss(logits, target, beta=2.0, smooth=0.0, reduction="none")
        tensor([0.4643, 0.5833])

    References:
        van Rijsbergen, *Information Retrieval*, 2nd edition, Butterworths 1979, chapter 7.
        https://www.dcs.gla.ac.uk/Keith/Preface.html

        Bénédict et al., *sigmoidF1: A Smooth F1 Score Surrogate Loss for Multilabel Classification*, TMLR 2022.
        https://arxiv.org/abs/2108.10566
    """
    check_options(
        "fbeta_loss",
        beta=beta,
        smooth=smooth,
        batch=batch,
        absent=absent,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    counts = class_counts(input, target, batch=batch, ignore_index=ignore_index, sibling="binary_fbeta_loss")
    alpha, beta = 1 / (1 + beta**2), beta**2 / (1 + beta**2)
    loss = tversky(counts, alpha, beta, smooth)
    return reduce_regions(
        loss, counts.size, counts.seen, absent=absent, weight=weight, reduction=reduction, input=input
    )


def binary_fbeta_loss(
    input: Float[Tensor, "batch *shape"],
    target: Shaped[Tensor, "batch *shape"],
    *,
    beta: float | Tensor = 1.0,
    smooth: float = 1.0,
    batch: bool = False,
    absent: Absent = "penalise",
    weight: Float[Tensor, " classes"] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""F-beta loss for one logit per element: one yes-or-no question, or several labels at once.

    As :func:`fbeta_loss`, with the sigmoid for p and without a region for the negatives.

    Args:
        input: Logits, ``(N, C, *)`` with one region per channel; one channel for a single yes or no, ``(N, 1, H, W)``.
            ``(N, H, W)`` would be read as H channels: write ``input.unsqueeze(1)`` then, and the same for ``target``.
        target: 0 or 1, or anything between, in the shape of ``input``.
        beta: How many times as much recall counts as precision, at least 0.
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
        >>> logits, target = torch.zeros(4), torch.tensor([0.0, 0.0, 0.0, 1.0])
        >>> binary_fbeta_loss(logits, target, beta=2.0, smooth=0.0)
        tensor(0.5833)

    References:
        van Rijsbergen, *Information Retrieval*, 2nd edition, Butterworths 1979, chapter 7.
        https://www.dcs.gla.ac.uk/Keith/Preface.html

        Bénédict et al., *sigmoidF1: A Smooth F1 Score Surrogate Loss for Multilabel Classification*, TMLR 2022.
        https://arxiv.org/abs/2108.10566
    """
    check_options(
        "binary_fbeta_loss",
        beta=beta,
        smooth=smooth,
        batch=batch,
        absent=absent,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    counts = binary_counts(input, target, batch=batch, ignore_index=ignore_index)
    alpha, beta = 1 / (1 + beta**2), beta**2 / (1 + beta**2)
    loss = tversky(counts, alpha, beta, smooth)
    return reduce_regions(
        loss, counts.size, counts.seen, absent=absent, weight=weight, reduction=reduction, input=input
    )


class FbetaLoss(Twin, of=fbeta_loss): ...


class BinaryFbetaLoss(Twin, of=binary_fbeta_loss): ...
