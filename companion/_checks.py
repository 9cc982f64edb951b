"""Argument checks. They read shapes, dtypes and options, never the values of a tensor.

Every message names the argument in backticks, says what it must be, what was found, and the likely cure.
"""

import math
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

Reduction = Literal["none", "mean", "sum"]
Rule = Callable[[str, Any], None]


def _number(must: str, ok: Callable[[float], bool], *, learned: bool = False) -> Rule:
    """A number for which ``ok`` holds; where the option may be learned, a tensor with one, whatever its value."""

    def rule(name: str, value: Any) -> None:
        if learned and isinstance(value, Tensor):
            if value.dim() > 0:
                raise ValueError(f"`{name}` must be a number or a 0-d tensor, got shape {tuple(value.shape)}.")
            if not value.is_floating_point():
                raise TypeError(f"`{name}` must be floating point, got dtype {value.dtype}.")
            return
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"`{name}` must be a number, got {type(value).__name__}.")
        if not ok(value):
            raise ValueError(f"`{name}` must be {must}, got {value}.")

    return rule


def at_least(low: float, *, learned: bool = False) -> Rule:
    return _number(f"at least {low}", lambda v: low <= v < math.inf, learned=learned)


def above(low: float) -> Rule:
    return _number(f"above {low}", lambda v: low < v < math.inf)


def between(low: float, high: float, *, learned: bool = False) -> Rule:
    return _number(f"between {low} and {high}", lambda v: low <= v <= high, learned=learned)


def from_up_to(low: float, high: float) -> Rule:
    return _number(f"at least {low} and below {high}", lambda v: low <= v < high)


def above_up_to(low: float, high: float, *, learned: bool = False) -> Rule:
    return _number(f"above {low} and at most {high}", lambda v: low < v <= high, learned=learned)


def inside(low: float, high: float) -> Rule:
    return _number(f"above {low} and below {high}", lambda v: low < v < high)


def below(high: float) -> Rule:
    return _number(f"below {high}", lambda v: -math.inf < v < high)


finite = _number("finite", lambda v: -math.inf < v < math.inf, learned=True)  # math.isfinite cannot be traced


def one_of(*choices: str) -> Rule:
    def rule(name: str, value: Any) -> None:
        if value not in choices:
            raise ValueError(f"`{name}` must be one of {', '.join(map(repr, choices))}, got {value!r}.")

    return rule


def flag(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"`{name}` must be True or False, got {value!r}.")


def integer(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"`{name}` must be an int, got {type(value).__name__}.")


def count(name: str, value: Any) -> None:
    integer(name, value)
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1, got {value}.")


def check_logits(input: Tensor, *, sibling: str | None = None) -> None:
    """`input` holds logits of shape (N, C, *) with at least two classes."""
    check_floating("input", input)
    if input.dim() < 2:
        raise ValueError(
            f"`input` must have shape (N, C, *), one logit per class, got {tuple(input.shape)}. "
            "For a single example add a batch axis: `input.unsqueeze(0)`."
        )
    if input.shape[1] < 2:
        cure = f" For one logit per example use `{sibling}`." if sibling else ""
        raise ValueError(f"`input` must have at least 2 classes on axis 1, got shape {tuple(input.shape)}.{cure}")


def check_floating(name: str, value: Tensor) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(
            f"`{name}` must be a tensor, got {type(value).__name__}. Did you mean `torch.as_tensor({name})`?"
        )
    if not value.is_floating_point():
        raise TypeError(f"`{name}` must be floating point, got dtype {value.dtype}. Did you mean `{name}.float()`?")


def check_class_target(input: Tensor, target: Tensor, *, name: str = "target") -> bool:
    """True if ``target`` holds class indices (N, *), False if it holds probabilities of ``input``'s shape."""
    if not isinstance(target, Tensor):
        raise TypeError(
            f"`{name}` must be a tensor, got {type(target).__name__}. Did you mean `torch.as_tensor({name})`?"
        )
    if target.is_floating_point():
        if target.shape != input.shape:
            rows = (input.shape[0], *input.shape[2:])
            cure = f" Class indices must be integers: `{name}.long()`." if target.shape == rows else ""
            raise ValueError(
                f"`{name}` holds probabilities, so it must have the shape of `input`, {tuple(input.shape)}, "
                f"got {tuple(target.shape)}.{cure}"
            )
        return False
    if target.is_complex() or target.dtype == torch.bool:
        raise TypeError(f"`{name}` must hold integer class indices or probabilities, got dtype {target.dtype}.")
    rows = (input.shape[0], *input.shape[2:])
    if target.shape != rows:
        raise ValueError(
            f"`{name}` must have shape {rows}, one index per row of `input`, got {tuple(target.shape)}."
            + _index_cure(input, target, rows, name)
        )
    return True


def _index_cure(input: Tensor, target: Tensor, rows: tuple[int, ...], name: str) -> str:
    if target.shape == input.shape:
        return f" For one-hot targets use `{name}.float()`, or `{name}.argmax(1)` for their indices."
    if target.shape == (*rows, 1):
        return f" Did you mean `{name}.squeeze(-1)`?"
    if target.shape == (rows[0], 1, *rows[1:]):
        return f" Did you mean `{name}.squeeze(1)`?"
    return ""


def check_same_shape(input: Tensor, target: Tensor) -> None:
    """`target` has the shape of `input`: nothing is broadcast by accident."""
    check_floating("input", input)
    if not isinstance(target, Tensor):
        raise TypeError(
            f"`target` must be a tensor, got {type(target).__name__}. Did you mean `torch.as_tensor(target)`?"
        )
    if target.is_complex():
        raise TypeError(f"`target` must be real, got dtype {target.dtype}.")
    if target.shape != input.shape:
        cure = ""
        if [n for n in target.shape if n != 1] == [n for n in input.shape if n != 1]:
            cure = f" Did you mean `target.reshape({tuple(input.shape)})`?"
        raise ValueError(
            f"`target` must have the shape of `input`, {tuple(input.shape)}, got {tuple(target.shape)}.{cure}"
        )


def check_per_class(name: str, value: Tensor | None, input: Tensor) -> None:
    """`value` holds one number per class, the classes being axis 1 of `input`."""
    if value is None:
        return
    if input.dim() < 2:
        raise ValueError(f"`{name}` needs classes on axis 1 of `input`, got `input` of shape {tuple(input.shape)}.")
    classes = input.shape[1]
    if value.shape != (classes,):
        raise ValueError(
            f"`{name}` must have shape ({classes},), one number per class of `input`, got {tuple(value.shape)}."
        )


def check_square(name: str, value: Tensor, input: Tensor) -> None:
    """`value` has one row and one column per class of `input`."""
    classes = input.shape[1]
    if value.shape != (classes, classes):
        raise ValueError(
            f"`{name}` must have shape ({classes}, {classes}), one row and one column per class of `input`, "
            f"got {tuple(value.shape)}."
        )


def check_sample_weight(sample_weight: Tensor | None, unit: tuple[int, ...]) -> None:
    """`sample_weight` lines up with the leading axes of the unreduced loss; an axis of 1 is stretched."""
    if sample_weight is None:
        return
    if not isinstance(sample_weight, Tensor):
        raise TypeError(f"`sample_weight` must be a tensor, got {type(sample_weight).__name__}.")
    found = tuple(sample_weight.shape)
    if len(found) > len(unit) or any(a not in (1, b) for a, b in zip(found, unit, strict=False)):
        raise ValueError(
            f"`sample_weight` must have shape {unit}, one weight per row of `input`, or its leading axes, got {found}."
        )
