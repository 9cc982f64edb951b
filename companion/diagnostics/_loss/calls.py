"""What one call shows: whether the loss runs, what it returns, and what it does to what it was given."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from companion.diagnostics._findings import Finding
from companion.diagnostics._loss.case import Case, describe, own_copy


def fails(case: Case) -> Iterator[Finding]:
    """The loss raises, or returns what cannot be trained on; nothing else can be checked then."""
    at = describe(case.input, case.target)
    try:
        value = case.call(case.input.clone().requires_grad_())
    except Exception as error:
        yield Finding(
            "raises",
            "error",
            f"The loss raises {type(error).__name__}: {_first_line(error)}",
            at,
            "Call the loss by hand with these numbers. If it takes other arguments, wrap it: "
            "check_loss(lambda x, y: loss(y, x), input, target).",
        )
        return
    if not isinstance(value, Tensor):
        yield Finding(
            "not-a-tensor",
            "error",
            f"The loss returns {_kind(value)}, which has no gradient.",
            at,
            "Return the tensor itself: no `float(...)`, no `.item()`, no tuple around it.",
        )
    elif not value.is_floating_point() or value.numel() == 0:
        yield Finding(
            "wrong-dtype" if value.numel() else "not-scalar",
            "error",
            f"The loss returns {value.dtype} of shape {tuple(value.shape)}, which has no gradient.",
            at,
            "Compute with floating-point numbers: a count of mistakes or a comparison cannot be trained on.",
        )


def not_scalar(case: Case) -> Iterator[Finding]:
    shape = tuple(case.call().shape)
    if shape:
        yield Finding(
            "not-scalar",
            "error",
            f"The loss returns shape {shape}, and `backward()` needs one number. The other checks take its mean.",
            describe(case.input, case.target),
            'Reduce it: `.mean()`, or `reduction="mean"`.',
        )


def wrong_dtype(case: Case) -> Iterator[Finding]:
    """The value has the dtype of the input; half precision may become float32."""
    for dtype in (torch.float32, torch.float64):
        try:
            found = case.to(dtype).call().dtype
        except Exception:
            continue
        if found != dtype:
            yield Finding(
                "wrong-dtype",
                "warning",
                f"The loss of a {dtype} input is {found}: "
                + ("precision is lost." if dtype == torch.float64 else "memory and time are wasted."),
                f"input of {dtype}",
                "Make constants and buffers with the dtype of the input (`torch.zeros_like(input)`, "
                "`weight.to(input)`), and no `.float()` or `.double()` inside.",
            )
            return


def mutates_input(case: Case) -> Iterator[Finding]:
    """Values, and the counters of writes, before and after."""
    given = [case.input.clone().requires_grad_().clone(), *(t.clone() for t in case.target)]
    before = [(t.detach().clone(), t._version, t.requires_grad) for t in given]
    own_copy(case.loss)(*given)
    for i, (tensor, (values, version, slope)) in enumerate(zip(given, before, strict=True)):
        same = torch.equal(torch.nan_to_num(tensor.detach()), torch.nan_to_num(values))
        if same and tensor._version == version and tensor.requires_grad == slope:
            continue
        name = "`input`" if i == 0 else "`target`" if len(given) == 2 else f"target {i} of {len(given) - 1}"
        moved = (tensor.detach() != values).flatten().nonzero().flatten()
        where = "it is written to, here with the numbers it had"
        if len(moved):
            k = int(moved[0])
            where = f"element {k}: {float(values.flatten()[k]):.6g} became {float(tensor.detach().flatten()[k]):.6g}"
        yield Finding(
            "mutates-input",
            "error",
            f"The loss changes {name}, which belongs to the caller: the next loss of the same tensor is another one.",
            where,
            "Use the form without the trailing underscore (`clamp`, `masked_fill`, `torch.where`), or `clone()` first.",
        )


def draws(case: Case) -> Iterator[Finding]:
    """The loss draws random numbers, or two calls differ though they draw the same."""
    case.call()
    start = torch.get_rng_state()
    case.call()
    torch.default_generator.manual_seed(0)
    if not torch.equal(torch.get_rng_state(), start):
        yield Finding(
            "random",
            "note",
            "The loss draws random numbers. Every call of this check drew the same ones.",
            "any input",
            "Compare losses of the same seed, or average over several.",
        )


def remembers(case: Case) -> bool:
    """Whether a second call with the same numbers gives another value."""
    again = replace(case, loss=own_copy(case.loss), stateful=False)
    first, second = (again.scalar().detach() for _ in range(2))
    return not torch.equal(torch.nan_to_num(first), torch.nan_to_num(second))


def state(case: Case) -> Iterator[Finding]:
    if case.stateful:
        fresh = isinstance(case.loss, nn.Module)
        yield Finding(
            "stateful",
            "note",
            "Two calls with the same numbers and the same seed differ."
            + (" Every call of this check starts from the state as given." if fresh else ""),
            describe(case.input, case.target),
            "Keep what the loss remembers in buffers, so that it is saved, and do not update it in evaluation mode.",
        )


def _kind(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0][:200]
