"""Losses on their way into the record: numbers where they are on the CPU, else left on their device until read."""

from numbers import Real
from typing import Any

import torch
from torch import Tensor


class Inbox:
    """Takes a loss in a microsecond, and waits for a device only when it is read."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: dict[str, tuple[list[int], list[float]]] = {}  # no object per loss that Python has to track
        self._rings: dict[str, Ring] = {}

    def put(self, name: str, step: int, loss: Any) -> None:
        waiting = self._waiting.get(name)
        if waiting is None:
            scalar(name, loss)
            waiting = self._waiting[name] = ([], [])
        if isinstance(loss, Tensor) and not loss.is_cpu:
            self._put_by(name, step, loss)
        else:
            waiting[1].append(loss.item() if isinstance(loss, Tensor) else float(loss))
            waiting[0].append(step)

    def _put_by(self, name: str, step: int, loss: Tensor) -> None:
        if name not in self._rings:
            self._rings[name] = Ring(self._size, loss)
        ring = self._rings[name]
        if ring.full:
            self._fetch(name, ring)
        ring.write(step, loss)

    def _fetch(self, name: str, ring: "Ring") -> None:
        steps, values = ring.read()
        self._waiting[name][0].extend(steps)
        self._waiting[name][1].extend(values)

    def read(self) -> list[tuple[str, int, float]]:
        """Name, step and value of all that came since the last call, in order of steps for each name."""
        for name, ring in self._rings.items():
            self._fetch(name, ring)
        found = [(name, *row) for name, rows in self._waiting.items() for row in zip(*rows, strict=True)]
        for steps, values in self._waiting.values():
            steps.clear()
            values.clear()
        return found


class Ring:
    """Scalars in memory of their device that is set aside once."""

    def __init__(self, size: int, like: Tensor) -> None:
        dtype = torch.promote_types(like.dtype, torch.float32)  # a half would round what it is told
        self._values = torch.zeros(size, dtype=dtype, device=like.device)
        self._slots = [self._values[i] for i in range(size)]
        self._steps: list[int] = []

    @property
    def full(self) -> bool:
        return len(self._steps) == len(self._slots)

    def write(self, step: int, value: Tensor) -> None:
        # A copy, for the caller may go on with the loss in place, and a CUDA graph writes over it.
        self._slots[len(self._steps)].copy_(value.detach())
        self._steps.append(step)

    def read(self) -> tuple[list[int], list[float]]:
        steps, self._steps = self._steps, []
        return steps, self._values[: len(steps)].tolist()


def scalar(name: str, loss: Any) -> float:
    """Its value, if it is a real scalar."""
    if not isinstance(loss, Tensor):
        if isinstance(loss, bool) or not isinstance(loss, Real):
            raise TypeError(f"`losses[{name!r}]` must be a scalar tensor or a number, got {type(loss).__name__}.")
        return float(loss)
    if loss.is_complex():
        raise TypeError(f"`losses[{name!r}]` must be real, got dtype {loss.dtype}.")
    if loss.dim() > 0:
        raise ValueError(
            f"`losses[{name!r}]` must be a scalar, got shape {tuple(loss.shape)}. Did you forget `.mean()`?"
        )
    return float(loss.detach())
