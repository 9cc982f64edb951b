"""What a model is judged by: scikit-learn underneath, one rule for every empty class and every zero division.

A class that never occurs in ``target`` has no recall, precision-recall curve or ROC curve: it is left out of the
averages. A class that is never predicted has precision and F1 of 0. What is then still undefined is NaN.
Arrays may be NumPy or torch, on any device.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn import metrics as sk
from statsmodels.stats.proportion import proportion_confint

Array = npt.ArrayLike | torch.Tensor
Floats = npt.NDArray[np.float64]
Counts = Callable[[Floats, Floats, Floats, Floats], Floats]


def classification_scores(target: Array, prob: Array, *, threshold: float = 0.5) -> dict[str, float]:
    """Score predicted probabilities by what was decided, how rows were ranked and how honest the numbers are.

    Args:
        target: Class indices ``(N,)``.
        prob: Probability of class 1 ``(N,)``, or of every class ``(N, C)`` with rows that sum to 1. Two columns are
            the binary case.
        threshold: Binary only: class 1 is decided where ``prob >= threshold``. With more classes the largest
            probability decides.

    Returns:
        * decisions: ``accuracy``; ``balanced_accuracy``, the mean recall; ``macro_f1``; ``g_mean``, see :func:`g_mean`;
        * ranking: ``pr_auc``, the average precision, and ``roc_auc``: of class 1, or the mean of one class against
          the rest; NaN where fewer than two classes occur;
        * probabilities: ``brier``, mean squared error of the probability (summed over classes if C > 2, so between 0
          and 2); ``log_loss`` in nats, a probability of 0 counting as 2.2e-16; ``ece``, see
          :func:`expected_calibration_error`.

    Raises:
        ValueError: If shapes, probabilities or class indices are not as above.

    Example:
        >>> scores = classification_scores([0, 0, 0, 1], [0.1, 0.2, 0.6, 0.7])
        >>> scores["accuracy"], scores["pr_auc"], round(scores["brier"], 3)
        (0.75, 1.0, 0.125)

    References:
        Davis and Goadrich, *The Relationship Between Precision-Recall and ROC Curves*, ICML 2006.
        https://doi.org/10.1145/1143844.1143874
    """
    y, p = _checked(target, prob)
    decision = (p >= threshold).astype(np.int64) if p.ndim == 1 else p.argmax(1)
    columns = p[:, None] if p.ndim == 1 else p
    hit = (y[:, None] == (np.arange(columns.shape[1]) if p.ndim == 2 else 1)).astype(np.int64)
    ranked = [c for c in range(columns.shape[1]) if 0 < hit[:, c].sum() < len(y)]
    recalls = _recalls(y, decision)
    of_target = np.where(y == 1, p, 1 - p) if p.ndim == 1 else p[np.arange(len(y)), y]

    def one_against_rest(score: Callable[..., float]) -> float:
        return float(np.mean([score(hit[:, c], columns[:, c]) for c in ranked])) if ranked else float("nan")

    return {
        "accuracy": float(np.mean(y == decision)),
        "balanced_accuracy": float(recalls.mean()),
        "macro_f1": float(sk.f1_score(y, decision, labels=np.unique(y), average="macro", zero_division=0)),
        "g_mean": _geometric_mean(recalls),
        "pr_auc": one_against_rest(sk.average_precision_score),
        "roc_auc": one_against_rest(sk.roc_auc_score),
        "brier": float(np.mean(((columns - hit) ** 2).sum(1))),
        "log_loss": float(-np.log(of_target.clip(2.2e-16)).mean()),
        "ece": expected_calibration_error(y, p),
    }


def g_mean(target: Array, decision: Array) -> float:
    """Geometric mean of the recalls of the classes that occur in ``target``; 0 if one class is never found.

    Args:
        target: Class indices ``(N,)``.
        decision: Predicted class indices ``(N,)``.

    Example:
        >>> g_mean([0, 0, 1, 1], [0, 0, 0, 1])  # sqrt(1 * 1/2)
        0.7071067811865476

    References:
        Kubat and Matwin, *Addressing the Curse of Imbalanced Training Sets: One-Sided Selection*, ICML 1997.
    """
    return _geometric_mean(_recalls(*_pair(target, decision)))


def expected_calibration_error(
    target: Array, prob: Array, *, bins: int = 15, spacing: Literal["mass", "width"] = "mass"
) -> float:
    """Mean gap between what a model claims and what comes true, over bins of similar claims.

    The binary claim is the probability of class 1; with more classes it is that of the predicted class, and coming
    true means being right. Bins hold equally many rows by default, because with rare positives bins of equal width
    would put nearly all rows into the first. Equal claims always share a bin.

    Few rows per bin bias the estimate upwards: a perfectly calibrated model scores about
    ``0.8 * sqrt(rate * (1 - rate) * bins / N)``. Differences below that mean nothing.

    Args:
        target: Class indices ``(N,)``.
        prob: Probabilities ``(N,)`` or ``(N, C)``.
        bins: Number of bins at most.
        spacing: ``"mass"`` for equally many rows in each bin, ``"width"`` for bins of equal width.

    Returns:
        A share between 0 and 1.

    Example:
        >>> expected_calibration_error([0, 1, 1, 1], [0.5, 0.5, 1.0, 1.0])
        0.0

    References:
        Guo et al., *On Calibration of Modern Neural Networks*, ICML 2017. https://arxiv.org/abs/1706.04599
        Nixon et al., *Measuring Calibration in Deep Learning*, CVPR Workshops 2019. https://arxiv.org/abs/1904.01685
    """
    table = reliability(target, prob, bins=bins, spacing=spacing)
    return float(np.average((table["claimed"] - table["observed"]).abs(), weights=table["rows"]))


def reliability(
    target: Array, prob: Array, *, bins: int = 15, spacing: Literal["mass", "width"] = "mass"
) -> pd.DataFrame:
    """Table behind a reliability diagram: what was claimed against what came true, bin by bin.

    Takes the arguments of :func:`expected_calibration_error`, whose claims and bins these are.

    Returns:
        One row per non-empty bin: ``claimed`` (mean probability), ``observed`` (share that came true), ``low`` and
        ``high`` (95 % Wilson interval of ``observed``), ``rows``.

    Example:
        >>> reliability([0, 1, 1, 1], [0.5, 0.5, 1.0, 1.0])[["claimed", "observed", "rows"]]
           claimed  observed  rows
        0      0.5       0.5     2
        1      1.0       1.0     2
    """
    y, p = _checked(target, prob)
    if spacing not in ("mass", "width"):
        raise ValueError(f"`spacing` must be 'mass' or 'width', got {spacing!r}.")
    if bins < 1:
        raise ValueError(f"`bins` must be at least 1, got {bins}.")
    claim, true = (p, y == 1) if p.ndim == 1 else (p.max(1), y == p.argmax(1))
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    edges = np.unique(np.quantile(claim, inner)) if spacing == "mass" else inner
    rows = pd.DataFrame({"bin": np.searchsorted(edges, claim, side="right"), "claim": claim, "true": true})
    by_bin = rows.groupby("bin").agg(claimed=("claim", "mean"), observed=("true", "mean"), rows=("true", "size"))
    low, high = proportion_confint(by_bin["observed"] * by_bin["rows"], by_bin["rows"], method="wilson")
    return by_bin.assign(low=low, high=high)[["claimed", "observed", "low", "high", "rows"]].reset_index(drop=True)


def best_threshold(
    target: Array, prob: Array, metric: Literal["f1", "g_mean", "balanced_accuracy", "accuracy"] | Counts = "f1"
) -> float:
    """Threshold on the probability of class 1 with the best score; choose it on validation data, never on test.

    Args:
        target: 0 or 1 ``(N,)``, both present.
        prob: Probability of class 1 ``(N,)``.
        metric: A name, or a function of the arrays of true positives, false positives, false negatives and true
            negatives, higher being better: ``lambda tp, fp, fn, tn: -(10 * fn + fp)`` where a miss costs 10.

    Returns:
        A threshold for ``prob >= threshold``, halfway between two neighbouring probabilities; above all of them
        where it is best to decide 0 always, 0 where it is best to decide 1 always. Of equally good
        thresholds the highest.

    Raises:
        ValueError: If only one class occurs, or ``metric`` is not known.

    Example:
        >>> best_threshold([0, 0, 1, 1], [0.1, 0.3, 0.2, 0.9], "accuracy")
        0.6
    """
    y, p = _checked(target, prob)
    if p.ndim == 2 or len(np.unique(y)) < 2:
        raise ValueError("`target` must hold both 0 and 1, with `prob` of shape (N,), to choose a threshold.")
    if isinstance(metric, str):
        if metric not in _OF_COUNTS:
            raise ValueError(f"`metric` must be a function or one of {', '.join(_OF_COUNTS)}, got {metric!r}.")
        metric = _OF_COUNTS[metric]
    falling, inverse = np.unique(-p, return_inverse=True)
    levels = -falling
    tp = np.r_[0.0, np.bincount(inverse, y).cumsum()]  # entry k: the k highest levels are decided 1
    fp = np.r_[0.0, np.bincount(inverse, 1 - y).cumsum()]
    best = int(np.argmax(metric(tp, fp, tp[-1] - tp, fp[-1] - fp)))
    if best == 0:
        return float(np.nextafter(levels[0], np.inf))
    return 0.0 if best == len(levels) else float(levels[best - 1 : best + 1].mean())


_OF_COUNTS: dict[str, Counts] = {
    "f1": lambda tp, fp, fn, tn: 2 * tp / (2 * tp + fp + fn),
    "g_mean": lambda tp, fp, fn, tn: np.sqrt(tp / (tp + fn) * tn / (tn + fp)),
    "balanced_accuracy": lambda tp, fp, fn, tn: (tp / (tp + fn) + tn / (tn + fp)) / 2,
    "accuracy": lambda tp, fp, fn, tn: (tp + tn) / (tp + fp + fn + tn),
}


def expected_cost(target: Array, decision: Array, cost: Array) -> float:
    """Mean cost of the decisions, in the unit of ``cost``.

    Args:
        target: Class indices ``(N,)``.
        decision: Predicted class indices ``(N,)``.
        cost: ``(C, C)``; ``cost[true, predicted]`` is the price of one such row.

    Raises:
        ValueError: If ``cost`` is not square or has too few classes.

    Example:
        >>> expected_cost([0, 1, 1, 1], [1, 0, 1, 1], [[0, 1], [10, 0]])  # one false alarm, one miss
        2.75

    References:
        Elkan, *The Foundations of Cost-Sensitive Learning*, IJCAI 2001.
    """
    y, d = _pair(target, decision)
    price = _numpy(cost).astype(np.float64)
    needed = int(max(y.max(), d.max())) + 1
    if price.ndim != 2 or price.shape[0] != price.shape[1] or len(price) < needed:
        raise ValueError(f"`cost` must have shape (C, C) with C at least {needed}, got {price.shape}.")
    return float(price[y, d].mean())


def dice_score(target_mask: Array, pred_mask: Array) -> Floats:
    """Dice overlap of each image: twice what the masks share over their total size; 1 if both are empty, 0 if one is.

    Args:
        target_mask: ``(N, *)``, non-zero inside the object.
        pred_mask: The same of the prediction.

    Returns:
        ``(N,)``, between 0 and 1.

    Example:
        >>> dice_score([[1, 1, 0, 0], [0, 0, 0, 0]], [[1, 0, 0, 0], [0, 0, 0, 0]])
        array([0.66666667, 1.        ])
    """
    a, b = _numpy(target_mask) != 0, _numpy(pred_mask) != 0
    if a.shape != b.shape or a.ndim < 2:
        raise ValueError(f"`pred_mask` must have the shape of `target_mask`, (N, *), got {b.shape} and {a.shape}.")
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    total = a.sum(1) + b.sum(1)
    return np.where(total > 0, 2.0 * (a & b).sum(1) / np.maximum(total, 1), 1.0)


def _recalls(y: npt.NDArray[np.int64], decision: npt.NDArray[np.int64]) -> Floats:
    return np.asarray(sk.recall_score(y, decision, labels=np.unique(y), average=None), dtype=np.float64)


def _geometric_mean(values: Floats) -> float:
    return float(values.prod() ** (1 / len(values)))


def _numpy(values: Array) -> npt.NDArray[Any]:
    if isinstance(values, torch.Tensor):  # NumPy has no bfloat16
        values = values.detach().cpu().double() if values.is_floating_point() else values.cpu()
    return np.asarray(values)


def _indices(name: str, values: Array) -> npt.NDArray[np.int64]:
    found = _numpy(values)
    if found.ndim != 1 or len(found) == 0:
        raise ValueError(f"`{name}` must have shape (N,) with N at least 1, got {found.shape}.")
    if found.dtype.kind not in "biu":
        raise TypeError(f"`{name}` must hold integer class indices, got dtype {found.dtype}.")
    if found.min() < 0:
        raise ValueError(f"`{name}` must hold class indices from 0, got {found.min()}. Drop ignored rows first.")
    return found.astype(np.int64)


def _pair(target: Array, decision: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    y, d = _indices("target", target), _indices("decision", decision)
    if y.shape != d.shape:
        raise ValueError(f"`decision` must have the shape of `target`, {y.shape}, got {d.shape}.")
    return y, d


def _checked(target: Array, prob: Array) -> tuple[npt.NDArray[np.int64], Floats]:
    """Class indices and float64 probabilities, two columns made one."""
    y, p = _indices("target", target), _numpy(prob).astype(np.float64)
    if p.shape[:1] != y.shape or p.ndim > 2 or (p.ndim == 2 and p.shape[1] < 2):
        raise ValueError(f"`prob` must have shape {y.shape} or ({len(y)}, C), got {p.shape}.")
    if not ((p >= 0) & (p <= 1 + 1e-6)).all():  # written so that NaN fails too; float32 softmax may exceed 1
        raise ValueError(f"`prob` must lie in [0, 1], got {p.min()} to {p.max()}. Did you mean `logits.softmax(-1)`?")
    if p.ndim == 2 and not np.allclose(p.sum(1), 1, atol=1e-2):  # half precision is off by up to 0.004
        raise ValueError("`prob` must have rows that sum to 1. Did you mean `logits.softmax(-1)`?")
    classes = p.shape[1] if p.ndim == 2 else 2
    if y.max() >= classes:
        raise ValueError(f"`target` must hold class indices below {classes}, got {y.max()}.")
    p = p.clip(max=1)  # and no division by the sum: its rounding would break ties
    return y, p[:, 1] if p.ndim == 2 and classes == 2 else p
