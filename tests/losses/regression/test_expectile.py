"""Expectiles against scipy; they are not quantiles."""

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from companion.losses import expectile_loss
from tests.losses.regression.constants import best_constant, contaminated, pull


def test_by_hand() -> None:
    found = expectile_loss(torch.tensor([-1.0, 1.0, 3.0]), torch.zeros(3), tau=0.75, reduction="none")
    assert_close(found, torch.tensor([0.75, 0.25, 2.25]))


def test_a_half_is_half_the_squared_error() -> None:
    x, y = torch.randn(50), torch.randn(50)
    assert_close(expectile_loss(x, y), ((x - y) ** 2).mean() / 2)


@pytest.mark.parametrize("tau", [0.1, 0.5, 0.9])
def test_the_best_constant_is_the_expectile(tau: float) -> None:
    y = torch.randn(101, dtype=torch.float64).exp()
    assert best_constant(expectile_loss, y, 0, 20, tau=tau) == pytest.approx(stats.expectile(y, tau), abs=1e-6)


def test_of_zero_and_one_it_is_tau() -> None:
    y = torch.tensor([0.0, 1.0], dtype=torch.float64)
    assert best_constant(expectile_loss, y, 0, 1, tau=0.9) == pytest.approx(0.9, abs=1e-6)


def test_outliers_carry_it_off() -> None:
    assert best_constant(expectile_loss, contaminated(), 0, 1e4) == pytest.approx(4000, abs=1e-3)
    assert_close(pull(expectile_loss, [-1e4, 1e4], tau=0.9).tolist(), [-18000.0, 2000.0])
