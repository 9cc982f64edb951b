"""Euclidean distances from differences: exact for near neighbours, 0 with a gradient of 0 for equal rows.

A Gram matrix, |x|^2 - 2 x.y + |y|^2, would lose the digits of exactly the small distances that these losses compare.
"""

from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from companion._margin import full_precision, transformed


def length(x: Tensor) -> Tensor:
    """Euclidean norms (...) of rows (..., D); a row of zeros has length 0 and gets no gradient."""
    largest = x.detach().abs().amax(dim=-1, keepdim=True)
    zero = largest < torch.finfo(x.dtype).tiny
    # |x| = c |x / c| for every c, so c may be a constant; squares then neither overflow nor vanish.
    y = (x / largest.masked_fill(zero, 1.0)).masked_fill(zero, 0.0)
    found = largest * y.square().sum(dim=-1, keepdim=True).masked_fill(zero, 1.0).sqrt()
    return found.masked_fill(zero, 0.0).squeeze(-1)


def distances(start: int, stop: int, x: Tensor) -> Tensor:
    """Distances (stop - start, N) of some rows of ``x`` (N, D) from all."""
    if transformed(x):
        return length(x[start:stop].unsqueeze(1) - x)
    found: Tensor = _Distances.apply(x, start, stop)  # type: ignore[no-untyped-call]
    return found


class _Distances(torch.autograd.Function):
    """torch's cdist by differences, once per pair, and with a second derivative."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, start: int, stop: int) -> Tensor:
        x = x.contiguous()
        d = _cdist(x[start:stop], x) if (start, stop) != (0, len(x)) else _symmetric(x)
        ctx.save_for_backward(x, d)
        ctx.start, ctx.stop = start, stop
        return d

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        x, d = ctx.saved_tensors
        start, stop = ctx.start, ctx.stop
        if not torch.is_grad_enabled():
            with suppress(RuntimeError):  # no rule for a batch of gradients
                return _gradient(g, x, d, start, stop), None, None
        # To be differentiated itself, or many at once: as matrix products, around the mean so that little cancels.
        with full_precision(x):
            x = x - x.detach().mean(dim=0)
            d = distances(start, stop, x)
            near = d == 0
            w = (g / d.masked_fill(near, 1.0)).masked_fill(near, 0.0)
            rows = x[start:stop]
            gx = w.sum(dim=0).unsqueeze(1) * x - w.mT @ rows
            own = w.sum(dim=1, keepdim=True) * rows - w @ x
            return gx.index_add(0, torch.arange(start, stop, device=x.device), own), None, None


def _cdist(a: Tensor, b: Tensor) -> Tensor:
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def _symmetric(x: Tensor, block: int = 128) -> Tensor:
    """All distances, each computed once."""
    d = x.new_empty(len(x), len(x))
    for start in range(0, len(x), block):
        some = _cdist(x[start : start + block], x[start:])
        d[start : start + block, start:] = some
        d[start:, start : start + block] = some.mT
    return d


def _gradient(g: Tensor, x: Tensor, d: Tensor, start: int, stop: int) -> Tensor:
    """From differences again. As the first argument each row collects what it gets from its partners."""
    backward = torch.ops.aten._cdist_backward
    if (start, stop) == (0, len(x)):
        whole: Tensor = backward(g + g.mT, x, x, 2.0, d)
        return whole
    gx: Tensor = backward(g.mT.contiguous(), x, x[start:stop].contiguous(), 2.0, d.mT.contiguous())
    gx[start:stop] += backward(g.contiguous(), x[start:stop].contiguous(), x, 2.0, d)
    return gx
