"""Calls of the losses with data of their own."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tests.losses.info import Options, OwnInfo


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a loss, as a function of the data that get a gradient."""

    info: OwnInfo
    data: tuple[Tensor, ...]
    options: Options

    @property
    def moving(self) -> list[Tensor]:
        return [self.data[i].detach().clone().requires_grad_() for i in self.info.slopes]

    def __call__(self, *moving: Tensor, **options: Any) -> Tensor:
        data = list(self.data)
        for i, tensor in zip(self.info.slopes, moving, strict=False):
            data[i] = tensor
        return self.info(*data, **{**self.options, **options})

    def whole(self, *moving: Tensor) -> Tensor:
        """The losses before they are reduced."""
        return self(*moving, reduction="none") if self.info.takes("reduction") else self(*moving)


def example(
    info: OwnInfo, seed: int = 0, rows: int | None = None, dtype: torch.dtype = torch.float64
) -> tuple[Any, ...]:
    """The data of one call."""
    return cast(info.example(rows or info.rows, torch.Generator().manual_seed(seed)), dtype)


def cast(data: Sequence[Tensor], dtype: torch.dtype) -> tuple[Tensor, ...]:
    """The floating-point tensors in another precision."""
    return tuple(t.to(dtype) if t.is_floating_point() else t for t in data)


def calls(info: OwnInfo) -> list[Call]:
    """Every setting of the options, each on data of its own."""
    return [Call(info, example(info, seed), options) for seed, options in enumerate(info.sweep)]


def far_out(info: OwnInfo, dtype: torch.dtype = torch.float32) -> list[Call]:
    """The extreme data under every setting of the options."""
    return [Call(info, cast(data, dtype), options) for data in info.extreme() for options in info.sweep]


def names(info: OwnInfo) -> list[str]:
    """The names of the data in the signature."""
    parameters = inspect.signature(info.function).parameters.values()
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]


def value_and_gradients(call: Call) -> tuple[Tensor, ...]:
    """The losses before they are reduced, and the gradients of their sum."""
    moving = call.moving
    losses = call.whole(*moving)
    return losses.detach(), *torch.autograd.grad(losses.sum(), moving)
