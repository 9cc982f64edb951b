"""What half precision does to a loss."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from companion.diagnostics._findings import Finding
from companion.diagnostics._loss.calls import draws
from companion.diagnostics._loss.case import Case, Unanswered, describe
from companion.diagnostics._loss.runtime import GROWTH, growth
from companion.diagnostics._loss.truth import Question

aten = torch.ops.aten
SMALLEST, LARGEST = 6.2e-5, 65000.0  # where float16 has its full precision
OFF = 0.01
MANY = 70_000  # a sum of ones over so many numbers is more than float16 can hold


def half_precision(q: Question) -> Iterator[Finding]:
    """Value or gradient in float16 is off by more than 1 % from float32 on the same numbers, where both can hold it."""
    if any(draws(q.case)):
        raise Unanswered("it draws random numbers, and others in float16")
    half = q.case.to(torch.float16)
    half.call()  # raises where the device has no half precision for it
    for what, x, target, where in _inputs(q):
        small = Case(half.loss, x.half(), tuple(_half(t) for t in target), q.case.stateful)
        exact = Case(q.case.loss, small.input.float(), tuple(_float(t) for t in small.target), q.case.stateful)
        found = _off(small, exact)
        if found:
            yield Finding(
                "half-precision",
                "error",
                f"In float16 {found} {what}.",
                where,
                "Compute in float32 inside: `input = input.float()` for half precision, and cast the result back. Sums "
                "over many numbers and products of counts are the first to overflow.",
            )
            return


class _WideSums(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Lets the sum inside torch's cross entropy be of float32 on the CPU, too, as it is on a GPU."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket not in (aten.nll_loss_forward, aten.nll_loss2d_forward):
            return func(*args, **(kwargs or {}))
        found = func(*(_float(a) if isinstance(a, Tensor) else a for a in args), **(kwargs or {}))
        return tuple(t.to(args[0].dtype) for t in found)


def _half(t: Tensor) -> Tensor:
    return t.half() if t.is_floating_point() else t


def _float(t: Tensor) -> Tensor:
    return t.float() if t.is_floating_point() else t


def _inputs(q: Question) -> Iterator[tuple[str, Tensor, tuple[Tensor, ...], str]]:
    case = q.case
    yield "at the given input", case.input, case.target, describe(case.input, case.target)
    for unit in q.units(2):
        for margin in (10.0, 20.0, -20.0):
            x = q.wrong(unit, margin)
            if x is not None:
                yield f"where one prediction is wrong by {abs(margin):g}", x, case.target, q.describe(unit, x)
    wanted = -(-MANY // case.input[0].numel()) if case.takes_rows else 0
    if wanted > len(case.input) and growth(case)[1] < GROWTH:  # else so many rows would fill the memory
        index = torch.arange(wanted, device=case.input.device) % len(case.input)
        many = case.rows(index)
        yield f"for {len(index)} rows", many.input, many.target, describe(many.input, many.target)


def _off(small: Case, exact: Case) -> str:
    """What is wrong, in words."""
    try:
        value, slope = exact.both()
    except Exception:
        return ""
    try:
        with _WideSums():  # type: ignore[no-untyped-call]
            found, leaning = small.both()
    except Exception:
        return ""
    if SMALLEST < abs(float(value)) < LARGEST and not abs(float(found) - float(value)) <= OFF * abs(float(value)):
        return f"the value is {float(found):.4g} instead of {float(value):.4g}"
    largest = float(slope.abs().max())
    if not SMALLEST < largest < LARGEST:
        return ""
    k = int((leaning.float() - slope).abs().nan_to_num(torch.inf, torch.inf).argmax())
    bad, good = float(leaning.flatten()[k]), float(slope.flatten()[k])
    if not abs(bad - good) <= OFF * largest:
        return f"the gradient is {bad:.4g} instead of {good:.4g}"
    return ""
