"""What the losses that take ``chunk_size`` are tried for."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from torch.testing import assert_close


def agree_in_chunks(loss: Callable[[Tensor, int | None], Tensor], x: Tensor, chunk_size: int) -> None:
    """Value, gradient, and the product of the Hessian with a vector, are those of all anchors at once."""
    along = torch.randn_like(x)
    found = []
    for size in (None, chunk_size):
        moved = x.clone().requires_grad_()
        value = loss(moved, size)
        (plain,) = torch.autograd.grad(value, moved, retain_graph=True)
        (gradient,) = torch.autograd.grad(value, moved, create_graph=True)
        (product,) = torch.autograd.grad((gradient * along).sum(), moved)
        found.append((value, plain, gradient, product))
    for whole, some in zip(*found, strict=True):
        assert_close(some, whole, rtol=1e-9, atol=1e-12)


def peak_memory(loss: Callable[[Tensor], Tensor], x: Tensor) -> int:
    """The most bytes that forward and backward hold at once."""
    x = x.clone().requires_grad_()
    torch.autograd.grad(loss(x), x)  # once without the profiler: lazy set-up is not counted
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        torch.autograd.grad(loss(x), x)
    events = [e for e in record.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak
