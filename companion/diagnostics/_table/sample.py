"""The rows that a profile looks at: the target as read, the other columns as numbers."""

import difflib
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from companion.diagnostics._findings import Finding
from companion.diagnostics._table.column import Column, read_column
from companion.diagnostics._table.kind import CLASSES, Kind, check_kind, kind_of_target

if TYPE_CHECKING:
    import pandas as pd

# What a check says: what it has seen, or why it could not be made.
Seen = list[Finding] | str
MOST_SIGNALS = 20


@dataclass(frozen=True)
class Sample:
    """Rows with a target. ``y`` holds numbers, or codes of the ``levels``; ``labels`` are those of the rows in pandas.

    ``target`` is the whole column, ``dates`` those of the index, if it has any, and ``alone`` how well each column
    predicts the target by itself.
    """

    name: str
    kind: Kind | None
    y: npt.NDArray[np.float64]
    levels: tuple[str, ...]
    target: Column
    columns: dict[str, Column]
    labels: npt.NDArray[Any]
    dates: npt.NDArray[np.float64] | None
    rows: int
    alone: dict[str, float] = field(default_factory=dict)

    @property
    def is_class(self) -> bool:
        return self.kind in CLASSES

    def inputs(self) -> tuple[npt.NDArray[np.float32], list[str]]:
        """The columns that a tree could learn from (N, P), by the ranks of their values, NaN where missing."""
        used = {name: c.values for name, c in self.columns.items() if c.kind in ("number", "category", "date")}
        x = np.empty((len(self.y), len(used)), dtype=np.float32)
        for place, values in enumerate(used.values()):
            x[:, place] = np.where(np.isfinite(values), np.unique(values, return_inverse=True)[1], np.nan)
        return x, list(used)

    def signal(self) -> npt.NDArray[np.float64]:
        """The target (N, 1), or an indicator of each of its largest classes (N, C)."""
        if not self.is_class:
            return self.y[:, None]
        largest = np.argsort(-np.bincount(self.y.astype(int)), kind="stable")[:MOST_SIGNALS]
        return np.asarray(self.y[:, None] == largest, dtype=np.float64)


def take_sample(table: "pd.DataFrame", target: Hashable, rows: int, seed: int, kind: Kind | None) -> Sample:
    """At most ``rows`` rows that have a target, in the order of the table."""
    _check(table, target, rows)
    labels, table = table.index, table.reset_index(drop=True)
    found = read_column(table[target])
    places = np.flatnonzero(np.isfinite(found.values))
    if not places.size:
        raise ValueError(f"`target` must have a value in at least one row, got column {target!r} without any.")
    if kind is not None:
        check_kind(kind, found)
    kind = kind or kind_of_target(str(target), found)
    if len(places) > rows:
        places = np.sort(np.random.default_rng(seed).choice(places, rows, replace=False))
    part = table.iloc[places].reset_index(drop=True)
    columns = {str(name): read_column(part[name]) for name in part if name != target}
    y, levels = found.values[places], found.levels
    if kind in CLASSES and not levels:
        values, codes = np.unique(y, return_inverse=True)
        y, levels = codes.astype(np.float64), tuple(f"{value:g}" for value in values)
    if y.min() == y.max():
        kind = None
    index = read_column(labels[places].to_series().reset_index(drop=True))
    dates = index.values if index.kind == "date" else None
    return Sample(str(target), kind, y, levels, found, columns, labels[places].to_numpy(), dates, len(table))


def _check(table: "pd.DataFrame", target: Hashable, rows: int) -> None:
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"`table` must be a pandas DataFrame, got {type(table).__name__}.")
    if isinstance(rows, bool) or not isinstance(rows, int):
        raise TypeError(f"`rows` must be an int, got {type(rows).__name__}.")
    if rows < 1:
        raise ValueError(f"`rows` must be at least 1, got {rows}.")
    if target not in table.columns:
        near = difflib.get_close_matches(str(target), [str(name) for name in table.columns], n=1, cutoff=0.5)
        cure = f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(map(str, table.columns[:20]))}."
        raise ValueError(f"`target` must be a column of `table`, got {target!r}.{cure}")
    twice = table.columns[table.columns.astype(str).duplicated()]
    if len(twice):
        raise ValueError(
            f"`table` must have distinct column names, got {str(twice[0])!r} more than once. Did you mean "
            "`table.loc[:, ~table.columns.duplicated()]`?"
        )
    if not len(table):
        raise ValueError("`table` must have at least one row, got 0.")
