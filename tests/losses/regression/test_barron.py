"""Barron's family: its limits, its seams, its derivative by alpha."""

import math

import pytest
import torch
from mpmath import diff, mpf
from torch import Tensor
from torch.testing import assert_close

from companion.losses import barron_loss
from tests.losses.own_regression import RESIDUALS, barron
from tests.losses.regression.constants import pull

R = torch.tensor(RESIDUALS)
LIMITS = {
    2.0: lambda t: t * t / 2,
    1.0: lambda t: torch.sqrt(t * t + 1) - 1,
    0.0: lambda t: torch.log1p(t * t / 2),
    -2.0: lambda t: 2 * t * t / (t * t + 4),
    -math.inf: lambda t: -torch.expm1(-t * t / 2),
}


def loss(r: Tensor, alpha: float | Tensor) -> Tensor:
    return barron_loss(r, torch.zeros_like(r), alpha=alpha, reduction="none")


@pytest.mark.parametrize("alpha", LIMITS)
def test_limits(alpha: float) -> None:
    t = torch.linspace(-9, 9, 181, dtype=torch.float64)
    for given in (alpha, torch.tensor(alpha), torch.tensor(alpha, dtype=torch.float64)):
        assert_close(loss(t, given), LIMITS[alpha](t))


def test_what_is_said_of_ten() -> None:
    ten = torch.tensor([10.0], dtype=torch.float64)
    assert [loss(ten, a).item() for a in LIMITS] == pytest.approx([50, 9.05, 3.93, 1.92, 1], rel=2e-3)
    pulls = [pull(barron_loss, ten, alpha=a).item() for a in LIMITS]
    assert pulls == pytest.approx([10, 0.995, 0.196, 0.0148, 2e-21], rel=4e-2)


@pytest.mark.parametrize("alpha", [-math.inf, -1e20, -1e14, -50.0, -1e-9, 1e-9, 1.9999])
@pytest.mark.parametrize("kind", [float, torch.tensor])
def test_single_precision_is_exact_at_any_alpha(alpha: float, kind: type) -> None:
    found = [f.double() for f in value_and_slope(R, kind(alpha))]
    right = value_and_slope(R.double(), kind(alpha))
    for one, other in zip(found, right, strict=True):
        assert_close(one, other, rtol=1e-5, atol=1e-37)


def value_and_slope(r: Tensor, alpha: float | Tensor) -> tuple[Tensor, Tensor]:
    r = r.clone().requires_grad_()
    value = loss(r, alpha)
    return value.detach(), torch.autograd.grad(value.sum(), r)[0]


@pytest.mark.parametrize("alpha", [1.75, 0.5, 1e-3, 0.0, -1e-3, -2.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_derivative_by_alpha(alpha: float, dtype: torch.dtype) -> None:
    a = torch.tensor(alpha, dtype=dtype)
    for r in (1e-3, 0.1, 1.0, 10.0, 1e4):
        learned = a.clone().requires_grad_()
        (slope,) = torch.autograd.grad(loss(torch.tensor([r], dtype=dtype), learned).sum(), learned)
        at = mpf(a.item()) + mpf(10) ** -30  # the equation is smooth at 0 but cannot be evaluated there
        right = diff(lambda v, r=r: barron(mpf(torch.tensor(r, dtype=dtype).item()), v), at)
        # Of the order of r^4 for small r, where it is a difference of terms of the order of r^2.
        rounding = torch.finfo(dtype).eps * min(r * r, 1)
        assert slope.item() == pytest.approx(float(right), rel=2e-5 if dtype == torch.float32 else 1e-11, abs=rounding)


def test_the_derivative_at_two_is_given_as_zero() -> None:
    learned = torch.tensor(2.0, requires_grad=True)
    loss(torch.tensor([3.0]), learned).sum().backward()
    assert learned.grad == 0


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    x = torch.zeros(3)
    with pytest.raises(ValueError, match=r"`alpha` must be at most 2, .*, got 3.0"):
        barron_loss(x, x, alpha=3.0)
    with pytest.raises(ValueError, match=r"`alpha` must be a number or a 0-d tensor, got shape \(3,\)"):
        barron_loss(x, x, alpha=torch.ones(3))
    with pytest.raises(TypeError, match=r"`alpha` must be a number, got NoneType"):
        barron_loss(x, x, alpha=None)
