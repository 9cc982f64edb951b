"""What running a loss shows: whether it compiles whole, waits for the device, and how its memory grows."""

import types
from collections.abc import Callable, Iterator
from typing import Any

import torch

from companion.diagnostics._findings import Finding
from companion.diagnostics._loss.case import NO_ROWS, Case, Unanswered, describe
from companion.diagnostics._loss.truth import Question
from companion.diagnostics._loss.waiting import Copies, Operations

ROWS = (32, 64, 128)
WIDE = (2, 4, 8)  # where so many rows would fill the memory
NUMBERS = 2**22  # in one input
GROWTH = 2.5  # of the increments when rows double; 2 is linear, 4 quadratic


def graph_break(q: Question) -> Iterator[Finding]:
    """torch.compile cannot turn the loss into one graph, unless it is told to carry numbers of the host along."""
    case = q.case
    numbers: list[str] = []

    def backend(graph: torch.fx.GraphModule, _: Any) -> Any:
        found = [node for node in graph.graph.nodes if node.target == "item"]
        numbers.extend(node.name for node in found if node.args[0].op != "placeholder")  # those are float options
        return graph.forward

    compiled: Callable[..., Any] = torch.compile(_fresh(case.loss), fullgraph=True, dynamic=False, backend=backend)
    why = ""
    try:
        compiled(case.input.clone().requires_grad_().clone(), *(t.clone() for t in case.target))
    except Exception as error:
        why = _reason(error)
    if numbers and not why:
        why = "a tensor becomes a number of Python, by .item(), float() or int()."
    if why:
        yield Finding(
            "graph-break",
            "warning",
            f"torch.compile cannot take the loss as one graph: {why}",
            describe(case.input, case.target),
            "Keep to tensor operations: torch.where instead of `if` on a value, masks instead of boolean indexing, no "
            "`.item()`, `print` or numpy on the way.",
        )


def _fresh(loss: Any) -> Any:
    """The loss inside a function with code of its own, so that compiling it leaves no trace in the user's caches."""

    def call(*args: Any) -> Any:
        return loss(*args)

    return types.FunctionType(call.__code__.replace(), call.__globals__, "call", None, call.__closure__)


def _reason(error: Exception) -> str:
    lines = [text.strip() for text in str(error).splitlines() if text.strip()]
    caused = [text.split("#")[0].strip()[:100] for text in lines if text.startswith("Caused by:")]
    return " ".join([(lines[0] if lines else type(error).__name__)[:200], *caused[:1]])


def host_sync(q: Question) -> Iterator[Finding]:
    """The loss asks for a number on the host, so that a GPU has to finish first."""
    operations = Operations()
    copies = Copies(operations)
    with copies, operations:
        q.case.scalar(q.case.input.clone().requires_grad_())
    waiting = [*copies.waiting, *operations.waiting]
    if waiting:
        yield Finding(
            "host-sync",
            "warning",
            f"The loss waits for the device: {len(waiting)} time{'s' if len(waiting) > 1 else ''} in one call.",
            waiting[0],
            "Keep numbers in tensors: torch.where for `if`, masks for boolean indexing, `.detach()` for `.item()`.",
        )


def memory_growth(q: Question) -> Iterator[Finding]:
    """The bytes that one call allocates grow faster than the number of rows."""
    case = q.case
    if not case.takes_rows:
        raise Unanswered(NO_ROWS)
    used, ratio = growth(case)
    if ratio > GROWTH:
        yield Finding(
            "memory-growth",
            "warning",
            f"Rows twice as many take {ratio:.1f} times the further memory: 2 would be linear, 4 a table of "
            "all pairs, 8 one of all triples.",
            ", ".join(f"{n} rows {b / 1e6:.3g} MB" for n, b in used.items()),
            "If pairs of rows are not meant, compare the shapes: (N, 1) against (N,) makes a table. If they are, work "
            "in chunks of rows.",
        )


def growth(case: Case) -> tuple[dict[int, int], float]:
    """The bytes that so many rows take, and how much more the second doubling takes than the first."""
    rows = ROWS if ROWS[-1] * case.input[0].numel() <= NUMBERS else WIDE
    used = {n: _bytes(case.rows(torch.arange(n, device=case.input.device) % len(case.input))) for n in rows}
    few, some, many = used.values()
    first, second = some - few, many - some
    return used, second / first if first > 0 else 0.0


def _bytes(case: Case) -> int:
    operations = Operations()
    with operations:
        case.both()
    return operations.bytes
