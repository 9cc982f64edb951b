"""LINEX against its closed form, and where its exponential ends."""

import math

import pytest
import torch
from torch.testing import assert_close

from companion.losses import linex_loss
from tests.losses.regression.constants import best_constant, pull


def test_by_hand() -> None:
    found = linex_loss(torch.tensor([3.0, -3.0]), torch.zeros(2), reduction="none")
    assert_close(found, torch.tensor([math.exp(3) - 4, math.exp(-3) + 2]))


@pytest.mark.parametrize("a", [-2.0, 0.5, 1.0])
def test_the_best_constant_is_the_closed_form(a: float) -> None:
    y = torch.randn(101, dtype=torch.float64)
    closed = -torch.log(torch.exp(-a * y).mean()).item() / a
    assert best_constant(linex_loss, y, -6, 6, a=a) == pytest.approx(closed, abs=1e-6)


def test_the_sign_of_a_says_which_side_is_dear() -> None:
    x, y = torch.tensor([2.0]), torch.tensor([0.0])
    assert linex_loss(x, y, a=1.0) > linex_loss(-x, y, a=1.0)
    assert_close(linex_loss(x, y, a=-1.0), linex_loss(-x, y, a=1.0))


def test_tiny_residuals_keep_their_digits() -> None:
    r = torch.tensor([1e-6, -1e-5, 1e-4])
    found = linex_loss(r, torch.zeros(3), reduction="none")
    assert_close(found, r * r / 2 * (1 + r / 3), rtol=1e-6, atol=0)


def test_beyond_forty_it_is_a_line() -> None:
    slope = pull(linex_loss, [39.999999, 40.0, 40.000001, 1e4])
    assert_close(slope, torch.full_like(slope, math.exp(40)), rtol=2e-6, atol=0)


@pytest.mark.as_user
def test_a_is_not_zero() -> None:
    with pytest.raises(ValueError, match=r"`a` must not be 0, got 0.0"):
        linex_loss(torch.zeros(2), torch.zeros(2), a=0.0)
