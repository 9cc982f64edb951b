"""What rows show: shapes that are stretched by accident, sums and means, and rows that pull at one another."""

import copy
import functools
import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from companion.diagnostics._findings import Finding
from companion.diagnostics._loss.calls import draws
from companion.diagnostics._loss.case import NO_ROWS, Case, Loss, Unanswered, describe, show
from companion.diagnostics._loss.truth import Question

FEW = 64  # rows whose table of all pairs is small


def broadcast(q: Question) -> Iterator[Finding]:
    """(N, 1) meets (N,), and the loss neither raises nor warns, and is another one."""
    calls = list(_stretched(q.case))
    if not calls:
        raise Unanswered("nothing that it takes is a column or the like of one")
    for name, right, x, target in calls:
        before = _loud(q.case, *right)
        after = _loud(q.case, x, target)
        if before is None or after is None or abs(after - before) <= 1e-5 * (1 + abs(before)):
            continue
        yield Finding(
            "broadcast",
            "error",
            f"{name.capitalize()} is stretched to a table of all pairs without a word: the loss is {after:.6g}, "
            f"not {before:.6g}.",
            f"input of shape {tuple(x.shape)}, target of shape {', '.join(str(tuple(t.shape)) for t in target)}",
            "Compare the shapes first and raise, as in `if input.shape != target.shape: raise ValueError(...)`.",
        )
        return


Call = tuple[Tensor, tuple[Tensor, ...]]


def _stretched(case: Case) -> Iterator[tuple[str, Call, Tensor, tuple[Tensor, ...]]]:
    """Calls with one axis too many or too few, each with the call as it should be."""
    if case.takes_rows:
        case = case.rows(torch.arange(min(len(case.input), FEW), device=case.input.device))
    x, target = case.input, case.target
    for i, t in enumerate(target):
        name = "the target" if len(target) == 1 else f"target {i + 1} of {len(target)}"
        others = [target[:i], target[i + 1 :]]
        if t.dim() == 1 and len(t) > 1 and t.shape[0] == (x.shape[0] if x.dim() else 0):
            yield name, (x, target), x, (*others[0], t.unsqueeze(1), *others[1])
        if t.dim() == 2 and t.shape[1] == 1 and len(t) > 1:
            yield name, (x, target), x, (*others[0], t.squeeze(1), *others[1])
    if target and all(t.shape == x.shape for t in target) and x.numel() > 1:
        flat, flats = x.reshape(-1)[:FEW], tuple(t.reshape(-1)[:FEW] for t in target)
        yield "the input", (flat, flats), flat.unsqueeze(1), flats
        yield "the target", (flat, flats), flat, tuple(t.unsqueeze(1) for t in flats)


def _loud(case: Case, x: Tensor, target: tuple[Tensor, ...]) -> float | None:
    """The value, or None where the loss raises or warns."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            value = case.value(x, target)
        except Exception:
            return None
    return None if said else value


def reduction(q: Question) -> Iterator[Finding]:
    """`sum` is the sum of `none`, `mean` divides by what the input has no part in, repeated rows change no mean."""
    case = q.case.fine
    ways = _by_reduction(case)
    found = next(_named(q, ways), None) if ways else None
    found = found or next(_ignored(q), None) or next(_repeated(case), None)
    if found:
        yield found


def with_reduction(loss: Loss, way: str) -> Loss | None:
    """The loss under another reduction, if it has that option."""
    if isinstance(loss, nn.Module):
        if not isinstance(getattr(loss, "reduction", None), str):
            return None
        other = copy.copy(loss)
        other.reduction = way  # type: ignore[assignment]
        return other
    try:
        option = inspect.signature(loss).parameters.get("reduction")
    except (TypeError, ValueError):
        return None
    return None if option is None else functools.partial(loss, reduction=way)


def _by_reduction(case: Case) -> dict[str, Case]:
    found = {}
    for way in ("none", "sum", "mean"):
        loss = with_reduction(case.loss, way)
        if loss is None:
            return {}
        other = Case(loss, case.input, case.target, case.stateful)
        try:
            other.call()
        except Exception:
            return {}
        found[way] = other
    return found


def _named(q: Question, ways: dict[str, Case]) -> Iterator[Finding]:
    x = ways["none"].input
    seen: list[tuple[float, float, int]] = []
    for at in (x, q.move(x, 0.7), q.move(x, torch.linspace(-1, 1, x.numel()).to(x).reshape(x.shape))):
        none = ways["none"].call(at).detach()
        total, mean = ways["sum"].value(at), ways["mean"].value(at)
        if not (none.isfinite().all() and abs(total) < float("inf")):
            continue
        if abs(total - float(none.sum())) > 1e-5 * (float(none.abs().sum()) + 1e-9):
            yield Finding(
                "reduction",
                "error",
                f'reduction="sum" gives {total:.6g}; the sum of reduction="none" is {float(none.sum()):.6g}.',
                describe(at, q.case.target),
                "Compute the unreduced loss once, and reduce it in one place.",
            )
            return
        seen.append((total, mean, none.numel()))
    if not seen:
        return
    counts = [total / mean for total, mean, _ in seen if abs(mean) > 1e-9]
    if counts and max(counts) - min(counts) > 1e-4 * abs(counts[0]):
        yield Finding(
            "reduction",
            "error",
            f'reduction="mean" divides the sum by {counts[0]:.6g} for one input and by {counts[1]:.6g} for another: '
            "it depends on the predictions.",
            describe(x, q.case.target),
            "Divide by the number of terms, or by the sum of weights that no prediction enters.",
        )
    elif counts and not _plain(q) and abs(counts[0] - seen[0][2]) > 1e-4 * seen[0][2]:
        yield Finding(
            "reduction",
            "error",
            f'reduction="mean" divides the sum by {counts[0]:.6g}; reduction="none" has {seen[0][2]} terms.',
            describe(x, q.case.target),
            "Average what `none` returns, or say in the documentation what the mean divides by.",
        )


def _plain(q: Question) -> bool:
    """Whether targets are ignored or weights given, so that the mean may divide by other than the number of terms."""
    y, index = q.case.target[:1], _option(q.case.loss, "ignore_index")
    ignored = any(not t.is_floating_point() and bool(((t < 0) | (t == index)).any()) for t in y)
    held = list(q.case.loss.buffers()) if isinstance(q.case.loss, nn.Module) else []
    if isinstance(q.case.loss, functools.partial):
        held += [v for v in (*q.case.loss.args, *q.case.loss.keywords.values()) if isinstance(v, Tensor)]
    return ignored or bool(held) or len(q.case.target) > 1


def _ignored(q: Question) -> Iterator[Finding]:
    """Ignored rows are as good as removed ones."""
    index = _option(q.case.loss, "ignore_index")
    case = q.case.fine
    y = case.target[0] if case.target else None
    if q.kind != "classes" or y is None or not case.takes_rows or len(y) < 3 or y.dim() > 1:
        return
    hidden = y.clone()
    if not bool((y < 0).any()):
        if not isinstance(index, int):
            return
        hidden[0] = index
    ignored = (hidden < 0) | (hidden == index)
    try:
        with_ignored = case.value(target=(hidden, *case.target[1:]))
        removed = case.rows((~ignored).nonzero().flatten()).value()
    except Exception:
        return
    if abs(with_ignored - removed) > 1e-6 * (1 + abs(removed)):
        yield Finding(
            "reduction",
            "error",
            f"With {int(ignored.sum())} of {len(y)} rows ignored the loss is {with_ignored:.6g}; without these rows it "
            f"is {removed:.6g}.",
            f"target {show(hidden, 12)}",
            "Leave ignored targets out of the denominator of the mean, too, and zero their loss with torch.where.",
        )


def _option(loss: Any, name: str) -> Any:
    if isinstance(loss, functools.partial) and name in loss.keywords:
        return loss.keywords[name]
    if isinstance(loss, nn.Module):
        return getattr(loss, name, None)
    try:
        option = inspect.signature(loss).parameters.get(name)
    except (TypeError, ValueError):
        return None
    return None if option is None else option.default


def _repeated(case: Case) -> Iterator[Finding]:
    """All rows twice: a mean stays, a sum doubles."""
    if not case.takes_rows or coupling(case) is not None or any(draws(case)):
        return
    once = case.value()
    twice = case.rows(torch.arange(2 * len(case.input), device=case.input.device) % len(case.input)).value()
    slack = max(1e3 * case.eps, 1e-6) * (1 + abs(once))
    if min(abs(twice - once), abs(twice - 2 * once)) > slack and abs(once) < float("inf"):
        yield Finding(
            "reduction",
            "warning",
            f"With every row given twice the loss goes from {once:.6g} to {twice:.6g}: neither a mean, which would "
            "stay, nor a sum, which would double. The learning rate then depends on the batch size.",
            describe(case.input, case.target),
            "Divide by the number of rows (or of valid ones), and by nothing else that grows with the batch.",
        )


def batch_coupling(q: Question) -> Iterator[Finding]:
    """The gradient of a row depends on another row by more than a factor common to all."""
    if not q.case.takes_rows or len(q.case.input) < 2:
        raise Unanswered(NO_ROWS if not q.case.takes_rows else "there is one row")
    found = coupling(q.case.fine)
    if found is not None:
        changed, row, before, after = found
        yield Finding(
            "batch-coupling",
            "warning",
            f"The gradient of row {row} changes with row {changed}, and not by a factor common to all rows.",
            f"row {row}: gradient {show(before)} becomes {show(after)} when row {changed} becomes another",
            "If the loss is to be a mean over rows, take sums over the features of a row only (`dim=1`). If it couples "
            "rows by design, keep batches large and alike, and say so with by_design=('batch-coupling',).",
        )


def coupling(case: Case) -> tuple[int, int, Tensor, Tensor] | None:
    """The changed row, the one whose gradient follows, and its gradient before and after."""
    if not case.takes_rows or len(case.input) < 2 or case.input.numel() < 3:
        return None
    n = len(case.input)
    before = case.gradient()
    for changed in sorted({0, n // 2, n - 1}):
        x = case.input.clone()
        other = (changed + n // 2) % n
        x[changed] = 0.6 * x[changed] + 0.4 * x[other]
        targets = [case.target]
        if not all(torch.equal(t[changed], t[other]) for t in case.target):
            swapped = tuple(t.clone() for t in case.target)
            for t in swapped:
                t[changed] = t[other].clone()
            targets.append(swapped)
        for target in targets:
            try:
                after = case.gradient(x, target)
            except Exception:
                continue
            row = _follows(before, after, changed, case.eps)
            if row is not None:
                return changed, row, before[row], after[row]
    return None


def _follows(before: Tensor, after: Tensor, changed: int, eps: float) -> int | None:
    rest = [i for i in range(len(before)) if i != changed]
    a, b = before[rest], after[rest]
    if not bool((a * a).sum() > 0) or not bool(b.isfinite().all()) or not bool(a.isfinite().all()):
        return None
    factor = (a * b).sum() / (a * a).sum()
    off = (b - factor * a).abs().flatten(1).amax(1) if a.dim() > 1 else (b - factor * a).abs()
    if float(off.max()) <= max(1e4 * eps, 1e-7) * float(a.abs().max()):
        return None
    moved = (b - a).abs().flatten(1).amax(1) if a.dim() > 1 else (b - a).abs()
    return rest[int(torch.minimum(off, moved).argmax())]  # where it can be seen
