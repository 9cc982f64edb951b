"""How findings about tables name numbers, rows and columns."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

MOST = 10


def count(number: int, singular: str, plural: str | None = None) -> str:
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def rows(labels: npt.NDArray[Any]) -> str:
    return ("row " if len(labels) == 1 else "rows ") + _listed(
        [str(label) for label in labels[: MOST + 1]], len(labels)
    )


def columns(names: Iterable[str]) -> str:
    quoted = [repr(name) for name in names]
    return ("column " if len(quoted) == 1 else "columns ") + _listed(quoted, len(quoted))


def span(values: npt.NDArray[np.float64]) -> str:
    low, high = f"{values.min():.4g}", f"{values.max():.4g}"
    return low if low == high else f"{low} to {high}"


def _listed(items: list[str], number: int) -> str:
    return ", ".join(items[:MOST]) + (f" and {number - MOST} more" if number > MOST else "")
