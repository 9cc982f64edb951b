"""The equations of the papers, one number at a time, with 150 digits: slow, and independent of the package.

150 digits so that 1 - p can be written as it stands: it keeps its leading digits down to the smallest float32.
"""

from collections.abc import Callable, Sequence
from typing import Any

from mpmath import exp, inf, log, matrix, mp, mpf

mp.dps = 150

NOTHING = mpf(2) ** -126  # the smallest normal float32: a region with less in it counts as empty

Number = Any  # mpf: mpmath has no types
Row = Sequence[Number]


def softmax(z: Row) -> list[Number]:
    total = sum(exp(v) for v in z)
    return [exp(v) / total for v in z]


def cross_entropy(z: Row, t: int, label_smoothing: float = 0.0) -> Number:
    """-sum_c y_c log p_c with y = (1 - smoothing) onehot(t) + smoothing / C."""
    classes, even = len(z), mpf(label_smoothing) / len(z)
    y = [even + (1 - mpf(label_smoothing) if c == t else 0) for c in range(classes)]
    p = softmax(z)
    return -sum(y[c] * log(p[c]) for c in range(classes) if y[c] != 0)


def poly(z: Row, t: int, epsilon: float = 2.0) -> Number:
    """Leng 2022: -log p_t + epsilon (1 - p_t)."""
    p = softmax(z)[t]
    return -log(p) + mpf(epsilon) * (1 - p)


def focal(z: Row, t: int, gamma: float = 2.0, alpha: Sequence[float] | None = None) -> Number:
    """Lin 2017, equation (5): -alpha_t (1 - p_t)^gamma log p_t."""
    p = softmax(z)[t]
    return -(1 if alpha is None else mpf(alpha[t])) * (1 - p) ** mpf(gamma) * log(p)


def binary_focal(x: Number, y: Number, gamma: float = 2.0, alpha: float | None = None) -> Number:
    """Lin 2017, equations (1) to (5), for a target y between 0 and 1."""
    p = 1 / (1 + exp(-x))
    a, b = (1, 1) if alpha is None else (mpf(alpha), 1 - mpf(alpha))
    # A term of weight 0 is left out: log 0 must not meet it.
    positive = 0 if y == 0 else a * y * -((1 - p) ** mpf(gamma)) * log(p)
    negative = 0 if y == 1 else b * (1 - y) * -(p ** mpf(gamma)) * log(1 / (1 + exp(x)))
    return positive + negative


def class_balanced(z: Row, t: int, counts: Sequence[int], beta: float = 0.999, gamma: float = 0.0) -> Number:
    """Cui 2019, equation (10) with the focal loss inside; the weights sum to C."""
    w = [(1 - mpf(beta)) / (1 - mpf(beta) ** n) for n in counts]
    return w[t] * len(z) / sum(w) * focal(z, t, gamma)


def logit_adjusted(z: Row, t: int, prior: Sequence[float], tau: float = 1.0) -> Number:
    """Menon 2021, equation (10): cross entropy of z + tau log prior."""
    return cross_entropy([v + mpf(tau) * log(mpf(q)) for v, q in zip(z, prior, strict=True)], t)


def balanced_softmax(z: Row, t: int, counts: Sequence[int]) -> Number:
    """Ren 2020, equation (3): -log(n_t e^z_t / sum_c n_c e^z_c)."""
    terms = [n * exp(v) for n, v in zip(counts, z, strict=True)]
    return -log(terms[t] / sum(terms))


def ldam(z: Row, t: int, counts: Sequence[int], max_margin: float = 0.5, scale: float = 30.0) -> Number:
    """Cao 2019, equation (13): the margin of class c is K / n_c^(1/4), the largest being max_margin."""
    k = mpf(max_margin) * mpf(min(counts)) ** mpf("0.25")
    s, delta = mpf(scale), k / mpf(counts[t]) ** mpf("0.25")
    mine = exp(s * (z[t] - delta))
    return -log(mine / (mine + sum(exp(s * v) for c, v in enumerate(z) if c != t)))


def cost_sensitive(z: Row, t: int, cost: Sequence[Sequence[float]]) -> Number:
    """Elkan 2001: the expected price of a decision drawn from p."""
    return sum(q * mpf(price) for q, price in zip(softmax(z), cost[t], strict=True))


def missed_false(x: Number, y: Number, miss_weight: float = 1.0, false_weight: float = 1.0) -> Number:
    """-w_miss y log p - w_false (1 - y) log(1 - p)."""
    missed = 0 if y == 0 else mpf(miss_weight) * y * log(1 + exp(-x))
    return missed + (0 if y == 1 else mpf(false_weight) * (1 - y) * log(1 + exp(x)))


def tversky(p: Row, y: Row, alpha: float = 0.3, beta: float = 0.7, smooth: float = 1.0) -> Number:
    """Salehi 2017, equation (3), smoothed, of one region; TP = sum min(p, y) is sum p y for y of 0 and 1."""
    tp = sum(min(a, b) for a, b in zip(p, y, strict=True))
    fp, fn, s = sum(p) - tp, sum(y) - tp, mpf(smooth)
    whole = tp + mpf(alpha) * fp + mpf(beta) * fn + s
    return 1 - (tp + s) / whole if whole > NOTHING else mpf(0)


def dice(p: Row, y: Row, smooth: float = 1.0) -> Number:
    """Twice the overlap over the sum of the two sizes; ``smooth`` counts as overlap."""
    overlap = sum(min(a, b) for a, b in zip(p, y, strict=True)) + mpf(smooth)
    sizes = sum(p) + sum(y) + 2 * mpf(smooth)
    return 1 - 2 * overlap / sizes if sizes > NOTHING else mpf(0)


def fbeta(p: Row, y: Row, beta: float = 1.0, smooth: float = 1.0) -> Number:
    """van Rijsbergen: (1 + b^2) TP / ((1 + b^2) TP + b^2 FN + FP); ``smooth`` counts as TP."""
    found = sum(min(a, b) for a, b in zip(p, y, strict=True))
    b2, tp = mpf(beta) ** 2, found + mpf(smooth)
    whole = (1 + b2) * tp + b2 * (sum(y) - found) + sum(p) - found
    return 1 - (1 + b2) * tp / whole if whole > NOTHING else mpf(0)


def xlogx(p: Number) -> Number:
    return p * log(p) if p > 0 else mpf(0)


def entropy(p: Row) -> Number:
    return -sum(xlogx(v) for v in p)


def mae(z: Row, t: int) -> Number:
    """Ghosh 2017: the sum of |p - y| over the classes."""
    return sum(abs(p - (1 if c == t else 0)) for c, p in enumerate(softmax(z)))


def generalized_cross_entropy(z: Row, t: int, q: float = 0.7) -> Number:
    """Zhang, Sabuncu 2018: (1 - p_t^q) / q."""
    return (1 - softmax(z)[t] ** mpf(q)) / mpf(q)


def truncated_gce(z: Row, t: int, q: float = 0.7, k: float = 0.5) -> Number:
    """Zhang, Sabuncu 2018: the same where p_t > k, and its value at k elsewhere."""
    p = softmax(z)[t]
    return (1 - (p if p > k else mpf(k)) ** mpf(q)) / mpf(q)


def reverse_cross_entropy(z: Row, t: int, A: float = -4.0) -> Number:
    """Wang 2019: -sum_c p_c log y_c with log 0 = A and log 1 = 0."""
    return -sum(p * (0 if c == t else mpf(A)) for c, p in enumerate(softmax(z)))


def symmetric_cross_entropy(z: Row, t: int, alpha: float = 0.1, beta: float = 1.0, A: float = -4.0) -> Number:
    """Wang 2019: alpha times cross entropy plus beta times its reverse."""
    return mpf(alpha) * cross_entropy(z, t) + mpf(beta) * reverse_cross_entropy(z, t, A)


def normalized_cross_entropy(z: Row, t: int) -> Number:
    """Ma 2020: log p_t / sum_c log p_c."""
    p = softmax(z)
    return log(p[t]) / sum(log(v) for v in p)


def active_passive(z: Row, t: int, alpha: float = 1.0, beta: float = 1.0, A: float = -4.0) -> Number:
    """Ma 2020: alpha NCE + beta RCE."""
    return mpf(alpha) * normalized_cross_entropy(z, t) + mpf(beta) * reverse_cross_entropy(z, t, A)


def bootstrap(z: Row, t: int, beta: float = 0.95) -> Number:
    """Reed 2015, soft: -sum_c (beta y_c + (1 - beta) p_c) log p_c."""
    p, b = softmax(z), mpf(beta)
    return -b * log(p[t]) + (1 - b) * entropy(p)


def forward_correction(z: Row, t: int, transition: Sequence[Sequence[float]]) -> Number:
    """Patrini 2017: cross entropy of the observed label under p T."""
    return -log(sum(p * mpf(row[t]) for p, row in zip(softmax(z), transition, strict=True)))


def backward_correction(z: Row, t: int, transition: Sequence[Sequence[float]]) -> Number:
    """Patrini 2017: row t of the inverse of T, times the cross entropies of all classes."""
    inverse = matrix([[mpf(v) for v in row] for row in transition]) ** -1
    return -sum(inverse[t, j] * log(p) for j, p in enumerate(softmax(z)))


def negative_learning(z: Row, t: int) -> Number:
    """Kim 2019: -log(1 - p_t), t being the complementary label."""
    return -log(sum(p for c, p in enumerate(softmax(z)) if c != t))


def generalized_js(z: Row, t: int, pi: float = 0.5) -> Number:
    """Englesson, Azizpour 2021: (H(pi e_t + (1 - pi) p) - (1 - pi) H(p)) / Z."""
    p, w = softmax(z), mpf(pi)
    mixed = [(1 - w) * v + (w if c == t else 0) for c, v in enumerate(p)]
    return (entropy(mixed) - (1 - w) * entropy(p)) / (-(1 - w) * log(1 - w))


def taylor_cross_entropy(z: Row, t: int, order: int = 2) -> Number:
    """Feng 2020: the first terms of the series of -log p_t about 1."""
    return sum((1 - softmax(z)[t]) ** j / mpf(j) for j in range(1, order + 1))


def tempered_softmax(z: Row, t: float) -> list[Number]:
    """Amid 2019: exp_t(z - lambda), with Newton's method for lambda until 140 digits stand."""
    if t == 1:
        return softmax(z)
    k = mpf(t) - 1

    def p(lam: Number) -> list[Number]:
        return [mpf(0) if v == -inf else (1 + k * (lam - v)) ** (-1 / k) for v in z]

    lam, step = max(z), mpf(1)
    while abs(step) > mpf(10) ** -140 * (1 + abs(lam)):  # from the left of the root of a convex function
        step = (sum(p(lam)) - 1) / sum(v ** (1 + k) for v in p(lam))
        lam += step
    return p(lam)


def bi_tempered(z: Row, t: int, t1: float = 0.8, t2: float = 1.2) -> Number:
    """Amid 2019, with y one-hot: sum_c y_c (log_t1 y_c - log_t1 p_c) - (y_c^(2 - t1) - p_c^(2 - t1)) / (2 - t1)."""
    p, a = tempered_softmax(z, t2), 1 - mpf(t1)
    tempered = log(p[t]) if t1 == 1 else (p[t] ** a - 1) / a
    return -tempered - (1 - sum(v ** (1 + a) for v in p)) / (1 + a)


def peer(z: Row, t: int, prior: Sequence[float], alpha: float = 1.0) -> Number:
    """Liu, Guo 2020, in expectation over the peers' labels: CE - alpha sum_c prior_c CE_c."""
    total = sum(mpf(v) for v in prior)
    return cross_entropy(z, t) - mpf(alpha) * sum(mpf(v) / total * cross_entropy(z, c) for c, v in enumerate(prior))


def confidence_penalty(z: Row, t: int, beta: float = 0.1) -> Number:
    """Pereyra 2017: CE - beta H(p)."""
    return cross_entropy(z, t) - mpf(beta) * entropy(softmax(z))


def gradient(f: Callable[[Row], Number], at: Row) -> list[Number]:
    """Central differences: with 150 digits a step of 1e-50 leaves 50 of them, in relative terms."""
    h = mpf(10) ** -50

    def moved(i: int, by: Number) -> list[Number]:
        return [v + by if j == i else v for j, v in enumerate(at)]

    return [(f(moved(i, h)) - f(moved(i, -h))) / (2 * h) for i in range(len(at))]
