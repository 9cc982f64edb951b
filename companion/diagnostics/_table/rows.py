"""What rows say about each other: copies, contradictions, an order in time, rows that decide a fit alone."""

import numpy as np
import numpy.typing as npt

from companion.diagnostics._findings import Finding, Severity
from companion.diagnostics._table.sample import Sample, Seen
from companion.diagnostics._table.wording import count, rows

MOST_COLUMNS = 100
LAGS = 60
SEEN, STRONG = 0.1, 0.3
ROWS_PER_COEFFICIENT = 5


def duplicates(sample: Sample) -> Seen:
    """Copies, told from rows that coincide: those mostly differ from others in one column, copies in none."""
    parts = _fingerprints(sample)
    total = parts.sum(0, dtype=np.uint64)
    _, first, size = np.unique(total, return_index=True, return_counts=True)
    copies, copied = len(total) - len(first), (size > 1).sum()
    if not copies:
        return []
    near = np.zeros(len(first), dtype=bool)
    for part in parts[:MOST_COLUMNS]:
        _, group, of = np.unique((total - part)[first], return_inverse=True, return_counts=True)
        near |= of[group] > 1
    if copied <= near.sum():
        return (
            f"{copies} of {len(total)} rows equal another, but more differ in one column only: they may well coincide"
        )
    severity: Severity = "warning" if copies >= 0.01 * len(total) else "note"
    what = f"{copies} of {len(total)} rows ({copies / len(total):.1%}) repeat another in every column."
    again = np.setdiff1d(np.arange(len(total)), first)
    cure = "Drop them before the split, or a copy of a training row sits in the test part; or ask what they count."
    return [Finding("duplicates", severity, what, rows(sample.labels[again]), cure)]


def conflicting_labels(sample: Sample) -> Seen:
    if not sample.is_class or not sample.columns:
        return []
    features = _fingerprints(sample)[:-1].sum(0, dtype=np.uint64)
    _, group = np.unique(features, return_inverse=True)
    pairs, count = np.unique(np.column_stack([group, sample.y.astype(int)]), axis=0, return_counts=True)
    most = np.zeros(group.max() + 1, dtype=int)
    np.maximum.at(most, pairs[:, 0], count)
    wrong = len(group) - int(most.sum())
    if wrong < 0.01 * len(group):
        return []
    what = (
        f"Rows that agree in every other column differ in the target: no model of these columns can be right in more "
        f"than {1 - wrong / len(group):.1%} of the rows."
    )
    mixed = np.flatnonzero(most[group] < np.bincount(group)[group])
    cure = "Look at such rows. If both labels are right, the loss must learn a probability: cross entropy does."
    return [Finding("conflicting-labels", "warning", what, rows(sample.labels[mixed]), cure)]


def _fingerprints(sample: Sample) -> npt.NDArray[np.uint64]:
    """A random number for each value of each column (P + 1, N), the target last; their sums name whole rows."""
    rng = np.random.default_rng(0)
    parts = []
    for values in (*(column.values for column in sample.columns.values()), sample.y):
        _, codes = np.unique(values, return_inverse=True)
        parts.append(rng.integers(0, 2**64, codes.max() + 1, dtype=np.uint64)[codes])
    return np.stack(parts)


def temporal(sample: Sample) -> Seen:
    """Whether rows near each other, in the order of the dates if there are any, have targets that are alike."""
    n = len(sample.y)
    if n < 50:
        return f"{n} rows; 50 are needed to see an order"
    when, source = _order(sample)
    y = sample.y[when]
    if source == "row order" and _is_sorted(y, sample.is_class):
        what = "The rows are sorted by the target, or by whether it is 0, so that their order says nothing else."
        cure = "Shuffle before you split or make batches."
        return [Finding("sorted-target", "note", what, "row order", cure)]
    signal = sample.signal()[when] if sample.is_class else _ranks(y)[:, None]
    lags = min(LAGS, n // 4)
    alike = _autocorrelation(signal, lags)
    limit = max(SEEN, _normal_quantile(1 - 0.0005 / lags) / np.sqrt(n))
    if abs(alike).max() < limit:
        return []
    lag = int(abs(alike).argmax()) + 1
    what = (
        f"Targets that are {count(lag, 'row')} apart are alike: correlation {alike[lag - 1]:.2f}, where chance "
        f"stays below {limit:.2f} at all of {lags} lags."
    )
    cure = (
        "A random split puts neighbours on both sides. If the order is time, train on the past and test on the future "
        "(TimeSeriesSplit); if neighbours share a subject, split by subject (GroupKFold)."
    )
    severity: Severity = "warning" if abs(alike).max() >= STRONG else "note"
    return [Finding("temporal", severity, what, source, cure)]


def _order(sample: Sample) -> tuple[npt.NDArray[np.intp], str]:
    """The order of the index if it holds dates, else of the first column with dates, else that of the rows."""
    dates = {f"column {name!r}": c.values for name, c in sample.columns.items() if c.kind == "date"}
    if sample.dates is not None:
        dates = {"index": sample.dates, **dates}
    for source, values in dates.items():
        return np.argsort(values, kind="stable"), f"order of the dates in {source}"
    return np.arange(len(sample.y)), "row order"


def _is_sorted(y: npt.NDArray[np.float64], classes: bool) -> bool:
    """Whether each class is one run of rows, or the numbers never turn; or all zeros stand together."""
    steps, zero = np.diff(y), np.diff((y == 0).astype(float)) != 0
    if classes:
        return int((steps != 0).sum()) == len(np.unique(y)) - 1
    return bool((steps >= 0).all() or (steps <= 0).all() or zero.sum() == 1)


def _ranks(y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    from scipy.stats import rankdata

    return np.asarray(rankdata(y))


def _autocorrelation(signal: npt.NDArray[np.float64], lags: int) -> npt.NDArray[np.float64]:
    """At lags 1 to ``lags``; that of several columns is the mean weighed by their variance."""
    from statsmodels.tsa.stattools import acf

    spread = signal.var(0)
    each = [acf(column, nlags=lags, fft=True)[1:] for column in signal[:, spread > 0].T]
    return np.asarray(np.average(each, axis=0, weights=spread[spread > 0]))


def _normal_quantile(p: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(p)


def _varies(values: npt.NDArray[np.float64]) -> bool:
    """Whether more than one row in a hundred differs from the rest: a lone row always decides its coefficient."""
    return bool(np.unique(values, return_counts=True)[1].max() < 0.99 * len(values))


def influential_rows(sample: Sample) -> Seen:
    """Cook's distance in the linear fit of the target, or of the indicator of each class, on the columns of numbers."""
    numbers = {name: c.values for name, c in sample.columns.items() if c.kind == "number" and _varies(c.values)}
    n, columns = len(sample.y), len(numbers) + 1
    y = sample.signal()
    if sample.is_class:  # a lone row of a class always looks strange
        y = y[:, y.sum(0) >= max(50, ROWS_PER_COEFFICIENT * columns)]
    if columns == 1 or n < ROWS_PER_COEFFICIENT * columns or not y.shape[1]:
        return f"{n} rows and {columns - 1} columns of numbers: too few for a linear fit"
    x = np.column_stack([np.where(np.isfinite(v), v, np.nanmedian(v)) for v in numbers.values()])
    x = np.column_stack([np.ones(n), (x - x.mean(0)) / x.std(0)])
    distance, residual = _cook(x, y)
    strong = np.flatnonzero(distance > 1)
    if not strong.size:
        return []
    strong = strong[np.argsort(-distance[strong])]
    first = strong[0]
    what = (
        f"A linear fit depends on {count(len(strong), 'single row')}: Cook's distance up to {distance[first]:.3g} "
        "(1 is large)."
    )
    far = abs(x[first, 1:])
    reason = "far off the fit" if residual[first] > far.max() else f"far out in column {list(numbers)[far.argmax()]!r}"
    cure = "Look at them first. If they are right, transform the column; a robust loss helps against odd targets only."
    return [Finding("influential-rows", "warning", what, f"{rows(sample.labels[strong])}; the first is {reason}", cure)]


def _cook(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], ...]:
    """The largest distance of each row over the columns of y, and its largest standardised residual."""
    basis, strength, _ = np.linalg.svd(x, full_matrices=False)
    basis = basis[:, strength > 1e-8 * strength[0]]
    n, rank = basis.shape
    residual = y - basis @ (basis.T @ y)
    spread = np.sqrt((residual**2).sum(0) / (n - rank))
    exact = spread <= 1e-8 * y.std(0)  # nothing but rounding is left
    residual = np.where(exact, 0.0, residual / np.where(exact, 1.0, spread))
    leverage = np.minimum((basis**2).sum(1), 1 - 1e-12)
    largest = abs(residual).max(1)
    return largest**2 * leverage / (1 - leverage) ** 2 / rank, largest
