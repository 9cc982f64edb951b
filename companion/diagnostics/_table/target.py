"""What the target says about the loss: its tails, its zeros, its rare classes."""

from typing import TYPE_CHECKING

import numpy as np

from companion.diagnostics._findings import Finding
from companion.diagnostics._table.sample import Sample, Seen
from companion.diagnostics._table.wording import columns, count, rows, span

if TYPE_CHECKING:
    import pandas as pd

# A normal distribution has 8 % of its squared deviation in the outer hundredth of its rows, an exponential one 22 %.
HEAVY = 0.3
FEW_ROWS = 100


def constant_target(sample: Sample) -> Seen:
    if sample.kind is not None:
        return []
    value = repr(sample.levels[int(sample.y[0])]) if sample.levels else f"{sample.y[0]:g}"
    what = f"The target is {value} in each of the {len(sample.y)} rows that were looked at."
    return [
        Finding("constant-target", "error", what, columns([sample.name]), "Ask for another target, or for more rows.")
    ]


def missing_target(sample: Sample) -> Seen:
    missing = int((~np.isfinite(sample.target.values)).sum()) - sample.target.infinite
    if not missing:
        return []
    what = f"{missing} of {sample.rows} rows ({missing / sample.rows:.1%}) have no target; they were left out."
    cure = "Leave them out of the loss too (ignore_index, or a mask), and ask whether they are like the others."
    return [Finding("missing-target", "warning", what, columns([sample.name]), cure)]


def read_as(sample: Sample) -> Seen:
    """How the numbers of the target were read, where the loss depends on it."""
    y = sample.y
    where = columns([sample.name])
    if sample.kind == "count":
        what = (
            f"Whole numbers from {y.min():g} to {y.max():g}, mean {y.mean():.3g}, variance {y.var():.3g} "
            f"({y.var() / y.mean():.1f} times the mean; a Poisson law has 1)."
        )
        cure = "A loss of counts asks for the mean and is never below 0. If these are classes, pass kind='classes'."
        return [Finding("count-target", "note", what, where, cure)]
    if sample.kind == "amount":
        what = f"Never below 0 and spread wide: from {y.min():.3g} to {y.max():.3g} around a mean of {y.mean():.3g}."
        return [
            Finding("positive-target", "note", what, where, "Predict the logarithm of the mean, as Tweedie loss does.")
        ]
    if sample.kind == "share":
        what = f"All between 0 and 1, from {y.min():.3g} to {y.max():.3g}."
        return [
            Finding("bounded-target", "note", what, where, "Predict a logit; cross entropy takes shares as they are.")
        ]
    return []


def heavy_tail(sample: Sample) -> Seen:
    if sample.is_class or sample.kind is None:
        return []
    y = sample.y
    if len(y) < FEW_ROWS:
        return f"{len(y)} rows; {FEW_ROWS} are needed to speak of a tail"
    squared = (y - y.mean()) ** 2
    few = -(-len(y) // 100)
    far = np.argsort(-squared)[:few]
    share = squared[far].sum() / squared.sum()
    if share < HEAVY:
        return []
    what = (
        f"1 % of the rows hold {share:.0%} of the squared error that a constant makes (8 % under a normal law); the "
        f"mean is {y.mean():.3g}, the median {np.median(y):.3g}."
    )
    where = f"{count(few, 'row')}, with targets of {span(y[far])}"
    cure = "Decide what is to be learned. The mean: squared error, Poisson, Tweedie. The typical: Huber, quantile loss."
    return [Finding("heavy-tail", "warning", what, where, cure)]


def skewed(sample: Sample) -> Seen:
    if sample.is_class or sample.kind is None or len(sample.y) < FEW_ROWS or heavy_tail(sample):
        return []
    y = sample.y
    apart = (y.mean() - np.median(y)) / y.std()
    skew = ((y - y.mean()) ** 3).mean() / y.std() ** 3
    if abs(apart) < 0.2 or abs(skew) < 1:
        return []
    what = f"The mean is {y.mean():.3g}, the median {np.median(y):.3g}, {abs(apart):.1f} standard deviations apart."
    cure = "Decide which is wanted: squared error learns the mean, absolute error the median."
    return [Finding("skewed-target", "note", what, columns([sample.name]), cure)]


def outliers(sample: Sample) -> Seen:
    """Few values far beyond the quartiles; of what is never negative, on the scale of its logarithm too."""
    if sample.is_class or sample.kind in (None, "share"):
        return []
    if len(sample.y) < 20:
        return f"{len(sample.y)} rows; 20 are needed to tell an outlier"
    far = _beyond(sample.y)
    if sample.y.min() >= 0:
        positive = sample.y > 0
        far[positive] &= _beyond(np.log(sample.y[positive]))
        far &= positive
    if not 0 < far.sum() <= max(1, 0.01 * len(far)):
        return []
    low, high = np.quantile(sample.y, [0.25, 0.75])
    what = (
        f"{count(int(far.sum()), 'target')} of {span(sample.y[far])} where half of all lie from {low:.3g} to "
        f"{high:.3g}: more than 5 times that range beyond it."
    )
    cure = (
        "Look at these rows first: mend what is wrong, keep what is rare. If they stay, a loss that bounds their pull."
    )
    return [Finding("outliers", "warning", what, rows(sample.labels[far]), cure)]


def _beyond(y: np.ndarray) -> np.ndarray:
    low, high = np.quantile(y, [0.25, 0.75]) if y.size else (0.0, 0.0)
    reach = 5 * (high - low)
    return (y < low - reach) | (y > high + reach) if reach > 0 else np.zeros(len(y), dtype=bool)


def zero_inflated(sample: Sample) -> Seen:
    """For counts: beyond what a negative binomial law of the same mean and variance expects."""
    if sample.kind not in ("count", "amount"):
        return []
    y = sample.y
    zeros, mean, variance = float((y == 0).mean()), float(y.mean()), float(y.var())
    if sample.kind == "amount" and zeros < 0.05:
        return []
    what = f"{zeros:.1%} of the targets are exactly 0"
    if sample.kind == "count":
        poisson = np.exp(-mean)
        size = mean**2 / (variance - mean) if variance > mean else np.inf
        expected = (size / (size + mean)) ** size if np.isfinite(size) else poisson
        if zeros - expected < 0.05:
            return []
        what += f", where a negative binomial law of this mean and variance has {expected:.1%}"
    else:
        what += f"; the others have a median of {np.median(y[y > 0]):.3g}"
    cure = "Tweedie loss for the mean of all, or two models: whether it is 0, and how much if not."
    return [Finding("zero-inflated", "note", what + ".", columns([sample.name]), cure)]


def imbalance(sample: Sample) -> Seen:
    if not sample.is_class:
        return []
    sizes = np.bincount(sample.y.astype(int), minlength=len(sample.levels))
    large, small = int(sizes.argmax()), int(sizes.argmin())
    seen = []
    if sizes[large] >= 10 * max(1, sizes[small]):
        most, least = sample.levels[large], sample.levels[small]
        what = (
            f"Class {most!r} has {sizes[large]} rows, class {least!r} {sizes[small]}: always to say {most!r} is right "
            f"in {sizes[large] / sizes.sum():.1%}."
        )
        cure = "Cross entropy first, with the threshold taken from the costs; judge by precision and recall."
        seen.append(Finding("imbalance", "warning", what, columns([sample.name]), cure))
    rare = [f"{sample.levels[c]!r} ({sizes[c]})" for c in np.argsort(sizes) if sizes[c] < 10]
    if rare and len(sample.y) >= 50:
        what = f"Fewer than 10 rows in {count(len(rare), 'class', 'classes')}: no loss can be judged on so few."
        cure = "Collect more, join classes, or leave them out; a split must be stratified."
        seen.append(Finding("rare-class", "warning", what, ", ".join(rare[:10]), cure))
    return seen


def distribution(sample: Sample) -> "pd.DataFrame":
    """Rows of each class, or of each of up to 30 intervals of equal width."""
    import pandas as pd

    if sample.is_class or sample.levels:
        sizes = np.bincount(sample.y.astype(int), minlength=len(sample.levels))
        return pd.DataFrame({"class": sample.levels, "rows": sizes})
    bins = 1 if sample.kind is None else min(30, max(5, round(2 * len(sample.y) ** (1 / 3))))
    sizes, edges = np.histogram(sample.y, bins=bins)
    return pd.DataFrame({"from": edges[:-1], "to": edges[1:], "rows": sizes})
