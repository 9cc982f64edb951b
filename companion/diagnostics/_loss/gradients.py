"""What the gradient of a loss shows: is it the slope of the value, and is there any where the prediction is wrong?"""

from collections.abc import Iterator

import torch
from torch import Tensor

from companion.diagnostics._findings import Finding
from companion.diagnostics._loss.case import Case, describe
from companion.diagnostics._loss.truth import MARGINS, Question

ELEMENTS = 12  # of one input
FADED = 1e-6  # of the gradient of an undecided prediction


def gradient(q: Question) -> Iterator[Finding]:
    """Finite differences disagree with autograd where the loss has a slope."""
    if not q.case.scalar(q.case.input.clone().requires_grad_()).requires_grad:
        yield Finding(
            "detached",
            "error",
            "The loss is cut from the graph: no gradient reaches the input.",
            describe(q.case.input, q.case.target),
            "Look for `.detach()`, `.item()`, `.data`, `torch.no_grad()`, `torch.tensor(...)` of a result, and for "
            "argmax, rounding and comparisons, which have no slope.",
        )
        return
    q = Question(q.case.fine, q.given, q.guess)
    for x in _points(q):
        found = _disagreement(q, x)
        if found is None:
            continue
        k, slope, measured = found
        own = _own_functions(q.case, x)
        where = f"element {k}, which is {float(x.flatten()[k]):.6g}, of {describe(x, q.case.target)}"
        what = f"autograd gives {slope:.6g}, finite differences {measured:.6g}"
        if own:
            yield Finding(
                "gradient-wrong",
                "error",
                f"The custom backward of {own} is not the slope of the loss: {what}.",
                where,
                "Derive the backward again and test it with torch.autograd.gradcheck in float64.",
            )
        else:
            yield Finding(
                "detached",
                "error",
                f"The gradient is not the slope of the loss, as if a part were cut from the graph: {what}.",
                where,
                "Look for `.detach()`, `.item()`, `.data`, `torch.no_grad()` and `torch.tensor(...)` of a result, and "
                "for argmax, rounding and comparisons. If the cut is meant, say so with by_design=('detached',).",
            )
        return


def _points(q: Question) -> Iterator[Tensor]:
    draw = torch.Generator().manual_seed(2)
    noise = torch.randn(q.case.input.shape, generator=draw, dtype=q.case.input.dtype).to(q.case.input)
    yield q.case.input
    yield q.move(q.case.input, 2 * noise)
    if q.truth is not None:
        yield q.move(q.truth, 0.3 * noise)
    for unit in q.units(2):
        for margin in (12.0, -12.0):
            x = q.wrong(unit, margin)
            if x is not None:
                yield x
    if q.domain != "free":
        yield q.move(q.case.input, -14.0)


def _disagreement(q: Question, x: Tensor) -> tuple[int, float, float] | None:
    """The element at which slope and differences disagree most, kinks left out."""
    linked = q.domain in ("unit", "positive", "simplex")  # elsewhere one number alone can be moved
    case, x = (q.linked, q.out(x)) if linked else (q.case, x)
    try:
        value, slopes = case.both(x)
    except Exception:
        return None
    if not bool(value.isfinite()) or not bool(slopes.isfinite().all()):
        return None
    flat, scale = slopes.flatten(), float(slopes.abs().max())
    rough = case.eps > 1e-10
    worst: tuple[float, tuple[int, float, float]] | None = None
    for k in _elements(flat):
        h = case.eps ** (1 / 3) * max(1.0, abs(float(x.flatten()[k])))
        measured = _slope(case, x, k, h, float(value))
        if measured is None:
            continue
        noise = 10 * case.eps * max(1.0, abs(float(value))) / h
        slack = (5e-2 if rough else 1e-4) * max(abs(measured), abs(float(flat[k]))) + 1e-6 * scale + 10 * noise
        off = abs(measured - float(flat[k]))
        if off > slack and (worst is None or off > worst[0]):
            worst = off, (k, float(flat[k]), measured)
    return None if worst is None else worst[1]


def _elements(slopes: Tensor) -> list[int]:
    """Those with the largest slopes, and others spread over the input."""
    n = slopes.numel()
    if n <= ELEMENTS:
        return list(range(n))
    largest = slopes.abs().topk(ELEMENTS // 2).indices.tolist()
    return sorted({*largest, *range(0, n, -(-n // (ELEMENTS // 2)))})


def _slope(case: Case, x: Tensor, k: int, h: float, here: float) -> float | None:
    """The central difference, or None at a kink: there the slopes of both sides differ however short the step."""

    def at(step: float) -> float:
        moved = x.clone()
        moved.view(-1)[k] += step
        return case.value(moved)

    central, sides = [], []
    for step in (h, h / 4):
        try:
            up, down = at(step), at(-step)
        except Exception:
            return None
        if not (abs(up) < float("inf") and abs(down) < float("inf")):
            return None
        central.append((up - down) / (2 * step))
        sides.append((up - 2 * here + down) / step)
    size = max(abs(central[0]), abs(central[1]))
    noise = 20 * case.eps * max(1.0, abs(here)) / h
    if abs(sides[1]) > max(0.5 * abs(sides[0]), 1e-3 * size + 4 * noise):
        return None
    if abs(central[0] - central[1]) > (2e-2 if case.eps > 1e-10 else 1e-4) * size + 4 * noise:
        return None
    return central[0]


def _own_functions(case: Case, x: Tensor) -> str:
    """The names of the autograd Functions in the graph that are not of torch."""
    value = case.scalar(x.clone().requires_grad_())
    seen: set[object] = set()
    found: set[str] = set()
    todo = [value.grad_fn]
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(node, torch.autograd.function.BackwardCFunction):
            found.add(type(node).__name__.removesuffix("Backward"))
        todo += [parent for parent, _ in node.next_functions]
    return ", ".join(sorted(found))


def saturation(q: Question) -> Iterator[Finding]:
    """A single prediction is wrong by 10 to 30, being right would cost less, and its gradient is exactly 0."""
    for unit in q.units():
        for margin in MARGINS:
            for x in (q.wrong(unit, margin), q.wrong(unit, -margin) if q.kind == "real" else None):
                if x is not None and _silent(q, unit, x):
                    yield Finding(
                        "saturation",
                        "warning",
                        f"A prediction that is wrong by {margin:g} gets a gradient of exactly 0: it is never mended.",
                        q.describe(unit, x),
                        "Write the loss with logits (log_softmax, logsigmoid, softplus) and without clamping "
                        "probabilities. If hopeless cases are to be ignored, as in robust losses, say so with "
                        "by_design=('saturation',).",
                    )
                    return
    yield from _squashed_twice(q)


def _squashed_twice(q: Question) -> Iterator[Finding]:
    """A wrong logit has next to no gradient, and right ones still cost: the loss does not get the logits it asks for.

    Losses that are bounded by design fade as well, but cost nothing where all is right.
    """
    if q.domain != "free" or q.truth is None or not q.sure or not _logits(q):
        return
    floor = q.case.value(q.truth)
    for unit in q.units():
        near, far = (q.wrong(unit, margin) for margin in (0.0, 20.0))
        if near is None or far is None:
            continue
        value, slope = q.case.both(far)
        ratio = float(slope[unit].abs().max() / q.case.gradient(near)[unit].abs().max())
        mended = far.clone()
        mended[unit] = q.truth[unit]
        if ratio < FADED and value - q.case.value(mended) > 1e-6 * abs(value) and floor > 0.1 * abs(value):
            yield Finding(
                "saturation",
                "warning",
                f"A prediction that is wrong by 20 has {ratio:.1g} times the gradient of an undecided one: it is all "
                f"but never mended. With every prediction right by 20 the loss is still {floor:.3g}.",
                q.describe(unit, far),
                "Hand over logits: no softmax or sigmoid before a loss that has one inside, such as cross_entropy. If "
                "a loss with a floor and a ceiling is meant, say so with by_design=('saturation',).",
            )
            return


def _logits(q: Question) -> bool:
    return q.kind == "classes" or (q.kind == "binary" and not q.reads_numbers)


def _silent(q: Question, unit: tuple[int | slice, ...], x: Tensor) -> bool:
    """Whether a wrong prediction has no gradient though it costs more than the right one, or costs the same always."""
    try:
        value, slope = q.case.both(x)
        if q.truth is None or not bool(value.isfinite()) or bool((slope[unit] != 0).any()):
            return False
        mended = x.clone()
        mended[unit] = q.truth[unit]
        better, leaning = q.case.both(mended)
    except Exception:
        return False
    no_part = q.kind == "binary" and len(q.case.target) == 1 and not bool((leaning[unit] != 0).any())
    gain = float(value - better)
    return gain > 1e-6 * abs(float(value)) or (no_part and gain == 0)
