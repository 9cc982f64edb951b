"""The losses of residuals: one row each, and their equations one number at a time, with 150 digits.

``AdaptiveBarronLoss`` learns and has a contract of its own (regression/test_adaptive_barron.py).
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from mpmath import cosh, exp, log, loggamma, mp, mpf, pi, sqrt
from torch import Tensor

from companion import losses
from tests.losses.info import OwnInfo

mp.dps = 150

# Ties, the smallest numbers, the seams of the stable forms, the kinks, and far out.
RESIDUALS = [0.0, 1e-8, 1e-4, -1e-4, 1e-3, 0.03125, -0.0999, 0.125, 0.25, -0.5, 0.75, 1.0, -1.0, 1.5, 2.0, -3.0]
RESIDUALS += [-7.0, 11.0, 30.0, -39.0, 40.0, 41.0, 100.0, -100.0, 1000.0, -1e4, 1e4]
TAUS = (0.125, 0.5, 0.875)


def reference(f: Callable[..., Any]) -> Callable[..., Sequence[Any]]:
    """A function of one number of each argument, as a function of tensors of one shape."""

    def flattened(*data: Tensor, **options: Any) -> list[Any]:
        numbers = zip(*(map(mpf, t.flatten().tolist()) for t in data), strict=True)
        return [f(*one, **options) for one in numbers]

    return flattened


def of_residual(f: Callable[..., Any]) -> Callable[..., Sequence[Any]]:
    return reference(lambda x, y, **options: f(x - y, **options))


def capped(u: Any) -> Any:
    """exp(u), from 40 on its tangent."""
    return exp(u) if u <= 40 else exp(mpf(40)) * (u - 39)


def barron(r: Any, alpha: float = 1.0, c: float = 1.0) -> Any:
    t, a = r / mpf(c), alpha if isinstance(alpha, mpf) else mpf(float(alpha))
    if a == 2:
        return t**2 / 2
    if a == 0:
        return log(1 + t**2 / 2)
    return abs(a - 2) / a * ((t**2 / abs(a - 2) + 1) ** (a / 2) - 1)


def quantiles(input: Tensor, target: Tensor, tau: Any = TAUS, crossing: float = 0.0) -> list[Any]:
    found = []
    for row, y in zip(input.reshape(-1, 3).tolist(), target.flatten().tolist(), strict=True):
        for k, (q, t) in enumerate(zip(row, torch.as_tensor(tau).tolist(), strict=True)):
            e = mpf(y) - mpf(q)
            over = max(mpf(row[k - 1]) - mpf(q), 0) if k else 0
            found.append(max(t * e, (t - 1) * e) + mpf(crossing) * over)
    return found


def gaussian(mean: Any, s: Any, y: Any, full: bool = False) -> Any:
    return (capped(-s) * (mean - y) ** 2 + s + (log(2 * pi) if full else 0)) / 2


def poisson(z: Any, y: Any, full: bool = False) -> Any:
    return capped(z) - y * z + (loggamma(y + 1) if full else 0)


def tweedie(z: Any, y: Any, power: float = 1.5) -> Any:
    p = mpf(power)
    return capped((2 - p) * z) / (2 - p) + y * capped((1 - p) * z) / (p - 1)


def example(rows: int, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """Residuals on both sides of 1, none near a kink."""
    target = torch.randn(rows, 3, dtype=torch.float64, generator=draw)
    return target + 2 * torch.randn(rows, 3, dtype=torch.float64, generator=draw), target


def extreme() -> list[tuple[Tensor, ...]]:
    r, big = torch.tensor(RESIDUALS), torch.tensor([1e4, -1e4, 1e4, -1e4])
    return [(r, torch.zeros_like(r)), (torch.zeros_like(r), r), (big, torch.tensor([-1e4, 1e4, 1e4, -1e4]))]


def nothing() -> list[tuple[Tensor, ...]]:
    return [(torch.zeros(0, 3), torch.zeros(0, 3)), (torch.tensor(2.0), torch.tensor(2.0))]


def empty() -> list[tuple[Tensor, ...]]:
    return [(torch.zeros(0, 3), torch.zeros(0, 3))]


def several(rows: int, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    input, target = example(rows, draw)
    return input, target[:, 0]


def several_extreme() -> list[tuple[Tensor, ...]]:
    r = torch.tensor(RESIDUALS)
    return [(torch.stack([r, -r, r.flip(0)], dim=1), torch.zeros_like(r)), (torch.zeros(len(r), 3), r)]


def gaussian_example(rows: int, draw: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    mean, target = example(rows, draw)
    return mean, torch.randn(rows, 3, dtype=torch.float64, generator=draw), target


def gaussian_extreme() -> list[tuple[Tensor, ...]]:
    s = torch.tensor([-1e4, -100.0, -41.0, -40.0, -39.0, -1.0, 0.0, 1e-4, 3.0, 60.0, 100.0, 1e4])
    far = [(torch.full_like(s, x), s, torch.full_like(s, y)) for x, y in ((1e4, -1e4), (0.5, 0.25), (1e-4, 0.0))]
    return [*far, (s, s, s)]


def counts(rows: int, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    z = torch.randn(rows, 3, dtype=torch.float64, generator=draw)
    return z, torch.randint(0, 9, (rows, 3), generator=draw).double()


def counts_extreme() -> list[tuple[Tensor, ...]]:
    z = torch.tensor([-1e4, -100.0, -81.0, -1.0, -1e-4, 0.0, 1e-4, 0.5, 5.0, 39.0, 40.0, 41.0, 88.0, 100.0, 1e4])
    return [(z, torch.full_like(z, y)) for y in (0.0, 3.0, 250.0, 9000.0)]


REGRESSION = [
    OwnInfo(
        losses.huber_loss,
        losses.HuberLoss,
        example,
        of_residual(lambda r, delta=1.0: r**2 / 2 if abs(r) <= delta else delta * (abs(r) - mpf(delta) / 2)),
        extreme,
        nothing,
        sweep=({}, {"delta": 2.0}, {"delta": 0.25}),
    ),
    OwnInfo(
        losses.smooth_l1_loss,
        losses.SmoothL1Loss,
        example,
        of_residual(lambda r, beta=1.0: r**2 / (2 * mpf(beta)) if abs(r) < beta else abs(r) - mpf(beta) / 2),
        extreme,
        nothing,
        sweep=({}, {"beta": 2.0}, {"beta": 0.0}),
    ),
    OwnInfo(
        losses.quantile_loss,
        losses.QuantileLoss,
        several,
        quantiles,
        several_extreme,
        lambda: [(torch.zeros(0, 3), torch.zeros(0))],
        sweep=({}, {"tau": torch.tensor(TAUS)}, {"crossing": 2.0}),
        needs={"tau": TAUS},  # one alone in regression/test_quantile.py
        learned={"tau": TAUS},
    ),
    OwnInfo(
        losses.expectile_loss,
        losses.ExpectileLoss,
        example,
        of_residual(lambda r, tau=0.5: abs(mpf(tau) - (1 if r > 0 else 0)) * r**2),
        extreme,
        nothing,
        sweep=({}, {"tau": 0.875}, {"tau": 0.1}),
        learned={"tau": 0.75},
    ),
    OwnInfo(
        losses.linex_loss,
        losses.LinexLoss,
        example,
        of_residual(lambda r, a=1.0: capped(mpf(a) * r) - mpf(a) * r - 1),
        extreme,
        nothing,
        sweep=({}, {"a": -0.03125}, {"a": 4.0}),
    ),
    OwnInfo(losses.log_cosh_loss, losses.LogCoshLoss, example, of_residual(lambda r: log(cosh(r))), extreme, nothing),
    OwnInfo(
        losses.charbonnier_loss,
        losses.CharbonnierLoss,
        example,
        of_residual(lambda r, eps=1e-3: sqrt(r**2 + mpf(eps) ** 2) - mpf(eps)),
        extreme,
        nothing,
        sweep=({}, {"eps": 1.0}, {"eps": 1e-6}),
    ),
    OwnInfo(
        losses.cauchy_loss,
        losses.CauchyLoss,
        example,
        of_residual(lambda r, c=2.385: mpf(c) ** 2 / 2 * log(1 + (r / mpf(c)) ** 2)),
        extreme,
        nothing,
        sweep=({}, {"c": 1.0}, {"c": 0.01}),
    ),
    OwnInfo(
        losses.geman_mcclure_loss,
        losses.GemanMcClureLoss,
        example,
        of_residual(lambda r, c=3.787: r**2 / 2 / (1 + (r / mpf(c)) ** 2)),
        extreme,
        nothing,
        sweep=({}, {"c": 1.0}, {"c": 0.01}),
    ),
    OwnInfo(
        losses.welsch_loss,
        losses.WelschLoss,
        example,
        of_residual(lambda r, c=2.985: mpf(c) ** 2 / 2 * (1 - exp(-((r / mpf(c)) ** 2)))),
        extreme,
        nothing,
        sweep=({}, {"c": 1.0}, {"c": 5.0}),
    ),
    OwnInfo(
        losses.tukey_loss,
        losses.TukeyLoss,
        example,
        of_residual(lambda r, c=4.685: mpf(c) ** 2 / 6 * (1 - max(1 - (r / mpf(c)) ** 2, 0) ** 3)),
        extreme,
        nothing,
        sweep=({}, {"c": 1.0}, {"c": 8.0}),
    ),
    OwnInfo(
        losses.barron_loss,
        losses.BarronLoss,
        example,
        of_residual(barron),
        extreme,
        nothing,
        sweep=(  # minus infinity in regression/test_barron.py
            {},
            {"alpha": 2, "c": 2.0},
            {"alpha": 1.9375},
            {"alpha": 0.0, "c": 0.5},
            {"alpha": -2.0},
            *({"alpha": torch.tensor(a)} for a in (2.0, 1.5, 1e-5, 0.0, -3.0)),
        ),
        learned={"alpha": 0.5},
    ),
    OwnInfo(
        losses.gaussian_nll_loss,
        losses.GaussianNLLLoss,
        gaussian_example,
        reference(gaussian),
        gaussian_extreme,
        lambda: [(torch.zeros(0), torch.zeros(0), torch.zeros(0))],
        sweep=({}, {"full": True}),  # `beta` weighs by a factor without gradient: regression/test_gaussian_nll.py
        slopes=(0, 1),
    ),
    OwnInfo(
        losses.poisson_nll_loss,
        losses.PoissonNLLLoss,
        counts,
        reference(poisson),
        counts_extreme,
        empty,
        sweep=({}, {"full": True}),
    ),
    OwnInfo(
        losses.tweedie_loss,
        losses.TweedieLoss,
        counts,
        reference(tweedie),
        counts_extreme,
        empty,
        sweep=({}, {"power": 1.125}, {"power": 1.875}),
    ),
]
