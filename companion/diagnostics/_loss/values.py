"""What the values of a loss show: are they finite, lowest where they should be, without jumps?"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from companion.diagnostics._findings import Finding
from companion.diagnostics._loss.case import Case, Unanswered, describe, show
from companion.diagnostics._loss.rows import coupling
from companion.diagnostics._loss.truth import MARGINS, Question

LARGE = (30.0, 100.0, 1e3, 1e4)
POINTS = 121  # on a line
ZOOM = 18  # each by 4: then even the logarithm of a small number has grown flat


class Probe(NamedTuple):
    """An input that a model can give, in words and numbers."""

    what: str
    input: Tensor
    target: tuple[Tensor, ...]
    where: str
    mild: bool = True


def non_finite(q: Question) -> Iterator[Finding]:
    """The value or gradient is inf or NaN at an input that a model can give."""
    for probe in _probes(q):
        try:
            value, slope = q.case.both(probe.input, probe.target)
        except Exception:
            continue
        part = "value" if not bool(value.isfinite()) else "gradient" if not bool(slope.isfinite().all()) else ""
        if part:
            bad = value if part == "value" else slope[~slope.isfinite()][0]
            yield Finding(
                "non-finite",
                "error" if probe.mild else "warning",
                f"The {part} is {float(bad)} {probe.what}.",
                probe.where,
                _finite_cure(probe.what),
            )
            return


def _finite_cure(what: str) -> str:
    if what == "at the given input":
        return (
            "Look for inf or NaN in what the loss is given, a mean over nothing (all targets ignored), log(0), 0/0 and "
            "exp of large numbers: mask before them, not after."
        )
    if "equals" in what or "same" in what or " 0" in what:
        return "Guard 0/0 and the slope of sqrt, norm and acos at their ends: add a small number inside the root."
    return (
        "Work with logits: log_softmax, logsigmoid, softplus and logsumexp instead of log of softmax or exp. Beyond a "
        "cap continue exp in a straight line."
    )


def _probes(q: Question) -> Iterator[Probe]:
    """The example, the truth, plain numbers, other targets, one wrong prediction, and extremes, in this order."""
    case = q.case

    def probe(what: str, x: Tensor, target: tuple[Tensor, ...] = case.target, mild: bool = True) -> Probe:
        return Probe(what, x, target, describe(x, target), mild)

    yield probe("at the given input", case.input)
    if not bool(case.input.isfinite().all()):
        return
    if q.truth is not None:
        yield probe("where the prediction equals the truth", q.truth)
    if q.domain == "free":
        for level in (0.0, 30.0, -30.0, 100.0, -100.0):
            yield probe(f"where all inputs are {level:g}", torch.full_like(case.input, level))
        if case.input.dim() > 0:
            yield probe("where all rows are the same", case.input[:1].expand_as(case.input))
    for what, target in _targets(q):
        yield probe(what, case.input, target)
    if q.kind == "real" and q.domain == "free" and case.target[0].shape == case.input.shape and case.input.dim() > 1:
        ray = torch.zeros_like(case.input)
        ray[:, 0] = 1
        for sign in (1, -1):
            target = (ray.to(case.target[0]), *case.target[1:])
            yield probe("where rows of input and target are the same direction, or opposite ones", sign * ray, target)
    for unit in q.units():
        for margin in (m * sign for m in MARGINS for sign in (1, -1)):
            x = q.wrong(unit, margin)
            if x is not None:
                what = f"where one prediction is wrong by {abs(margin):g}"
                yield Probe(what, x, case.target, q.describe(unit, x))
    for what, x, mild in _ends(q):
        yield probe(what, x, mild=mild)


def _ends(q: Question) -> Iterator[tuple[str, Tensor, bool]]:
    """As far as inputs of this kind go."""
    x = q.case.input
    if q.domain == "unit":
        for end in (torch.zeros_like(x), torch.ones_like(x), x.round(), 1 - x.round()):
            yield "where probabilities are 0 or 1, as a sigmoid of float32 gives them", end, True
    elif q.domain == "simplex":
        for end in (_one_hot(x), _one_hot(-x)):
            yield "where probabilities are 0 or 1, as a softmax of float32 gives them", end, True
    elif q.domain == "log-simplex":
        yield "where log-probabilities reach -100", q.into(100 * x), True
    elif q.domain == "positive":
        yield "where inputs are a millionth of the given ones", x * 1e-6, True
        yield "where inputs are a thousand times the given ones", x * 1e3, True
    else:
        unit = x / x.abs().max().clamp(min=1e-6)
        for large in LARGE:
            for sign in (1, -1):
                yield f"where inputs reach {large:g}", sign * large * unit, large <= 100


def _one_hot(x: Tensor) -> Tensor:
    return torch.zeros_like(x).scatter_(1, x.argmax(1, keepdim=True), 1.0)


def _targets(q: Question) -> Iterator[tuple[str, tuple[Tensor, ...]]]:
    """Targets that a batch may hold: one class alone, zeros."""
    if not q.case.target or not q.guess:
        return
    y, rest = q.case.target[0], q.case.target[1:]
    rows = (*q.case.input.shape[:1], *q.case.input.shape[2:])
    if q.kind == "binary" and not q.reads_numbers:
        yield "where no target is positive", (torch.zeros_like(y), *rest)
        yield "where all targets are positive", (torch.ones_like(y), *rest)
    elif q.kind in ("real", "soft"):
        yield "where all targets are 0", (torch.zeros_like(y), *rest)
    elif not y.is_floating_point() and y.shape == rows and q.case.input.dim() > 1:
        yield "where all rows have the same class", (torch.full_like(y, int(y.max())), *rest)
        if q.kind == "unknown" and y.dim() == 1:
            yield "where every row has a class of its own", (torch.arange(len(y)).to(y), *rest)


def not_lowest_at_truth(q: Question) -> Iterator[Finding]:
    """Another prediction has a lower loss than the right one."""
    q = Question(q.case.fine, q.given, q.guess)
    truth = q.truth
    if truth is None or not q.settled:
        return
    at_truth = q.case.value(truth)
    others = [(v, x) for x in _others(q, truth) if (v := q.case.finite(x)) is not None]
    if not others:
        return
    spread = max(sorted(v for v, _ in others)[len(others) // 2], others[0][0]) - at_truth
    slack = max(50 * q.case.eps, 1e-6) * (1 + abs(at_truth)) + max(spread, 0.0) * (
        0.0 if q.kind == "real" else 1e-3 if q.sure else 0.02
    )
    lowest, x = min(others, key=lambda pair: pair[0])
    if lowest < at_truth - slack:
        if q.kind == "real" and q.given is None and coupling(q.case) is not None:
            raise Unanswered("rows are compared with one another, so the target need not be lowest: give `truth`")
        yield Finding(
            "not-lowest-at-truth",
            "error",
            f"The loss is {at_truth:.6g} where the prediction is right and {lowest:.6g} elsewhere: training leads away "
            "from the truth.",
            f"right: {describe(truth, q.case.target)}; lower at {show(x)}",
            "Look at signs, at the order of the arguments, at off-by-one targets and at terms that reward large "
            "outputs. If the right prediction is another one, give it as `truth`.",
        )


def _others(q: Question, truth: Tensor) -> Iterator[Tensor]:
    draw = torch.Generator().manual_seed(0)
    yield q.case.input
    for size in (0.01, 0.1, 1.0):
        for sign in (1, -1):
            yield q.move(truth, sign * size)
    for size in (0.03, 0.1, 0.3, 1.0, 3.0, 10.0):
        for _ in range(4):
            yield q.move(truth, size * torch.randn(truth.shape, generator=draw, dtype=truth.dtype).to(truth))
    if q.domain == "free":
        yield torch.zeros_like(truth)
        yield -truth
        if truth.dim() > 1:
            yield truth.roll(1, 1)
            yield truth.roll(-1, 1)
    for unit in q.units():
        x = q.wrong(unit, 10.0)
        if x is not None:
            yield x


def discontinuity(q: Question) -> Iterator[Finding]:
    """The value jumps along a line, by as much however short the step."""
    q = Question(q.case.fine, q.given, q.guess)
    limit = float("inf") if q.domain == "free" else 15.0  # beyond, float64 rounds a sigmoid to 1
    for start, end in _lines(q):
        found = _jump(q.linked, start.clamp(-limit, limit), end.clamp(-limit, limit))
        if found is not None:
            x, below, above = found
            yield Finding(
                "discontinuity",
                "error",
                f"The value jumps from {below:.6g} to {above:.6g} between two inputs that are all but equal.",
                describe(q.into(x), q.case.target),
                "Make the branches meet: write the loss at the seam from both sides. Comparisons, rounding and argmax "
                "of the input jump; softplus, clamp and softmax do not.",
            )
            return


def _lines(q: Question) -> Iterator[tuple[Tensor, Tensor]]:
    case, truth = q.case, q.truth
    draw = torch.Generator().manual_seed(1)
    away = torch.randn(case.input.shape, generator=draw, dtype=case.input.dtype).to(case.input)
    given = q.out(case.input)
    yield given - 4.7 * away, given + 5.3 * away
    if truth is not None:
        yield given, q.out(truth)
    for unit in q.units(2) or [(0,) * case.input.dim()]:
        step = torch.zeros_like(case.input)
        step[unit] = 30.1
        if q.kind == "classes":
            step *= q.direction()
        centre = given.clone()
        if truth is not None and q.kind == "real":
            centre[unit] = q.out(truth)[unit]
        yield centre - step, centre + 0.97 * step


def _jump(case: Case, start: Tensor, end: Tensor) -> tuple[Tensor, float, float] | None:
    """The worst place of a line under repeated magnification: what is continuous grows flat, a jump stays."""
    grid = torch.linspace(0, 1, POINTS, dtype=start.dtype, device=start.device)
    values = _along(case, start, end, grid)
    if values is None:
        return None
    floor = max(1e3 * case.eps, 1e-9) * (1 + float(values.abs().max()))
    rough = values.diff(n=4).abs()
    for k in rough.topk(3).indices.tolist():
        if float(rough[k]) > floor:
            found = _zoom(case, start, end, grid[k], grid[k + 4], floor)
            if found is not None:
                return found
    return None


def _zoom(
    case: Case, start: Tensor, end: Tensor, low: Tensor, high: Tensor, floor: float
) -> tuple[Tensor, float, float] | None:
    sizes: list[float] = []
    while True:
        grid = torch.linspace(0, 1, 9, dtype=start.dtype, device=start.device) * (high - low) + low
        values = _along(case, start, end, grid)
        if values is None:
            return None
        bend = values.diff(n=2).abs()
        k = int(bend.argmax())
        sizes.append(float(bend[k]))
        if sizes[-1] < floor or (len(sizes) > 3 and sizes[-1] < 0.3 * sizes[-4]):
            return None
        if len(sizes) == ZOOM:
            step = int(values[k : k + 3].diff().abs().argmax()) + k
            return torch.lerp(start, end, grid[step]), float(values[step]), float(values[step + 1])
        low, high = grid[k], grid[k + 2]


def _along(case: Case, start: Tensor, end: Tensor, grid: Tensor) -> Tensor | None:
    found = [case.finite(torch.lerp(start, end, t)) for t in grid]
    if any(v is None for v in found):
        return None
    return torch.tensor(found, dtype=torch.float64)
