"""One number per row."""

from torch import Tensor

from companion._checks import check_floating


def check_per_row(name: str, value: Tensor, rows: int) -> None:
    check_floating(name, value)
    if value.shape != (rows,):
        cure = " Sum it over pixels: `.flatten(1).sum(1)`." if value.dim() > 1 else ""
        cure = cure or (" Do not average it over rows or pixels." if value.dim() == 0 else "")
        raise ValueError(f"`{name}` must have shape ({rows},), one number per row, got {tuple(value.shape)}.{cure}")
