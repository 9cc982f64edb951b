"""How a target is read: as classes, a count, an amount, a share or a real number."""

import re
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from companion.diagnostics._table.column import Column

Kind = Literal["binary", "classes", "ordered", "count", "amount", "share", "real"]
CLASSES: tuple[Kind, ...] = ("binary", "classes", "ordered")
MOST_CLASSES = 20
# A standard deviation of this share of the mean: 0 is near, and matters.
SPREAD_OF_AMOUNTS = 0.75
RANKED = re.compile("rat(e|ing)|grade|star|level|stage|score|quality|sever")


def kind_of_target(name: str, target: Column) -> Kind | None:
    """None for a constant; classes are words, or few whole numbers in a row without an open end."""
    values = target.values[np.isfinite(target.values)]
    if target.kind == "constant":
        return None
    if target.kind in ("identifier", "text", "date"):
        what = "dates" if target.kind == "date" else "text that differs in nearly every row"
        cure = "A date becomes a number as the days since another one." if target.kind == "date" else ""
        raise ValueError(f"`target` must hold classes or numbers, got {what} in column {name!r}. {cure}".rstrip())
    if target.levels:
        return "ordered" if target.ordered else "classes" if len(target.levels) > 2 else "binary"
    distinct, sizes = np.unique(values, return_counts=True)
    if len(distinct) == 2:
        return "binary"
    whole = bool((distinct == distinct.round()).all())
    if whole and _is_count(distinct, sizes):
        return "count"
    in_a_row = len(distinct) <= MOST_CLASSES and distinct[-1] - distinct[0] == len(distinct) - 1
    if whole and in_a_row and len(values) >= 10 * len(distinct):
        return "ordered" if RANKED.search(name.lower()) else "classes"
    return _kind_of_number(values)


def _is_count(distinct: npt.NDArray[np.float64], sizes: npt.NDArray[np.intp]) -> bool:
    """From 0 or 1 on; and, if few, falling from their peak to an end of which there are hardly any."""
    if distinct[0] not in (0, 1):
        return False
    if len(distinct) > MOST_CLASSES:
        return True
    peak = int(sizes.argmax())
    falls = (np.diff(sizes[: peak + 1]) >= 0).all() and (np.diff(sizes[peak:]) <= 2).all()
    open_end = sizes[-1] < max(5, 0.001 * sizes.sum()) and sizes[-1] < sizes.max() / 20
    return bool(len(distinct) >= 4 and falls and open_end)


def _kind_of_number(values: npt.NDArray[np.float64]) -> Kind:
    if values.min() < 0:
        return "real"
    if values.max() <= 1:
        return "share"
    zeros = (values == 0).mean()
    return "amount" if zeros >= 0.05 or values.std() >= SPREAD_OF_AMOUNTS * values.mean() else "real"


def check_kind(kind: Kind, target: Column) -> None:
    """Whether the target can be read as the user says."""
    if kind not in get_args(Kind):
        raise ValueError(f"`kind` must be one of {', '.join(map(repr, get_args(Kind)))}, got {kind!r}.")
    values = np.unique(target.values[np.isfinite(target.values)])
    found = ""
    if kind not in CLASSES and (target.levels or target.kind == "date"):
        found = f"{target.kind} values where numbers are needed"
    elif kind == "binary" and len(values) != 2:
        found = f"{len(values)} distinct values"
    elif kind == "count" and (values[0] < 0 or (values != values.round()).any()):
        found = f"values such as {values[0]:g}" if values[0] < 0 else "values that are not whole"
    elif kind in ("amount", "share") and (values[0] < 0 or (kind == "share" and values[-1] > 1)):
        found = f"values from {values[0]:g} to {values[-1]:g}"
    if found:
        raise ValueError(f"`kind` must fit the target, got {kind!r} for {found}.")
