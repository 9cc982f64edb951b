"""What a column of a table holds, read from its values: numbers, classes, dates, and what is neither."""

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

ColumnKind = Literal["number", "category", "date", "running number", "identifier", "text", "constant", "empty"]
# What float32 holds, in which networks compute.
LARGEST = 3.4e38
DATES = ("ISO8601", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y")


class Column(NamedTuple):
    """A column as read. ``values`` are floats, codes of the ``levels`` of a category, or seconds; NaN if missing.

    ``strange`` are texts in a column of numbers, ``infinite`` counts numbers too large
    for float32; ``values`` has NaN for both.
    """

    kind: ColumnKind
    values: npt.NDArray[np.float64]
    levels: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()
    infinite: int = 0
    ordered: bool = False


def read_column(series: "pd.Series") -> Column:
    """Numbers that stand as text are numbers, and a word among them is a slip. Labels of rows must be unique."""
    import pandas as pd
    from pandas.api import types

    if series.isna().all():
        return Column("empty", np.full(len(series), np.nan))
    if isinstance(series.dtype, pd.CategoricalDtype):
        return _category(series)
    if isinstance(series.dtype, pd.PeriodDtype):
        series = series.dt.to_timestamp()
    if types.is_datetime64_any_dtype(series.dtype):
        return _date(series)
    if types.is_timedelta64_dtype(series.dtype):
        return _number(series.dt.total_seconds())
    if types.is_bool_dtype(series.dtype):
        return _category(series)
    if types.is_numeric_dtype(series.dtype) and not types.is_complex_dtype(series.dtype):
        return _number(series)
    return _text(series)


def _number(series: "pd.Series", strange: tuple[str, ...] = ()) -> Column:
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = abs(values) > LARGEST
    values = np.where(infinite, np.nan, values)
    known = values[np.isfinite(values)]
    kind: ColumnKind = "number"
    if known.size and known.min() == known.max():
        kind = "constant"
    elif len(known) == len(values) >= 20 and (np.diff(known) > 0).all() and (known == known.round()).all():
        kind = "running number"
    return Column(kind, values, strange=strange, infinite=int(infinite.sum()))


def _date(series: "pd.Series") -> Column:
    import pandas as pd

    seconds = (pd.to_datetime(series, utc=True) - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    return Column("date", seconds.to_numpy(dtype=np.float64, na_value=np.nan))


def _category(series: "pd.Series") -> Column:
    import pandas as pd

    ordered = isinstance(series.dtype, pd.CategoricalDtype) and bool(series.cat.ordered)
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.cat.remove_unused_categories()
        codes, levels = series.cat.codes.to_numpy(), tuple(map(str, series.cat.categories))
    else:
        known = series.notna().to_numpy()
        codes = np.full(len(series), -1)
        codes[known], found = pd.factorize(series[known].astype(str), sort=True)
        levels = tuple(map(str, found))
    values = np.where(codes < 0, np.nan, codes.astype(np.float64))
    kind: ColumnKind = "category"
    if len(levels) == 1:
        kind = "constant"
    elif len(series) >= 20 and 2 * len(levels) > len(series):
        kind = "identifier" if len(levels) == len(series) else "text"
    return Column(kind, values, levels, ordered=ordered)


def _text(series: "pd.Series") -> Column:
    import pandas as pd

    text = series.where(series.isna(), series.astype(str).str.strip())
    text = text.mask((text == "").to_numpy(dtype=bool, na_value=False))
    known = text.dropna()
    if known.empty:
        return Column("empty", np.full(len(series), np.nan))
    numbers = pd.to_numeric(known, errors="coerce")
    if not (known.isin(["True", "False"]).any()) and numbers.notna().mean() >= 0.5:
        strange = tuple(known[numbers.isna()].value_counts().index[:5])
        return _number(numbers.reindex(series.index), strange)
    if re.match(r"\d{1,4}[-./]\d", known.iloc[0]):
        for form in DATES:
            dates = pd.to_datetime(text, format=form, errors="coerce", utc=True)
            if dates.notna().sum() >= 0.95 * len(known):
                return _date(dates)
    return _category(text)
