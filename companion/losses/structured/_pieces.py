"""What several losses of structures are made of."""

import functools

import torch
from torch import Tensor

from companion._checks import check_floating

# Stands for log 0: it stays log 0 whatever is added, and its gradient is 0 where that of -inf is NaN.
FLOOR = -1e30


def in_one_dtype(*tensors: Tensor) -> list[Tensor]:
    """In the widest of their dtypes, at least float32."""
    dtype = functools.reduce(torch.promote_types, (x.dtype for x in tensors), torch.float32)
    return [x.to(dtype) for x in tensors]


def check_integers(
    name: str, value: Tensor, shape: tuple[int, ...], meaning: str, *, transposed: str | None = None
) -> None:
    """`value` holds integers, of the given shape; `meaning` says what they are, `transposed` cures swapped axes."""
    if not isinstance(value, Tensor):
        raise TypeError(f"`{name}` must be a tensor, got {type(value).__name__}. Did you mean `torch.tensor({name})`?")
    if value.is_floating_point() or value.is_complex() or value.dtype == torch.bool:
        cure = _extra_axis(name, value, shape) or f" Did you mean `{name}.long()`?"
        raise TypeError(f"`{name}` must hold integers, got dtype {value.dtype}.{cure}")
    if value.shape != shape:
        cure = _extra_axis(name, value, shape)
        if value.shape == shape[::-1]:
            cure = f" Did you mean `{transposed or f'{name}.t()'}`?"
        raise ValueError(f"`{name}` must have shape {shape}, {meaning}, got {tuple(value.shape)}.{cure}")


def check_mask(mask: Tensor | None, shape: tuple[int, ...]) -> None:
    """`mask` is None or has one bool per step."""
    if mask is None:
        return
    if not isinstance(mask, Tensor):
        raise TypeError(f"`mask` must be a tensor, got {type(mask).__name__}. Did you mean `torch.tensor(mask)`?")
    if mask.dtype != torch.bool:
        raise TypeError(f"`mask` must be bool, True where a step counts, got dtype {mask.dtype}. Try `mask.bool()`.")
    if mask.shape != shape:
        cure = " Did you mean `mask.t()`?" if mask.shape == shape[::-1] else ""
        raise ValueError(f"`mask` must have shape {shape}, one bool per step, got {tuple(mask.shape)}.{cure}")


def check_embeddings(name: str, value: Tensor) -> None:
    """`value` has shape (N, D), one embedding per row."""
    check_floating(name, value)
    if value.dim() != 2 or value.shape[1] == 0:
        raise ValueError(
            f"`{name}` must have shape (N, D), one embedding per row, of at least one number, got {tuple(value.shape)}."
        )


def check_pair(name: str, value: Tensor, other: str, to: Tensor) -> None:
    """`other` has the shape of `name`, row beside row."""
    check_floating(other, to)
    if to.shape != value.shape:
        raise ValueError(f"`{other}` must have the shape of `{name}`, {tuple(value.shape)}, got {tuple(to.shape)}.")


def check_per_row(name: str, value: Tensor) -> None:
    """`value` has shape (N,), one number per example."""
    check_floating(name, value)
    if value.dim() != 1:
        cure = f" Did you mean `{name}.squeeze(-1)`?" if value.shape[1:] == (1,) else ""
        raise ValueError(f"`{name}` must have shape (N,), one number per example, got {tuple(value.shape)}.{cure}")


def check_edges(name: str, edges: Tensor) -> None:
    """`edges` has shape (2, E), one pair of nodes per column."""
    if isinstance(edges, Tensor) and (edges.dim() != 2 or edges.shape[0] != 2):
        cure = f" Did you mean `{name}.t()`?" if edges.shape[1:] == (2,) else ""
        raise ValueError(
            f"`{name}` must have shape (2, E), one pair of nodes per column, got {tuple(edges.shape)}.{cure}"
        )
    check_integers(name, edges, tuple(edges.shape) if isinstance(edges, Tensor) else (), "one pair of nodes per column")


def _extra_axis(name: str, value: Tensor, shape: tuple[int, ...]) -> str:
    """What cures (N, 1) or one-hot (N, C) where (N,) is wanted."""
    if value.dim() == 0 or value.shape[:-1] != shape:
        return ""
    if value.shape[-1] == 1:
        return f" Did you mean `{name}.squeeze(-1)`?"
    return f" If it is one-hot, use `{name}.argmax(-1)`."


def ends(x: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of ``x`` at both ends of each edge; index_select refuses a node out of range."""
    source, to = edges.long().unbind(0)
    return x.index_select(0, source), x.index_select(0, to)
