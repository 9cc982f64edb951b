"""The equations of the losses of regions, one number at a time, with 150 digits."""

from collections.abc import Sequence

import torch
from mpmath import mpf, sqrt
from torch import Tensor

from tests.losses.references import NOTHING, Number, Row, softmax, tversky

SMALL = mpf(2) ** -63  # the root of the smallest normal float32


def jaccard(p: Row, y: Row, smooth: float = 1.0) -> Number:
    """Wang 2023, the first form: (|p| + |y| - |p - y|) / (|p| + |y| + |p - y|); ``smooth`` counts as intersection."""
    apart = sum(abs(a - b) for a, b in zip(p, y, strict=True))
    both = sum(p) + sum(y) + 2 * mpf(smooth)
    return 1 - (both - apart) / (both + apart) if both + apart > 2 * NOTHING else mpf(0)


def focal_tversky(
    p: Row, y: Row, alpha: float = 0.3, beta: float = 0.7, gamma: float = 4 / 3, smooth: float = 1.0
) -> Number:
    """Abraham, Khan 2018: (1 - TI)^(1 / gamma)."""
    loss = tversky(p, y, alpha, beta, smooth)
    return loss ** (1 / mpf(gamma)) if loss > SMALL else mpf(0)


def generalized_dice(both: Sequence[tuple[Row, Row]], power: float = 2.0, smooth: float = 1.0, *, skip: bool) -> Number:
    """Sudre 2017, the weights of the classes divided by the largest of them; of an absent class 1, or 0 if skipped."""
    sizes = [sum(y) for _, y in both]
    there = [s for s in sizes if s > 0]
    w = [(min(there) / s) ** mpf(power) if s > 0 else mpf(0 if skip else 1) for s in sizes]
    overlaps = [sum(min(a, b) for a, b in zip(p, y, strict=True)) for p, y in both]
    above = 2 * sum(v * o for v, o in zip(w, overlaps, strict=True)) + 2 * mpf(smooth)
    below = sum(v * (sum(p) + s) for v, (p, _), s in zip(w, both, sizes, strict=True)) + 2 * mpf(smooth)
    return 1 - above / below if below > 2 * NOTHING else mpf(0)


def jaccard_of_mistakes(mistakes: set[int], region: set[int]) -> Number:
    """Berman 2018, equation (6): the mistakes as a share of the region and the mistakes together."""
    return mpf(len(mistakes)) / len(region | mistakes) if mistakes else mpf(0)


def extension(errors: Row, region: set[int]) -> Number:
    """Lovász 1983: sum over the sorted errors of e_i (f({1..i}) - f({1..i - 1})), for the set function f above."""
    order = sorted(range(len(errors)), key=lambda i: -errors[i])
    f = [jaccard_of_mistakes(set(order[:i]), region) for i in range(len(order) + 1)]
    return sum(errors[i] * (f[k + 1] - f[k]) for k, i in enumerate(order))


def lovasz_softmax(p: Row, y: Row) -> Number:
    """Berman 2018: the extension at the errors |p - y|."""
    return extension([abs(a - b) for a, b in zip(p, y, strict=True)], {i for i, v in enumerate(y) if v == 1})


def lovasz_hinge(x: Row, y: Row) -> Number:
    """Berman 2018: the extension at the hinge errors max(0, 1 - x) and max(0, 1 + x)."""
    errors = [max(mpf(0), 1 - v if t == 1 else 1 + v) for v, t in zip(x, y, strict=True)]
    return extension(errors, {i for i, t in enumerate(y) if t == 1})


def mcc(p: Row, y: Row, smooth: float = 1.0) -> Number:
    """Abhishek, Hamarneh 2021: 1 - (TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN))."""
    pairs = list(zip(p, y, strict=True))
    tp = sum(min(a, b) for a, b in pairs) + mpf(smooth)
    tn = sum(min(1 - a, 1 - b) for a, b in pairs) + mpf(smooth)
    fp, fn = sum(max(a - b, mpf(0)) for a, b in pairs), sum(max(b - a, mpf(0)) for a, b in pairs)
    sums = (tp + fp, tp + fn, tn + fp, tn + fn)
    if min(sums) < SMALL * (tp + tn + fp + fn):
        return mpf(1)
    product = sums[0] * sums[1] * sums[2] * sums[3]
    return 1 - (tp * tn - fp * fn) / sqrt(product)


def boundary(
    input: Tensor, distance: Tensor, *, weight: Tensor | None = None, reduction: str = "none", binary: bool = False
) -> list[Number]:
    """Kervadec 2019: the mean over the pixels of probability times distance, of each image and class."""
    if binary:
        p = 1 / (1 + (-input.double()).exp())
    else:
        rows = input.movedim(1, -1).reshape(-1, input.shape[1]).tolist()
        flat = torch.tensor([[float(v) for v in softmax([mpf(z) for z in row])] for row in rows], dtype=torch.float64)
        p = flat.view(input.movedim(1, -1).shape).movedim(-1, 1)
    means = [
        [sum(a * b for a, b in zip(q.flatten().tolist(), d.flatten().tolist(), strict=True)) / d.numel() for q, d in z]
        for z in (zip(ps, ds, strict=True) for ps, ds in zip(p, distance, strict=True))
    ]
    w = [1.0] * input.shape[1] if weight is None else weight.tolist()
    return [v * m for row in means for v, m in zip(w, row, strict=True)]
