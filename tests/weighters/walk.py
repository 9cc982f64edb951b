"""Walking a weighter through losses, for the tests of single methods."""

from collections.abc import Sequence

import torch
from torch import Tensor

from companion.weighters._base import Weighter

Rows = Sequence[Sequence[float]]


def walk(weighter: Weighter, rows: Rows) -> Tensor:
    """The weights after each step, (steps, losses)."""
    dtype = weighter.weights.dtype
    return torch.stack([weighter.look(torch.tensor(row, dtype=dtype)).clone() for row in rows])


def derivatives(weighter: Weighter, row: Sequence[float]) -> tuple[Tensor, Tensor]:
    """The scalar that a step returns, and its derivatives with respect to the losses."""
    losses = [torch.tensor(value, dtype=weighter.weights.dtype, requires_grad=True) for value in row]
    total = weighter(losses)
    return total.detach(), torch.stack(torch.autograd.grad(total, losses))


def curves(steps: int, losses: int, seed: int = 0) -> list[list[float]]:
    """Positive losses that fall, rise and jitter, in units that differ by powers of ten."""
    generator = torch.Generator().manual_seed(seed)
    jitter = torch.randn(steps, losses, generator=generator).mul(0.2).cumsum(0).exp()
    return (jitter * 10.0 ** torch.arange(losses)).double().tolist()
