"""Soft counts of a region: what was found, what was missed, what was imagined."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from companion._checks import Reduction, check_class_target, check_logits, check_per_class, check_same_shape
from companion._margin import margins, sigmoid, upcast
from companion._reduce import reduce

Absent = Literal["penalise", "skip"]


class Counts(NamedTuple):
    """Soft false positives, soft false negatives and true size of every region, in elements."""

    fp: Tensor
    fn: Tensor
    size: Tensor


def class_counts(input: Tensor, target: Tensor, *, batch: bool, ignore_index: int, sibling: str) -> Counts:
    """Counts (N, C) of a softmax model; (C,) where the batch is the region."""
    check_logits(input, sibling=sibling)
    if not check_class_target(input, target):
        # margins give 1 - p exactly where p rounds to 1
        return _dense(margins(input), target, torch.ones_like(target, dtype=torch.bool), batch)
    valid = (target != ignore_index).unsqueeze(1)
    t = target.long().unsqueeze(1) * valid
    p = torch.softmax(upcast(input), dim=1)
    # Probabilities of the wrong classes: down the pixels they add up to false positives, across the classes to what
    # the true class misses. 1 - p_t, as their sum, keeps its digits.
    wrong = p.scatter(1, t, 0.0).masked_fill(~valid, 0.0)
    missed = wrong.sum(dim=1, keepdim=True)
    zeros = p.new_zeros(p.shape[0], p.shape[1])
    fn = zeros.scatter_add(1, t.flatten(1), missed.flatten(1))
    size = zeros.scatter_add(1, t.flatten(1), valid.to(p.dtype).flatten(1))
    fp = wrong.flatten(2).sum(dim=2) if wrong.dim() > 2 else wrong
    return _pool(Counts(fp, fn, size), batch or input.dim() == 2)


def binary_counts(input: Tensor, target: Tensor, *, batch: bool, ignore_index: int) -> Counts:
    """Counts (N, C) of a sigmoid model; (C,) where the batch is the region, () for logits (N,)."""
    check_same_shape(input, target)
    return _dense(upcast(input), target, target != ignore_index, batch)


def _dense(m: Tensor, target: Tensor, valid: Tensor, batch: bool) -> Counts:
    """From one margin and one target in [0, 1] per element; TP = min(p, y) is best at p = y for soft targets too."""
    y = target.to(m.dtype).masked_fill(~valid, 0.0)
    error = torch.where(y > 0.5, (1 - y) - sigmoid(-m), sigmoid(m) - y)  # p - y without rounding 1 - p away
    error = error.masked_fill(~valid, 0.0)
    counts = Counts(error.clamp_min(0.0), (-error).clamp_min(0.0), y)
    if m.dim() > 2:
        counts = Counts(*(c.flatten(2).sum(dim=2) for c in counts))
    return _pool(counts, batch or m.dim() <= 2)


def _pool(counts: Counts, batch: bool) -> Counts:
    return Counts(*(c.sum(dim=0) for c in counts)) if batch else counts


def tversky(
    counts: Counts,
    alpha: float | Tensor,
    beta: float | Tensor,
    smooth: float,
    *,
    absent: Absent,
    weight: Tensor | None,
    reduction: Reduction,
    input: Tensor,
) -> Tensor:
    """1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth), as one fraction: nothing cancels near 0."""
    check_per_class("weight", weight, input)
    fp, fn, size = counts
    errors = alpha * fp + beta * fn
    whole = size - fn + errors + smooth
    loss = errors / whole.masked_fill(whole == 0, 1.0)
    norm = None
    if weight is not None:
        norm = weight.to(loss.dtype).expand_as(loss)
        loss = loss * norm
    return reduce(loss, reduction, weight=norm, valid=size > 0 if absent == "skip" else None)
