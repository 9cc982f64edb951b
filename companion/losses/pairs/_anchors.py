"""What losses over all pairs of a batch share: their arguments, and anchors taken a few at a time."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from companion._checks import check_floating
from companion._margin import full_precision, transformed


def check_embeddings(name: str, value: Tensor) -> None:
    """`value` has shape (N, D), one embedding per row."""
    check_floating(name, value)
    if value.dim() != 2 or value.shape[1] == 0:
        cure = ""
        if value.dim() == 1:
            cure = f" For a single one add a batch axis: `{name}.unsqueeze(0)`."
        elif value.dim() > 2:
            cure = f" Where each view or pixel is to be a row, `{name}.flatten(0, -2)`."
        raise ValueError(f"`{name}` must have shape (N, D), one embedding per row, got {tuple(value.shape)}.{cure}")


def check_labels(labels: Tensor, embeddings: Tensor) -> None:
    """`labels` has shape (N,) and tells which rows of `embeddings` belong together."""
    if not isinstance(labels, Tensor):
        raise TypeError(
            f"`labels` must be a tensor, got {type(labels).__name__}. Did you mean `torch.as_tensor(labels)`?"
        )
    if labels.is_floating_point() or labels.is_complex():
        raise TypeError(f"`labels` must hold integers, got dtype {labels.dtype}. Did you mean `labels.long()`?")
    rows = (embeddings.shape[0],)
    if labels.shape != rows:
        cure = ""
        if labels.shape == (*rows, 1):
            cure = " Did you mean `labels.squeeze(-1)`?"
        elif labels.dim() == 2 and labels.shape[:1] == rows:
            cure = " For one-hot labels use `labels.argmax(1)`."
        raise ValueError(
            f"`labels` must have shape {rows}, one label per row of `embeddings`, got {tuple(labels.shape)}.{cure}"
        )


def by_anchors(f: Callable[[int, int, Tensor], Tensor], x: Tensor, chunk_size: int | None) -> Tensor:
    """The losses (N,) of all rows of ``x`` as anchors, ``f(start, stop, x)`` being those of some.

    Taken ``chunk_size`` at a time, what a chunk needs for its gradient is computed again when its turn comes, except
    under a compiler or a transform, which plan memory themselves.
    """
    rows = x.shape[0]
    if rows == 0:
        return x.sum(dim=1)
    if chunk_size is None:
        return f(0, rows, x)
    chunks = [(start, min(start + chunk_size, rows)) for start in range(0, rows, chunk_size)]
    if transformed(x):
        return torch.cat([f(*chunk, x) for chunk in chunks])
    return torch.cat([checkpoint(f, *chunk, x, use_reentrant=False, preserve_rng_state=False) for chunk in chunks])


def anchor_logits(start: int, stop: int, z: Tensor) -> Tensor:
    """Inner products of some rows with all; -inf for each with itself."""
    x = products(start, stop, z)
    x.diagonal(offset=start).fill_(float("-inf"))
    return x


def products(start: int, stop: int, x: Tensor) -> Tensor:
    """Inner products (stop - start, N) of some rows of ``x`` (N, D) with all."""
    if transformed(x):
        with full_precision(x):
            return x[start:stop] @ x.mT
    found: Tensor = _Products.apply(x, start, stop)  # type: ignore[no-untyped-call]
    return found


class _Products(torch.autograd.Function):
    """A matrix product that stays in its precision on the way back too, where two products become one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, start: int, stop: int) -> Tensor:
        ctx.save_for_backward(x)
        ctx.start, ctx.stop = start, stop
        with full_precision(x):
            return x[start:stop] @ x.mT

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        start, stop = ctx.start, ctx.stop
        with full_precision(x):
            if (start, stop) == (0, x.shape[0]):
                return (g + g.mT) @ x, None, None
            own = F.pad(g @ x, (0, 0, start, x.shape[0] - stop))
            return torch.addmm(own, g.mT, x[start:stop]), None, None


def same_label(start: int, stop: int, labels: Tensor) -> Tensor:
    """Which of all rows belong to each of some, itself left out."""
    same = labels[start:stop].unsqueeze(1) == labels
    same.diagonal(offset=start).fill_(False)
    return same


def class_sizes(labels: Tensor) -> Tensor:
    """How many rows have the label of each, itself included, (N,); no (N, N) comparison is needed for that."""
    labels = labels.long().contiguous()
    ordered = labels.sort().values
    return torch.searchsorted(ordered, labels, right=True) - torch.searchsorted(ordered, labels)
