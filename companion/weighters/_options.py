"""Checks of what every weighter is made with."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from companion._checks import count, integer

T = TypeVar("T")
PerLoss = Mapping[str, float] | Sequence[float] | Tensor


def check_names(names: Sequence[str]) -> tuple[str, ...]:
    """At least one name, none twice."""
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"`names` must be a sequence of strings, one per loss, got {names!r}.")
    found = tuple(names)
    if not found or len(set(found)) < len(found):
        raise ValueError(f"`names` must hold at least one name and none twice, got {found}.")
    return found


def check_total(sum_to: Any, tasks: int) -> float | None:
    """What the weights sum to: a positive number, "tasks" for their number, or None for the method's own scale."""
    if sum_to is None:
        return None
    if sum_to == "tasks":
        return float(tasks)
    if isinstance(sum_to, bool) or not isinstance(sum_to, int | float) or not 0 < sum_to < math.inf:
        raise ValueError(f"`sum_to` must be a positive number, 'tasks' or None, got {sum_to!r}.")
    return float(sum_to)


def check_period(period: int) -> int:
    count("period", period)
    return period


def check_history(history: int) -> int:
    integer("history", history)
    if history < 0:
        raise ValueError(f"`history` must be at least 0, got {history}.")
    return history


def by_name(option: str, value: Mapping[str, T] | Sequence[T], names: tuple[str, ...]) -> list[T]:
    """One entry per loss: mappings pair by name, sequences by place."""
    if isinstance(value, Mapping):
        if set(value) != set(names):
            raise ValueError(f"`{option}` must hold one entry for each of {names}, got {dict(value)}.")
        return [value[name] for name in names]
    if len(value) != len(names):
        raise ValueError(f"`{option}` must hold {len(names)} entries, one per loss, got {len(value)}.")
    return list(value)


def numbers(option: str, value: PerLoss | None, names: tuple[str, ...], *, positive: bool = False) -> Tensor:
    """One finite number per loss, ``(K,)``: mappings pair by name, sequences by place; None is 0 for each."""
    if value is None:
        return torch.full((len(names),), float(positive))
    if isinstance(value, Mapping):
        if set(value) != set(names):
            raise ValueError(f"`{option}` must hold one number for each of {names}, got {dict(value)}.")
        value = [value[name] for name in names]
    found = torch.as_tensor(value, dtype=torch.get_default_dtype()).detach().clone()
    if found.shape != (len(names),):
        raise ValueError(f"`{option}` must hold {len(names)} numbers, one per loss, got shape {tuple(found.shape)}.")
    for name, number in zip(names, found.tolist(), strict=True):
        if not (0.0 if positive else -math.inf) < number < math.inf:
            raise ValueError(f"`{option}` must be {'positive and ' * positive}finite, got {number} for {name!r}.")
    return found


def per_loss(option: str, value: PerLoss | None, names: tuple[str, ...]) -> Tensor:
    """As :func:`numbers`, positive; None is 1 for each."""
    return numbers(option, value, names, positive=True)


def shares(option: str, value: PerLoss | None, names: tuple[str, ...]) -> Tensor:
    """As :func:`per_loss`, scaled to sum to 1."""
    found = per_loss(option, value, names)
    return found / found.sum()
