"""What is wrong with a loss? One call looks at its values, gradients, rows, precision and running."""

import contextlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from companion._checks import check_floating
from companion.diagnostics._findings import Finding, Report
from companion.diagnostics._loss.by_design import name_of, no_truth, traits
from companion.diagnostics._loss.calls import draws, fails, mutates_input, not_scalar, remembers, state, wrong_dtype
from companion.diagnostics._loss.case import Case, Unanswered, own_copy
from companion.diagnostics._loss.gradients import gradient, saturation
from companion.diagnostics._loss.held import held, kept
from companion.diagnostics._loss.precision import half_precision
from companion.diagnostics._loss.rows import batch_coupling, broadcast, reduction
from companion.diagnostics._loss.runtime import graph_break, host_sync, memory_growth
from companion.diagnostics._loss.truth import Question
from companion.diagnostics._loss.values import discontinuity, non_finite, not_lowest_at_truth
from companion.diagnostics._preserved import same_random_numbers

CALLS: Mapping[str, Callable[[Case], Iterator[Finding]]] = {
    "not-scalar": not_scalar,
    "wrong-dtype": wrong_dtype,
    "mutates-input": mutates_input,
    "random": draws,
    "stateful": state,
}
RULES: Mapping[str, Callable[[Question], Iterator[Finding]]] = {
    "non-finite": non_finite,
    "gradient-wrong, detached": gradient,
    "not-lowest-at-truth": not_lowest_at_truth,
    "discontinuity": discontinuity,
    "saturation": saturation,
    "broadcast": broadcast,
    "reduction": reduction,
    "batch-coupling": batch_coupling,
    "half-precision": half_precision,
    "graph-break": graph_break,
    "host-sync": host_sync,
    "memory-growth": memory_growth,
}
NAMES = ("raises", "not-a-tensor", *CALLS, *", ".join(RULES).split(", "))
REST = "everything else"
Look = tuple[list[Finding], dict[str, str]]


def check_loss(
    loss: Callable[..., Any],
    input: Float[Tensor, "..."],
    target: Tensor | tuple[Tensor, ...] | None = None,
    *,
    truth: Float[Tensor, "..."] | None = None,
    by_design: Iterable[str] = (),
) -> Report:
    r"""Looks for what is wrong with a loss that is known only by what it returns.

    The loss is called a few thousand times with numbers derived from the example, and each rule asks one question:

    * ``raises``, ``not-a-tensor``, ``not-scalar``, ``wrong-dtype``, ``mutates-input``: does it run, what does it
      return, and does it leave its arguments alone?
    * ``non-finite``: are value and gradient finite at zeros, ties, extremes, and where the prediction is right?
    * ``gradient-wrong`` (there is a custom backward) or ``detached``: is the gradient the slope of the value, by
      central differences in float64, kinks left out? A part without gradient may be meant.
    * ``not-lowest-at-truth``: does any other prediction cost less than the right one?
    * ``saturation``: is the gradient exactly 0 where a prediction is wrong by 10 to 30? Or next to 0 while right ones
      still cost, as after a second softmax?
    * ``discontinuity``: does the value jump along a line, however short the step?
    * ``broadcast``: does (N, 1) against (N,) pass without an error or a warning, as another loss?
    * ``reduction``: is ``sum`` the sum of ``none``, do ignored rows leave no trace, do repeated rows leave a mean as it
      is or double a sum?
    * ``batch-coupling``: does a row's gradient follow another row by more than a factor common to all?
    * ``half-precision``: in float16, is the value or gradient off by more than 1 %, also for 70 000 numbers?
    * ``graph-break``, ``host-sync``, ``memory-growth``: does it compile as one graph, without waiting for the device,
      in memory that grows no faster than the rows?

    The right prediction is read off the target: for class indices the true logit is 20 and the others 0, for targets
    of 0 and 1 (or -1 and 1) the logit is 20 or -20, otherwise it is the target; or, if the loss is lower there, a
    smaller logit (label smoothing), the target's logarithm or its logit. Inputs that are all positive, or
    probabilities, or log-probabilities, are varied within their kind.

    It can only see what the example leads to: one shape, one setting of the options, one device. It cannot know what
    the loss is meant to be, so a loss that is well made for the wrong purpose passes; nor whether class weights or
    constants are right. A rule without evidence either way says so under ``unchecked``. On the CPU it takes ``.item()``
    and the like for waiting, but no copy hidden inside a library. Give a small example, of 4 to 16 rows in which every
    kind of target occurs: every number more costs time.

    Nothing of the user's changes: a module is copied, arguments are cloned, random numbers go on as before, and tensors
    and modules that a function reaches by name are put back as they were. What it keeps in lists and the like is not.
    Of a compiled loss, what was compiled is checked.

    Args:
        loss: Anything that is called as ``loss(input, target)``: a function, a module, a lambda around either. A
            module that remembers starts from its present state in every call.
        input: Predictions as the loss takes them, of any shape, the batch first.
        target: What else the loss takes: a tensor, a tuple of tensors passed on in turn, or None.
        truth: The prediction at which the loss is to be lowest, in the shape of ``input``, where the target does not
            tell it.
        by_design: Names of findings that are meant, such as ``("batch-coupling",)``. They become notes, as do those of
            losses of this package that are known to be meant.

    Returns:
        A :class:`Report`: ``ok`` if nothing was found, ``findings`` with the input that shows each and a cure,
        ``notes``, and ``unchecked`` with the reason. It prints as text and shows as a list in a notebook.

    Raises:
        TypeError: If ``loss`` cannot be called, ``input`` or ``truth`` is no floating-point tensor, or ``target`` holds
            anything but tensors.
        ValueError: If ``truth`` has another shape, or ``by_design`` an unknown name. What the loss
            itself raises is a finding.

    Example:
        >>> import torch
        >>> def focal(logits, target):  # detached: the factor has no gradient
        ...     nll = torch.nn.functional.cross_entropy(logits, target, reduction="none")
        ...     return ((1 - torch.exp(-nll.detach())) ** 2 * nll).mean()
        >>> logits = torch.tensor([[2.0, -1.0, 0.5], [0.3, 0.2, -0.4], [-1.0, 0.6, 1.5], [0.1, 0.9, 0.4]])
        >>> report = check_loss(focal, logits, torch.tensor([0, 1, 2, 0]))
        >>> report.names
        ['detached']
        >>> check_loss(torch.nn.functional.cross_entropy, logits, torch.tensor([0, 1, 2, 0])).ok
        True

    References:
        PyTorch documentation, *torch.autograd.gradcheck*: why finite differences need float64.
        https://docs.pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html
    """
    if not callable(loss):
        raise TypeError(f"`loss` must be a function or a module, got {type(loss).__name__}.")
    check_floating("input", input)
    if truth is not None:
        check_floating("truth", truth)
        if truth.shape != input.shape:
            raise ValueError(f"`truth` must have the shape of `input`, {tuple(input.shape)}, got {tuple(truth.shape)}.")
    excused = {**dict.fromkeys(_names(by_design), "you say so"), **traits(loss)}
    loss = _eager(loss)
    with _apart(input.device), kept(held(loss)):
        seen, unchecked = _look(loss, input.detach(), _tensors(target), truth, no_truth(loss))
    found = [_note(finding, excused) for finding in seen]
    checked = NAMES[:2] if REST in unchecked else [n for n in NAMES if n not in unchecked]
    return Report(name_of(loss), found, checked, unchecked)


def _look(loss: Any, input: Tensor, target: tuple[Tensor, ...], truth: Tensor | None, no_truth: str | None) -> Look:
    case = _case(loss, input, target)
    seen = list(fails(case))
    if seen:
        return seen, {REST: "the first call failed"}
    case = replace(case, stateful=remembers(case))
    unchecked: dict[str, str] = {}
    for name, of_case in CALLS.items():
        seen += _run(name, of_case, case, unchecked)
    question = Question(case, truth, guess=no_truth is None)
    for names, rule in RULES.items():
        seen += _run(names, rule, question, unchecked)
    if not question.settled:
        unchecked["not-lowest-at-truth"] = no_truth or "the target does not tell the right prediction: give `truth`"
    if not question.units():
        unchecked["saturation"] = no_truth or "it is not known what a wrong prediction is"
    return seen, unchecked


def _run(
    names: str, rule: Callable[[Any], Iterator[Finding]], subject: Any, unchecked: dict[str, str]
) -> list[Finding]:
    """What a rule finds; where the loss raises on the way, nothing is known."""
    try:
        return list(rule(subject))
    except Unanswered as why:
        unchecked |= dict.fromkeys(names.split(", "), str(why))
    except Exception as error:
        said = (str(error).strip().splitlines() or [""])[0][:120]
        unchecked |= dict.fromkeys(names.split(", "), f"{type(error).__name__}: {said}")
    return []


def _eager(loss: Any) -> Any:
    """What was compiled, if it was: so many shapes and dtypes would drive the user's compiled loss past its limit."""
    return getattr(loss, "_orig_mod", getattr(loss, "_torchdynamo_orig_callable", loss))


def _case(loss: Any, input: Tensor, target: tuple[Tensor, ...]) -> Case:
    """In float32, where faults of rounding show, if the loss runs in it."""
    given = Case(own_copy(loss), input, target)
    single = given.to(torch.float32)
    try:
        single.call()
    except Exception:
        return given
    return single


def _tensors(target: Any) -> tuple[Tensor, ...]:
    several = () if target is None else target if isinstance(target, tuple) else (target,)
    for one in several:
        if not isinstance(one, Tensor):
            raise TypeError(
                f"`target` must be a tensor, a tuple of tensors or None, got {type(one).__name__}. "
                "Hand other arguments over with functools.partial or a lambda."
            )
    return tuple(t.detach() for t in several)


def _names(by_design: Iterable[str]) -> tuple[str, ...]:
    names = (by_design,) if isinstance(by_design, str) else tuple(by_design)
    for name in names:
        if name not in NAMES:
            raise ValueError(f"`by_design` must name findings ({', '.join(NAMES)}), got {name!r}.")
    return names


def _note(finding: Finding, excused: Mapping[str, str]) -> Finding:
    trait = "detached" if finding.name == "gradient-wrong" and "detached" in excused else finding.name
    if trait not in excused:
        return finding
    return finding._replace(name=trait, severity="note", cure=f"None needed, it is so by design: {excused[trait]}.")


@contextlib.contextmanager
def _apart(device: torch.device) -> Iterator[None]:
    """Gradients on, warnings kept, and every source of random numbers as it was when all is over."""
    with (
        same_random_numbers(),
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast(device.type, enabled=False),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield
