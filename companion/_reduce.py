"""From one loss per row or pixel to what the user asked for."""

from collections.abc import Callable
from typing import TypedDict

import torch
from torch import Tensor

from companion._checks import Reduction, check_class_target, check_per_class, check_sample_weight


class ClassOptions(TypedDict, total=False):
    """What every class loss may take beside its own options."""

    alpha: Tensor | None
    weight: Tensor | None
    sample_weight: Tensor | None
    ignore_index: int
    label_smoothing: float
    reduction: Reduction


def reduce(loss: Tensor, reduction: Reduction, *, weight: Tensor | None = None, valid: Tensor | None = None) -> Tensor:
    """Mask and reduce a loss that carries its weights already.

    ``none`` returns it, 0 where not ``valid``; ``sum`` adds it up; ``mean`` divides the sum by the sum of the valid
    ``weight`` (by default 1 each), and is 0 where nothing is valid.
    """
    if valid is not None:
        loss = loss.masked_fill(~valid, 0.0)  # never a product: 0 * inf is NaN
    if reduction == "none":
        return loss
    total = loss.sum()
    if reduction == "sum":
        return total
    if weight is not None:
        norm = (weight if valid is None else weight.masked_fill(~valid, 0.0)).sum()
    elif valid is not None:
        norm = valid.sum()
    else:
        return total / max(loss.numel(), 1)
    return total / norm.masked_fill(norm == 0, 1)


def reduce_classes(
    at_target: Callable[[Tensor], Tensor],
    of_every_class: Callable[[Tensor], Tensor],
    input: Tensor,
    target: Tensor,
    *,
    alpha: Tensor | None = None,
    weight: Tensor | None = None,
    sample_weight: Tensor | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
) -> Tensor:
    """Weigh, mask and reduce a class loss, for a target of indices or of probabilities.

    ``at_target(t)`` returns the loss (N, *) for indices t; ``of_every_class(y)`` the losses (N, C, *) that each class
    would have as the target, of which the sum over c of y_c loss_c is taken. ``weight`` and ``alpha`` both scale the
    loss; for indices ``weight`` also enters the mean, for probabilities not, as in torch's ``cross_entropy``.
    """
    indices = check_class_target(input, target)
    check_per_class("alpha", alpha, input)
    check_per_class("weight", weight, input)
    check_sample_weight(sample_weight, (input.shape[0], *input.shape[2:]))
    dtype = torch.promote_types(input.dtype, torch.float32)
    factors = [v.to(dtype) for v in (alpha, weight) if v is not None]
    valid, norm = None, None
    if indices:
        target = target.long()  # before the comparison: as uint8, -100 is 156
        valid = target != ignore_index
        target = target * valid
        norm = None if weight is None else factors[-1][target]
    if indices and label_smoothing == 0:
        loss = at_target(target)
        for v in factors:
            loss = loss * v[target]
    else:
        y = _smooth(target, input.shape, dtype, label_smoothing)
        losses = y * of_every_class(y)
        for v in factors:
            losses = losses * on_classes(v, losses)
        loss = losses.sum(dim=1)
    return _weigh_rows(loss, norm, sample_weight, valid, reduction)


def reduce_elements(
    loss: Tensor,
    *,
    weight: Tensor | None,
    sample_weight: Tensor | None,
    valid: Tensor,
    reduction: Reduction,
) -> Tensor:
    """Weigh, mask and reduce a loss with one value per logit; ``weight`` is per class and enters the mean."""
    norm = None
    if weight is not None:
        norm = on_classes(weight.to(loss.dtype), loss).expand_as(loss)
        loss = loss * norm
    return _weigh_rows(loss, norm, sample_weight, valid, reduction)


def reduce_rows(
    loss: Tensor, sample_weight: Tensor | None, reduction: Reduction, *, valid: Tensor | None = None
) -> Tensor:
    """Weigh, mask and reduce a loss without classes; ``sample_weight`` is for its leading axes and enters the mean."""
    check_sample_weight(sample_weight, tuple(loss.shape))
    return _weigh_rows(loss, None, sample_weight, valid, reduction)


def on_classes(per_class: Tensor, x: Tensor) -> Tensor:
    """(C,) beside (N, C, *)."""
    return per_class.view(-1, *[1] * (x.dim() - 2))


def _weigh_rows(
    loss: Tensor, norm: Tensor | None, sample_weight: Tensor | None, valid: Tensor | None, reduction: Reduction
) -> Tensor:
    if sample_weight is not None:  # leading axes beside leading axes: (N,) beside (N, H, W)
        missing = loss.dim() - sample_weight.dim()
        rows = sample_weight.to(loss.dtype).reshape(*sample_weight.shape, *[1] * missing).expand_as(loss)
        loss, norm = loss * rows, rows if norm is None else norm * rows
    return reduce(loss, reduction, weight=norm, valid=valid)


def _smooth(target: Tensor, shape: torch.Size, dtype: torch.dtype, label_smoothing: float) -> Tensor:
    """Indices or probabilities to probabilities, a share of which is spread evenly over the classes."""
    even = label_smoothing / shape[1]
    if target.is_floating_point():
        return target.to(dtype) * (1 - label_smoothing) + even
    y = torch.full(shape, even, dtype=dtype, device=target.device)
    return y.scatter(1, target.unsqueeze(1), 1 - label_smoothing + even)
