"""Gradients to try the gradient methods on, and what a method makes of them."""

from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from companion.weighters._base import Weighter

FACTORS = st.floats(-8.0, 8.0).map(lambda power: 10.0**power)
SEEDS = st.integers(0, 10_000)


def gradients(losses: int, places: int, seed: int = 0, span: float = 1.0) -> Tensor:
    """Random gradients ``(losses, places)``, whose norms grow by a factor of about ``span`` from first to last."""
    generator = torch.Generator().manual_seed(seed)
    found = torch.randn(losses, places, generator=generator, dtype=torch.float64)
    return found * torch.logspace(0, 1, losses, base=span, dtype=torch.float64).unsqueeze(1)


def conflicting(losses: int, places: int, seed: int = 0) -> Tensor:
    """Random gradients that share what opposes the first: many pairs conflict, and yet some direction helps all."""
    found = gradients(losses, places, seed)
    found[1:] -= 0.5 * found[0]
    return found


def fresh(method: type[Weighter], losses: int, **options: Any) -> Weighter:
    """A weighter in float64, for comparisons to rounding."""
    return method([f"loss {k}" for k in range(losses)], **options).double()


def weights(method: type[Weighter] | Weighter, found: Tensor, values: Tensor | None = None, **options: Any) -> Tensor:
    """The weights that a method gives to losses with these gradients, after one look."""
    weighter = fresh(method, len(found), **options) if isinstance(method, type) else method
    if values is None:
        values = torch.ones(len(found), dtype=torch.float64)
    return weighter.look(values, found @ found.T).clone()


def steps(weighter: Weighter, found: Tensor, losses: list[Tensor]) -> Tensor:
    """The weights after a look at each of these losses."""
    for values in losses:
        last = weighter.look(values, found @ found.T).clone()
    return last


def cosines(found: Tensor, direction: Tensor) -> Tensor:
    """Cosines of a direction with the gradients."""
    return (found @ direction) / found.norm(dim=1) / direction.norm()
