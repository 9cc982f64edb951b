"""Tensors that a function reaches by name, and how they are put back after it was called."""

import contextlib
import functools
from collections.abc import Iterable, Iterator
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn


def held(loss: Any) -> list[Tensor]:
    """The tensors, and those of the modules, in the closure and among the globals of a function."""
    if isinstance(loss, functools.partial):
        return held(loss.func)
    if not isinstance(loss, FunctionType):
        return []
    names = loss.__code__.co_names
    things = [*_closure(loss), *(loss.__globals__[name] for name in names if name in loss.__globals__)]
    tensors = [t for t in things if isinstance(t, Tensor)]
    modules = [m for m in (getattr(thing, "__self__", thing) for thing in things) if isinstance(m, nn.Module)]
    return [*tensors, *(t for m in modules for t in (*m.parameters(), *m.buffers()))]


def _closure(loss: FunctionType) -> Iterator[Any]:
    for cell in loss.__closure__ or ():
        with contextlib.suppress(ValueError):  # not bound yet
            yield cell.cell_contents


@contextlib.contextmanager
def kept(tensors: Iterable[Tensor]) -> Iterator[None]:
    """Values and gradients as they were, when all is over."""
    before = [(t, t.detach().clone(), t.grad, _copy(t.grad)) for t in tensors if t.is_leaf]
    try:
        yield
    finally:
        for tensor, value, slope, slopes in before:
            _put_back(tensor.detach(), value)
            tensor.grad = slope
            if slope is not None and slopes is not None:
                _put_back(slope, slopes)


def _copy(slope: Tensor | None) -> Tensor | None:
    return None if slope is None else slope.detach().clone()


def _put_back(tensor: Tensor, value: Tensor) -> None:
    """Written only where it changed: a graph of the user's may wait for its backward."""
    if not torch.equal(torch.nan_to_num(tensor), torch.nan_to_num(value)):
        with torch.no_grad():
            tensor.copy_(value)
