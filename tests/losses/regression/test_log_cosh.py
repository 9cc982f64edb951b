"""log cosh against the hyperbolic secant distribution of scipy."""

import math

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from companion.losses import log_cosh_loss
from tests.losses.regression.constants import best_constant, contaminated, pull


def test_is_the_likelihood_of_the_hyperbolic_secant() -> None:
    r = torch.linspace(-20, 20, 81, dtype=torch.float64)
    found = log_cosh_loss(r, torch.zeros_like(r), reduction="none")
    assert_close(found, torch.as_tensor(-stats.hypsecant.logpdf(r.numpy()) - math.log(math.pi)), rtol=1e-9, atol=1e-12)


def test_near_and_far() -> None:
    found = log_cosh_loss(torch.tensor([1e-4, 1e4]), torch.zeros(2), reduction="none")
    assert_close(found, torch.tensor([5e-9, 1e4 - math.log(2)]), rtol=1e-6, atol=0)


def test_its_pull_is_tanh() -> None:
    r = torch.linspace(-5, 5, 41, dtype=torch.float64)
    assert_close(pull(log_cosh_loss, r), torch.tanh(r))


def test_four_outliers_in_ten_move_it_by_artanh_of_two_thirds() -> None:
    assert best_constant(log_cosh_loss, contaminated(), -1, 3) == pytest.approx(math.atanh(2 / 3))
