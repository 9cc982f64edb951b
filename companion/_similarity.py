"""Cosine similarities as logits: what losses that compare embeddings by their direction share."""

from typing import Any

import torch
from torch import Tensor

from companion._margin import full_precision, transformed, upcast


def wide(x: Tensor) -> Tensor:
    """In float64, where the device has it: for sums that in float32 would lose their digits."""
    return upcast(x) if x.device.type == "mps" else x.double()


def unit(x: Tensor, length: float | Tensor = 1.0) -> Tensor:
    """Rows (..., D) scaled to ``length``, in float32 or float64.

    A row of zeros has no direction: it stays as it is, its cosine with every row is 0, and it gets no gradient.
    """
    x = upcast(x)
    largest = x.detach().abs().amax(dim=-1, keepdim=True)
    zero = largest < torch.finfo(x.dtype).tiny
    # The length does not change the direction, so this scale may be a constant; squares then stay in range.
    y = (x / largest.masked_fill(zero, 1.0)).masked_fill(zero, 0.0)
    # Rounded once, at the end: an error of the length would reach every logit of the row, over the temperature.
    y = wide(y)
    return (y * (length * y.square().sum(dim=-1, keepdim=True).masked_fill(zero, 1.0).rsqrt())).to(x.dtype)


def root(temperature: float | Tensor) -> float | Tensor:
    """The length of rows whose products are cosines over the temperature; never rounded to half precision."""
    return (wide(temperature) if isinstance(temperature, Tensor) else temperature) ** -0.5


def cosine_logits(a: Tensor, b: Tensor, temperature: float | Tensor) -> Tensor:
    """Cosines (..., N, M) of the rows of ``a`` (..., N, D) and ``b`` (..., M, D), over the temperature."""
    length = root(temperature)
    return _product(unit(a, length), unit(b, length))


def own_cosine_logits(a: Tensor, b: Tensor, temperature: float | Tensor) -> Tensor:
    """Cosines (..., N, 1) of each row of ``a`` with the same row of ``b``, over the temperature."""
    length = root(temperature)
    return (unit(a, length) * unit(b, length)).sum(dim=-1, keepdim=True)


def _product(a: Tensor, b: Tensor) -> Tensor:
    if transformed(a):
        with full_precision(a):
            return a @ b.mT
    found: Tensor = _Product.apply(a, b)  # type: ignore[no-untyped-call]
    return found


class _Product(torch.autograd.Function):
    """a @ b.mT, whose gradient autocast leaves in its precision."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        with full_precision(a):
            return a @ b.mT

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None]:
        a, b = ctx.saved_tensors
        to_a, to_b = ctx.needs_input_grad
        with full_precision(a):
            return g @ b if to_a else None, g.mT @ a if to_b else None
