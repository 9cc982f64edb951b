"""Does a classifier claim too much, too little, or too often the same class?"""

import math
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import check_floating, count
from companion.diagnostics._findings import Finding, Report

# Between them the negative log likelihood has its minimum, unless every row is right, or no better than chance.
_LOW, _HIGH = math.log(0.01), math.log(100.0)
_RESAMPLES = 500


class Calibration(NamedTuple):
    """What :func:`calibration` returns."""

    ece: float
    brier: float
    nll: float
    temperature: float
    interval: tuple[float, float]
    ece_after: float
    nll_after: float
    bins: Any
    report: Report


def calibration(
    input: Float[Tensor, " rows"] | Float[Tensor, "rows classes"], target: Shaped[Tensor, " rows"], *, bins: int = 15
) -> Calibration:
    r"""Holds what a classifier claims against what came true, and finds the temperature that would make it honest.

    The temperature T divides the logits z so that the negative log likelihood is least,

    .. math:: \hat T = \arg\min_T \; -\frac{1}{N} \sum_i \log \mathrm{softmax}(z_i / T)_{y_i} .

    Above 1 the model claims too much, below 1 too little. No decision changes, only the probability it is given.
    Overconfidence or underconfidence is found where the 95 % bootstrap interval of T excludes 1 and the data would also
    be surprising (beyond 1.96 standard deviations) if every claim were true. A bias is found where the mean probability
    of a class and its share in the rows differ by more than chance allows, at 95 % for all classes together.

    The rows must be held out: on its training rows a model that overfits looks calibrated, or modest. They must be
    drawn as the rows will be where the model is used. One temperature fits all rows together; that some groups are
    over- and others underconfident it does not see, and where there is a bias it answers to that too, so mend the bias
    first. ECE is never 0 even for an honest model: see :func:`companion.metrics.expected_calibration_error`. The two
    scores after the temperature are of the rows that it was fitted to, which for one number matters little.

    Args:
        input: Logits of held-out rows: ``(N,)`` for two classes, as for binary cross entropy, or ``(N, C)``.
        target: 0 or 1, or class indices, ``(N,)``.
        bins: Of the reliability table, each with equally many rows.

    Returns:
        * ``ece``, ``brier``, ``nll``: expected calibration error; Brier score, summed over classes if C > 2; negative
          log likelihood in nats;
        * ``temperature``: :math:`\hat T` between 0.01 and 100; at 0.01 if every row is right, for then it has no bound;
        * ``interval``: its 95 % interval, from 500 resamples of the rows;
        * ``ece_after``, ``nll_after``: the scores with the logits divided by it;
        * ``bins``: table of :func:`companion.metrics.reliability`, for the plot of the same name;
        * ``report``: the findings ``overconfident``, ``underconfident`` and ``biased``.

    Raises:
        TypeError: If ``input`` is not floating point or ``target`` holds no class indices.
        ValueError: If shapes disagree, a logit is not finite, or a class index is out of range.

    Example:
        >>> logits = torch.tensor([-4.0, 4.0]).repeat(100)  # sure to 98 %
        >>> target = torch.tensor([0, 1, 0, 1, 0, 1, 1, 0]).repeat(25)  # and right in three of four cases
        >>> found = calibration(logits, target)
        >>> round(found.temperature, 2), round(found.ece, 2), found.report.names  # 4 / T is the logit of 3/4
        (3.64, 0.23, ['overconfident'])

    References:
        Guo, Pleiss, Sun, Weinberger, *On Calibration of Modern Neural Networks*, ICML 2017.
        https://arxiv.org/abs/1706.04599
    """
    from scipy.optimize import minimize_scalar

    from companion.metrics import expected_calibration_error, reliability

    count("bins", bins)
    logits, labels = _checked(input, target)

    def nll(log_t: float) -> float:
        return float(_surprise(logits, labels, log_t).mean())

    best = float(minimize_scalar(nll, bounds=(_LOW, _HIGH), method="bounded", options={"xatol": 1e-8}).x)
    log_t = min((_LOW, best, _HIGH), key=nll)
    prob, after = _probability(logits), _probability(logits * math.exp(-log_t))
    interval = _interval(logits, labels, log_t)
    found = [*_bias(prob, labels), *_confidence(logits, labels, math.exp(log_t), interval)]
    one_hot = labels if logits.dim() == 1 else F.one_hot(labels, logits.shape[1])
    squares = (prob - one_hot).square()
    return Calibration(
        ece=expected_calibration_error(labels, prob, bins=bins),
        brier=float(squares.sum() / len(labels)),
        nll=nll(0.0),
        temperature=math.exp(log_t),
        interval=interval,
        ece_after=expected_calibration_error(labels, after, bins=bins),
        nll_after=nll(log_t),
        bins=reliability(labels, prob, bins=bins),
        report=Report("calibration", found, ("biased", "overconfident", "underconfident")),
    )


def _probability(logits: Tensor) -> Tensor:
    return logits.sigmoid() if logits.dim() == 1 else logits.softmax(1)


def _surprise(logits: Tensor, labels: Tensor, log_t: float) -> Tensor:
    """Negative log likelihood of each row at a temperature."""
    z = logits * math.exp(-log_t)
    if z.dim() == 1:
        return F.softplus(torch.where(labels == 1, -z, z))
    return F.cross_entropy(z, labels, reduction="none")


def _interval(logits: Tensor, labels: Tensor, log_t: float) -> tuple[float, float]:
    """Where the minimum lies in resamples of the rows: a parabola through the lowest points of a grid around it."""
    reach = 8 * _spread(logits, labels, log_t)
    reach = reach if math.isfinite(reach) else _HIGH - _LOW
    grid = torch.linspace(max(_LOW, log_t - reach), min(_HIGH, log_t + reach), 41, dtype=torch.float64)
    surprise = torch.stack([_surprise(logits, labels, at) for at in grid.tolist()], 1)
    generator, rows = torch.Generator().manual_seed(0), len(labels)
    curves = []
    for _ in range(_RESAMPLES // 20):  # twenty at a time: one product of matrices, and little memory
        drawn = [torch.randint(rows, (rows,), generator=generator) for _ in range(20)]
        curves.append(torch.stack([torch.bincount(d, minlength=rows).double() for d in drawn]) @ surprise)
    curve = torch.cat(curves)
    at = curve.argmin(1)
    inner = at.clamp(1, len(grid) - 2)
    left, mid, right = (curve.gather(1, (inner + step).unsqueeze(1)).squeeze(1) for step in (-1, 0, 1))
    vertex = grid[inner] + (grid[1] - grid[0]) * (left - right) / (2 * (left - 2 * mid + right))
    found = torch.where(at == inner, vertex, grid[at])
    low, high = torch.quantile(found, torch.tensor([0.025, 0.975], dtype=torch.float64)).exp().tolist()
    return low, high


def _spread(logits: Tensor, labels: Tensor, log_t: float) -> float:
    """Standard error of the minimum: the spread of the slopes of the rows over the curvature of their sum."""
    step = 1e-3
    left, mid, right = (_surprise(logits, labels, log_t + d) for d in (-step, 0.0, step))
    slopes, curvature = (right - left) / (2 * step), (left - 2 * mid + right).sum() / step**2
    return float(slopes.square().sum().sqrt() / curvature.clamp_min(0))


def _confidence(logits: Tensor, labels: Tensor, temperature: float, interval: tuple[float, float]) -> list[Finding]:
    z = torch.stack([torch.zeros_like(logits), logits], 1) if logits.dim() == 1 else logits
    p = z.softmax(1)
    mean = (p * z).sum(1)
    # If the claims are true, the logit of the label has this mean and variance. The bootstrap alone would be sure of
    # twenty rows that are all right.
    gap = z.gather(1, labels.unsqueeze(1)).squeeze(1) - mean
    surprise = gap.sum() / (p * (z - mean.unsqueeze(1)).square()).sum().sqrt()
    where = f"temperature {temperature:.3g}, 95 % interval {interval[0]:.3g} to {interval[1]:.3g}"
    if interval[0] > 1 and surprise < -1.96:
        name, what = "overconfident", "The model claims to be surer than it has reason to be."
        cure = "Divide its logits by the temperature. To have less of it: stop earlier, regularise, smooth the labels."
    elif interval[1] < 1 and surprise > 1.96:
        name, what = "underconfident", "The model is right more often than it claims."
        cure = "Divide its logits by the temperature. Label smoothing, mixup and focal loss are common causes."
    else:
        return []
    return [Finding(name, "warning", what, where, cure)]


def _bias(prob: Tensor, labels: Tensor) -> list[Finding]:
    from scipy.stats import norm

    claims = prob.unsqueeze(1) if prob.dim() == 1 else prob
    true = labels.unsqueeze(1) if prob.dim() == 1 else F.one_hot(labels, prob.shape[1])
    gap, rows = claims - true, len(labels)
    # The spread that was seen, or that true claims would have: a class that never came has no spread to be seen.
    spread = torch.maximum(gap.var(0, correction=0), (claims * (1 - claims)).mean(0)).sqrt()
    sure = float(norm.ppf(1 - 0.025 / gap.shape[1]))
    limit = sure * spread / math.sqrt(rows)
    biased = [c for c in range(gap.shape[1]) if gap[:, c].mean().abs() > limit[c]]
    if not biased:
        return []
    worst = max(biased, key=lambda c: float(gap[:, c].mean().abs()))
    claimed, observed = float(claims[:, worst].mean()), float(true[:, worst].double().mean())
    name = 1 if prob.dim() == 1 else worst
    others = "" if len(biased) == 1 else f"; {len(biased) - 1} more"
    return [
        Finding(
            "biased",
            "warning",
            f"On average class {name} is claimed {'more' if claimed > observed else 'less'} often than it comes.",
            f"class {name}: mean probability {claimed:.3g}, share {observed:.3g}{others}",
            "Class weights, resampling and losses that are not proper shift the mean; so does a change of the data. "
            "Fit an intercept for each class to held-out rows, or add the logarithm of the ratio of the shares.",
        )
    ]


def _checked(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Float64 logits, two columns made one, and class indices, on the CPU."""
    check_floating("input", input)
    if input.dim() not in (1, 2) or len(input) == 0 or (input.dim() == 2 and input.shape[1] < 2):
        cure = " Did you mean `input.squeeze(1)`?" if input.dim() == 2 and input.shape[1] == 1 else ""
        raise ValueError(
            f"`input` must hold logits (N,) or (N, C) with at least two classes, got {tuple(input.shape)}.{cure}"
        )
    if not isinstance(target, Tensor) or target.shape != input.shape[:1]:
        found = tuple(target.shape) if isinstance(target, Tensor) else type(target).__name__
        raise ValueError(f"`target` must be a tensor of shape ({len(input)},), one label per row, got {found}.")
    classes = 2 if input.dim() == 1 else input.shape[1]
    labels = target.detach().cpu().long()
    if target.is_floating_point() and (classes > 2 or bool((labels != target.cpu()).any())):
        raise TypeError(f"`target` must hold class indices, got dtype {target.dtype}. Did you mean `target.long()`?")
    if int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise ValueError(
            f"`target` must lie between 0 and {classes - 1}, got {int(labels.min())} to {int(labels.max())}. "
            "Drop ignored rows first."
        )
    logits = input.detach().cpu().double()
    if not logits.isfinite().all():
        raise ValueError("`input` must be finite, got NaN or infinity. Logits are wanted, not logarithms of 0.")
    return (logits[:, 1] - logits[:, 0] if logits.shape[1:] == (2,) else logits), labels
