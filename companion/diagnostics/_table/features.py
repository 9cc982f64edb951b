"""What the other columns say: what is missing, strange, constant or the same, and what knows too much."""

import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from companion.diagnostics._findings import Finding
from companion.diagnostics._table.sample import Sample, Seen
from companion.diagnostics._table.wording import columns, count

if TYPE_CHECKING:
    import pandas as pd

ALIKE = 0.99
TOO_GOOD = 0.99
MOST_COLUMNS = 300
MOST_ROWS = 4000
STRONG_GROUPS = 0.1
FEW_ROWS = 40
DESCRIBED = ("kind", "missing", "distinct", "lowest", "median", "highest", "alone")


def missing_values(sample: Sample) -> Seen:
    shares = {name: 1 - np.isfinite(c.values).mean() for name, c in sample.columns.items() if c.kind != "empty"}
    missing = {name: share for name, share in shares.items() if share > 0 and not sample.columns[name].infinite}
    seen = []
    if missing:
        most = max(missing, key=lambda name: missing[name])
        what = f"Gaps in {count(len(missing), 'column')}, most in {most!r} ({missing[most]:.1%})."
        cure = "A NaN in the input makes every loss NaN: fill the gaps and add a column that says where they were."
        seen.append(Finding("missing-values", "warning", what, columns(missing), cure))
    infinite = {name: c.infinite for name, c in sample.columns.items() if c.infinite}
    if sample.target.infinite:
        infinite[sample.name] = sample.target.infinite
    if infinite:
        what = f"Infinite, or too large for float32: {count(sum(infinite.values()), 'number')}."
        cure = "Find the division or the logarithm that made them; no loss survives one."
        seen.append(Finding("infinite-values", "error", what, columns(infinite), cure))
    return seen


def constant_columns(sample: Sample) -> Seen:
    same = [name for name, c in sample.columns.items() if c.kind in ("constant", "empty")]
    if not same:
        return []
    what = f"One value or none in {count(len(same), 'column')}."
    return [Finding("constant-column", "note", what, columns(same), "Leave out what never changes.")]


def identifiers(sample: Sample) -> Seen:
    ids = [name for name, c in sample.columns.items() if c.kind in ("identifier", "running number")]
    if not ids:
        return []
    what = f"No value occurs twice in {count(len(ids), 'column')}: numbers or names of the rows."
    cure = "Not for the model, which can only learn it by heart. If it is time, split by it."
    return [Finding("identifier", "note", what, columns(ids), cure)]


def mixed_types(sample: Sample) -> Seen:
    strange = {name: c.strange for name, c in sample.columns.items() if c.strange}
    if sample.target.strange:
        strange[sample.name] = sample.target.strange
    if not strange:
        return []
    examples = "; ".join(f"{name!r}: {', '.join(map(repr, texts[:3]))}" for name, texts in list(strange.items())[:5])
    what = f"Texts among the numbers of {count(len(strange), 'column')}, read as missing."
    cure = "Say which texts mean missing (`na_values` of `pandas.read_csv`), and mend numbers written in another way."
    return [Finding("mixed-types", "warning", what, examples, cure)]


def collinear(sample: Sample) -> Seen:
    numbers = {name: c.values for name, c in sample.columns.items() if c.kind == "number" and c.values.size}
    if len(numbers) < 2 or len(sample.y) < 10:
        return []
    names = list(numbers)
    if len(names) > MOST_COLUMNS:
        return f"{len(names)} columns of numbers; at most {MOST_COLUMNS} are compared"
    x = np.column_stack([np.where(np.isfinite(v), v, np.nanmean(v)) for v in numbers.values()])
    x = x - x.mean(0)
    length = np.sqrt((x**2).sum(0))
    alike = np.triu(abs((x / length).T @ (x / length)), 1)
    pairs = np.argwhere(alike >= ALIKE)
    if not len(pairs):
        return []
    pairs = pairs[np.argsort(-alike[tuple(pairs.T)])]
    first = alike[tuple(pairs[0])]
    what = f"The same said twice in {count(len(pairs), 'pair')} of columns: correlation up to {first:.4f}."
    where = "; ".join(f"{names[i]!r} and {names[j]!r}" for i, j in pairs[:5])
    cure = "Predictions do not mind; their weights mean nothing by themselves. Drop one, or share the work by L2."
    return [Finding("collinear", "note", what, where, cure)]


def alone(sample: Sample) -> dict[str, float]:
    """How well each column by itself predicts the target, on held-out rows: 0 as well as a constant, 1 perfectly."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if len(sample.y) < FEW_ROWS or sample.kind is None:
        return {}
    x, names = sample.inputs()
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(sample.y))[:MOST_ROWS]
    x, y = x[rows][:, :MOST_COLUMNS], sample.y[rows]
    halves = np.arange(len(rows)) % 2 == 0
    tree = DecisionTreeClassifier if sample.is_class else DecisionTreeRegressor
    found = {}
    for name, column in zip(names, x.T, strict=False):
        guess = np.empty_like(y)
        for train in (halves, ~halves):
            model = tree(min_samples_leaf=3, random_state=0).fit(column[train, None], y[train])
            guess[~train] = model.predict(column[~train, None])
        found[name] = max(0.0, _skill(y, guess, sample.is_class))
    return found


def _skill(y: npt.NDArray[np.float64], guess: npt.NDArray[np.float64], classes: bool) -> float:
    if y.min() == y.max():  # a rare class that was not drawn
        return 0.0
    if not classes:
        return float(1 - ((y - guess) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    of_each = [(guess[y == c] == c).mean() for c in np.unique(y)]
    chance = 1 / len(of_each)
    return float((np.mean(of_each) - chance) / (1 - chance))


def leakage(sample: Sample) -> Seen:
    if len(sample.y) < FEW_ROWS:
        return f"{len(sample.y)} rows; {FEW_ROWS} are needed to see a column that knows too much"
    known = {name: skill for name, skill in sample.alone.items() if skill >= TOO_GOOD}
    known = {name: skill for name, skill in known.items() if sample.columns[name].kind != "date"}
    if not known:
        wide = len(sample.inputs()[1]) > MOST_COLUMNS
        return f"only the first {MOST_COLUMNS} columns were looked at" if wide else []
    best = max(known, key=lambda name: known[name])
    score = "balanced accuracy above chance" if sample.is_class else "explained variance"
    what = f"Column {best!r} by itself predicts the target on held-out rows: {score} {known[best]:.1%}."
    cure = "Ask whether it is known when the prediction is made. If it is made from the target, leave it out."
    return [Finding("leakage", "warning", what, columns(known), cure)]


def groups(sample: Sample) -> Seen:
    """Names or numbers of subjects, told by the column: text with many values, or whole numbers called an id."""
    found = {}
    for name, column in sample.columns.items():
        known = np.isfinite(column.values)
        distinct, group, sizes = np.unique(column.values[known], return_inverse=True, return_counts=True)
        called = re.search(
            r"(^|[_ .])(id|no|nr|patient|subject|person|user|customer|household|session|group)s?$|Id$|ID$", name
        )
        words = column.kind == "category" and column.levels
        if not (words or (called and column.kind == "number")) or len(distinct) < 20 or not 2 <= sizes.mean() <= 100:
            continue
        share = _between(sample.signal()[known], group, sizes)
        if share >= STRONG_GROUPS:
            found[name] = (len(distinct), sizes.mean(), share)
    if not found:
        return []
    name, (number, size, share) = max(found.items(), key=lambda item: item[1][2])
    what = (
        f"Column {name!r} has {number} values with {size:.1f} rows each, and rows of one value have targets that are "
        f"alike: correlation {share:.2f} within it."
    )
    cure = "Rows of one value must stand on one side of a split (GroupKFold), or the test part is known already."
    return [Finding("groups", "warning", what, columns(found), cure)]


def _between(signal: npt.NDArray[np.float64], group: npt.NDArray[np.intp], sizes: npt.NDArray[np.intp]) -> float:
    """The correlation of two rows of one group, from the analysis of variance; 0 where chance explains it."""
    from scipy.stats import f

    n, k = len(group), len(sizes)
    means = np.stack([np.bincount(group, column) for column in signal.T]) / sizes
    between = (sizes * (means - signal.mean(0)[:, None]) ** 2).sum() / (k - 1)
    within = ((signal - means.T[group]) ** 2).sum() / (n - k)
    if within == 0 or f.sf(between / within, k - 1, n - k) > 1e-6:
        return float(within == 0)
    usual = (n - (sizes**2).sum() / n) / (k - 1)
    return float((between - within) / (between + (usual - 1) * within))


def describe(sample: Sample) -> "pd.DataFrame":
    """One row for each column but the target."""
    import pandas as pd

    rows = []
    for name, column in sample.columns.items():
        known = column.values[np.isfinite(column.values)]
        number = column.kind in ("number", "running number", "constant") and not column.levels and known.size > 0
        rows.append(
            {
                "column": name,
                "kind": column.kind,
                "missing": 1 - known.size / max(1, column.values.size),
                "distinct": len(np.unique(known)),
                "lowest": known.min() if number else np.nan,
                "median": np.median(known) if number else np.nan,
                "highest": known.max() if number else np.nan,
                "alone": sample.alone.get(name, np.nan),
            }
        )
    return pd.DataFrame(rows, columns=["column", *DESCRIBED]).set_index("column")
