"""Poisson likelihood against torch, scipy and scikit-learn."""

import math

import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from sklearn.metrics import mean_poisson_deviance
from torch.testing import assert_close

from companion.losses import poisson_nll_loss
from tests.losses.regression.constants import best_constant

Y = torch.tensor([0, 1, 2, 5, 9])


def test_is_that_of_torch_and_of_scipy() -> None:
    z = torch.randn(5, dtype=torch.float64)
    assert_close(poisson_nll_loss(z, Y), F.poisson_nll_loss(z, Y.double()))
    full = poisson_nll_loss(z, Y, full=True, reduction="none")
    assert_close(full, torch.as_tensor(-stats.poisson.logpmf(Y, z.exp())))


def test_is_half_the_deviance_plus_what_depends_on_the_data() -> None:
    z, y = torch.randn(5, dtype=torch.float64), Y.double()
    rest = (y - torch.special.xlogy(y, y)).mean()
    assert poisson_nll_loss(z, Y).item() == pytest.approx(mean_poisson_deviance(y, z.exp()) / 2 + rest.item())


def test_the_best_constant_is_the_mean() -> None:
    assert math.exp(best_constant(poisson_nll_loss, Y.double(), -2, 3)) == pytest.approx(3.4)


def test_the_gradient_is_the_surplus() -> None:
    z = torch.tensor([20.0, 2000.0]).log().requires_grad_()
    poisson_nll_loss(z, torch.tensor([10, 1990]), reduction="sum").backward()
    assert_close(z.grad, torch.tensor([10.0, 10.0]), rtol=1e-3, atol=0)


def test_beyond_forty_it_is_a_line() -> None:
    z = torch.tensor([40.0, 41.0, 1e4], dtype=torch.float64, requires_grad=True)
    loss = poisson_nll_loss(z, torch.zeros(3), reduction="none")
    assert_close(loss, math.exp(40) * torch.tensor([1.0, 2.0, 9961.0], dtype=torch.float64))
    loss.sum().backward()
    assert_close(z.grad, torch.full_like(z, math.exp(40)))
