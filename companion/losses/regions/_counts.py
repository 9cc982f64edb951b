"""Soft counts of a region: what was found, what was missed, what was imagined."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from companion._checks import Reduction, check_class_target, check_logits, check_per_class, check_same_shape
from companion._margin import margins, sigmoid, upcast
from companion._reduce import reduce
from companion.losses.regions._wrong import sum_of_wrong, wrong_probabilities

Absent = Literal["penalise", "skip"]


class Counts(NamedTuple):
    """Soft false positives and negatives of every region, its true size, and how many elements were not ignored."""

    fp: Tensor
    fn: Tensor
    size: Tensor
    seen: Tensor


def class_counts(input: Tensor, target: Tensor, *, batch: bool, ignore_index: int, sibling: str) -> Counts:
    """Counts (N, C) of a softmax model; (C,) where the batch is the region."""
    check_logits(input, sibling=sibling)
    if not check_class_target(input, target):
        # margins give 1 - p exactly where p rounds to 1
        return _dense(margins(input), target, torch.ones_like(target, dtype=torch.bool), batch)
    t = target.long().unsqueeze(1)
    valid = t != ignore_index
    t = t * valid
    x = upcast(input)
    if x.dim() == 2:
        fp = wrong_probabilities(x, t, valid)
        missed = fp.sum(dim=1, keepdim=True)
    else:
        fp, missed = sum_of_wrong(x, t, valid)
    there = valid.to(x.dtype)
    counts = Counts(fp, by_class(missed, t, x), by_class(there, t, x), _sum(there).expand(x.shape[:2]))
    return _pool(counts, batch or input.dim() == 2)


def binary_counts(input: Tensor, target: Tensor, *, batch: bool, ignore_index: int) -> Counts:
    """Counts (N, C) of a sigmoid model; (C,) where the batch is the region, () for logits (N,)."""
    check_same_shape(input, target)
    x = upcast(input)
    y = target.to(x.dtype)
    return _dense(x, y, y != ignore_index, batch)


def _dense(m: Tensor, target: Tensor, valid: Tensor, batch: bool) -> Counts:
    """From one margin and one target in [0, 1] per element; TP = min(p, y) is best at p = y for soft targets too."""
    y = target.to(m.dtype).masked_fill(~valid, 0.0)
    error = torch.where(y > 0.5, (1 - y) - sigmoid(-m), sigmoid(m) - y)  # p - y without rounding 1 - p away
    error = error.masked_fill(~valid, 0.0)
    elements = (error.clamp_min(0.0), (-error).clamp_min(0.0), y, valid.to(m.dtype))
    return _pool(Counts(*(_sum(e) for e in elements)), batch or m.dim() <= 2)


def _sum(x: Tensor) -> Tensor:
    """(N, C, *) to (N, C)."""
    return x.flatten(2).sum(dim=2) if x.dim() > 2 else x


def by_class(x: Tensor, t: Tensor, logits: Tensor) -> Tensor:
    """Sums (N, C) of x (N, 1, *) over the pixels of each class t."""
    if x.dim() == 2:
        return torch.zeros_like(logits).scatter_add(1, t, x)
    # By rows of the image first: a single running sum in float32 loses its digits in a large one.
    rows = logits.new_zeros(logits.shape[0], logits.shape[2], logits.shape[1])
    return rows.scatter_add(2, t.movedim(2, 1).flatten(2), x.movedim(2, 1).flatten(2)).sum(dim=1)


def _pool(counts: Counts, batch: bool) -> Counts:
    return Counts(*(c.sum(dim=0) for c in counts)) if batch else counts


def tversky(counts: Counts, alpha: float | Tensor, beta: float | Tensor, smooth: float) -> Tensor:
    """1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth), as one fraction: nothing cancels near 0."""
    fp, fn, size, _ = counts
    errors = alpha * fp + beta * fn
    return share(errors, size - fn + errors + smooth)


def share(part: Tensor, whole: Tensor) -> Tensor:
    """``part / whole``, and 0 of nothing: below the smallest normal number 1 / whole overflows."""
    return part / whole.masked_fill(whole < torch.finfo(whole.dtype).tiny, 1.0)


def reduce_regions(
    loss: Tensor,
    size: Tensor,
    seen: Tensor,
    *,
    absent: Absent,
    weight: Tensor | None,
    reduction: Reduction,
    input: Tensor,
) -> Tensor:
    """Weigh and reduce one loss per region; a region of nothing but ignored elements is left out of the mean."""
    check_per_class("weight", weight, input)
    norm = None
    if weight is not None:
        norm = weight.to(loss.dtype).expand_as(loss)
        loss = loss * norm
    return reduce(loss, reduction, weight=norm, valid=(size if absent == "skip" else seen) > 0)
