"""Labels that a model does not believe which has not seen them, where it is surest."""

import numpy as np
import numpy.typing as npt
import torch

from companion.diagnostics._findings import Finding
from companion.diagnostics._table.sample import Sample, Seen
from companion.diagnostics._table.wording import rows as rows_of
from companion.diagnostics.label_noise import label_noise

MOST_ROWS = 10_000
FEW_ROWS = 300
# Below this share of right guesses, where it is surest, a model does not know a class well enough to accuse a label.
RELIABLE = 0.7
# Mistakes of a model grow rarer the surer it is, wrong labels do not: by this much they may.
LEVEL = 0.6


def noisy_labels(sample: Sample) -> Seen:
    """Where classes overlap, guess and label agree the more, the surer the guess; wrong labels leave a floor."""
    if not sample.is_class:
        return []
    rows = np.random.default_rng(0).permutation(len(sample.y))[:MOST_ROWS]
    sizes = np.bincount(sample.y[rows].astype(int))
    rows = rows[sizes[sample.y[rows].astype(int)] >= 10]
    x, _ = sample.inputs()
    if len(rows) < FEW_ROWS or not x.shape[1] or len(np.unique(sample.y[rows])) < 2:
        return (
            f"{len(rows)} rows in classes of 10 or more; {FEW_ROWS} of two classes are needed, and a column of inputs"
        )
    _, y = np.unique(sample.y[rows], return_inverse=True)
    prob = _out_of_bag(x[rows], y)
    guess, sure = prob.argmax(1), prob.max(1)
    quarter = _quarter(guess, sure)
    wrong, surest = guess != y, quarter < 2
    right = min((~wrong[surest & (guess == c)]).mean() if (guess == c).any() else 0.0 for c in np.unique(y))
    if right < RELIABLE:
        return f"a forest is right in {right:.0%} of its surest guesses of one class: too few to accuse a label"
    top, third = wrong[quarter == 0].mean(), wrong[quarter == 2].mean()
    if _surely_above(int(wrong[surest].sum()), int(surest.sum())) < 0.01 or top < LEVEL * third:
        return []
    suspect = label_noise(torch.from_numpy(y), torch.from_numpy(prob)).suspect.numpy()
    accused = np.flatnonzero(suspect & wrong)
    accused = rows[accused[np.argsort(-sure[accused])]]
    share = wrong[surest].mean()
    what = (
        f"Where a forest that has not seen the label is surest, the label says otherwise in {share:.1%} of the rows "
        f"({wrong[surest].sum()} of {surest.sum()}), however sure it is; {len(accused)} labels look wrong in all."
    )
    cure = "Have some of these rows labelled again, which beats every loss. Otherwise stop early, or a bounded loss."
    return [Finding("label-noise", "warning", what, rows_of(sample.labels[accused]), cure)]


def _quarter(guess: npt.NDArray[np.intp], sure: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """0 for the surest quarter of the guesses of each class, 3 for the least sure."""
    quarter = np.empty(len(guess), dtype=np.intp)
    for c in np.unique(guess):
        of_class = np.flatnonzero(guess == c)
        rank = np.argsort(np.argsort(-sure[of_class], kind="stable"), kind="stable")
        quarter[of_class] = 4 * rank // len(of_class)
    return quarter


def _out_of_bag(x: npt.NDArray[np.float32], y: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Probabilities (N, C) for each row from the trees that were grown without it."""
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(100, min_samples_leaf=5, oob_score=True, random_state=0)
    prob = forest.fit(x, y).oob_decision_function_
    return np.nan_to_num(np.asarray(prob, dtype=np.float64), nan=1 / prob.shape[1])


def _surely_above(wrong: int, of: int) -> float:
    """The lower end of the 99 % interval of Clopper and Pearson, one-sided."""
    from scipy.stats import beta

    return float(beta.ppf(0.01, wrong, of - wrong + 1)) if wrong else 0.0
