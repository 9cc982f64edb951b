"""Gaussian likelihood against torch and scipy; what beta does to the gradient."""

import math

import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch.testing import assert_close

from companion.losses import gaussian_nll_loss

MEAN, S, Y = torch.randn(3, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_by_hand() -> None:
    mean, target = torch.tensor([2.0, 2.0]), torch.zeros(2)
    found = gaussian_nll_loss(mean, torch.tensor([1.0, 4.0]).log(), target, reduction="none")
    assert_close(found, torch.tensor([2.0, 0.5 + math.log(2)]))


def test_is_that_of_torch_and_of_scipy() -> None:
    assert_close(gaussian_nll_loss(MEAN, S, Y), F.gaussian_nll_loss(MEAN, Y, S.exp()))
    full = gaussian_nll_loss(MEAN, S, Y, full=True, reduction="none")
    assert_close(full, torch.as_tensor(-stats.norm.logpdf(Y, MEAN, (S / 2).exp())))
    assert_close(full.mean(), F.gaussian_nll_loss(MEAN, Y, S.exp(), full=True))


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_beta_takes_variance_out_of_the_weight(beta: float) -> None:
    """Seitzer 2022: gradients r var^(beta - 1) for the mean and var^beta (1 - r^2 / var) / 2 for the log-variance."""
    mean, s = MEAN.clone().requires_grad_(), S.clone().requires_grad_()
    gaussian_nll_loss(mean, s, Y, beta=beta, reduction="sum").backward()
    r, var = MEAN - Y, S.exp()
    assert_close(mean.grad, r * var ** (beta - 1))
    assert_close(s.grad, var**beta * (1 - r * r / var) / 2)


def test_beta_scales_the_value() -> None:
    plain = gaussian_nll_loss(MEAN, S, Y, full=True, reduction="none")
    assert_close(gaussian_nll_loss(MEAN, S, Y, beta=0.5, full=True, reduction="none"), (S / 2).exp() * plain)


def test_beta_is_finite_far_out() -> None:
    s = torch.tensor([-1e4, -50.0, 0.0, 50.0, 1e4], requires_grad=True)
    mean = torch.full((5,), 1e4, requires_grad=True)
    loss = gaussian_nll_loss(mean, s, -mean.detach(), beta=1.0)
    assert all(t.isfinite().all() for t in (loss, *torch.autograd.grad(loss, (mean, s))))


def test_the_slope_by_the_logarithm_is_the_tamer_one() -> None:
    r, y = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    var = torch.tensor([1e-9], dtype=torch.float64, requires_grad=True)
    F.gaussian_nll_loss(r, y, var).backward()
    assert var.grad.item() == pytest.approx(-5e11, rel=1e-5)
    s = torch.tensor([1e-6], dtype=torch.float64).log().requires_grad_()
    gaussian_nll_loss(r, s, y).backward()
    assert s.grad.item() == pytest.approx(-5e5, rel=1e-5)


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    with pytest.raises(ValueError, match=r"`log_var` must have the shape of `mean`, \(40,\), got \(1,\)"):
        gaussian_nll_loss(MEAN, S[:1], Y)
    with pytest.raises(ValueError, match=r"`target` must have the shape of `mean`, \(40,\), got \(40, 1\)"):
        gaussian_nll_loss(MEAN, S, Y.unsqueeze(1))
    with pytest.raises(TypeError, match=r"`mean` must be floating point, got dtype torch.int64"):
        gaussian_nll_loss(MEAN.long(), S, Y)
    with pytest.raises(ValueError, match=r"`beta` must be between 0.0 and 1.0, got 2.0"):
        gaussian_nll_loss(MEAN, S, Y, beta=2.0)
