"""Charbonnier against the pseudo-Huber loss of scipy."""

import math

import pytest
import torch
from scipy import special
from torch.testing import assert_close

from companion.losses import barron_loss, charbonnier_loss
from tests.losses.regression.constants import best_constant, contaminated, pull


@pytest.mark.parametrize("eps", [1e-3, 1.0, 5.0])
def test_is_pseudo_huber_over_eps_and_barron_at_one(eps: float) -> None:
    x, y = torch.randn(50, dtype=torch.float64), torch.randn(50, dtype=torch.float64)
    found = charbonnier_loss(x, y, eps=eps, reduction="none")
    assert_close(found, torch.as_tensor(special.pseudo_huber(eps, (x - y).numpy()) / eps), rtol=1e-6, atol=1e-12)
    assert_close(found, eps * barron_loss(x, y, alpha=1.0, c=eps, reduction="none"))


def test_the_slope_at_eps() -> None:
    assert pull(charbonnier_loss, [0.0, 1e-3, -1e4]).tolist() == pytest.approx([0.0, math.sqrt(0.5), -1.0])


def test_tiny_residuals_keep_their_digits() -> None:
    r = torch.tensor([1e-6, 1e-5])
    found = charbonnier_loss(r, torch.zeros(2), reduction="none")
    assert_close(found, r * r / 2e-3, rtol=1e-4, atol=0)


def test_a_tiny_eps_is_the_absolute_error() -> None:
    r = torch.tensor([0.0, 1.0, -1e4], requires_grad=True)
    loss = charbonnier_loss(r, torch.zeros(3), eps=1e-30, reduction="none")
    loss.sum().backward()
    assert_close(loss, r.abs())
    assert_close(r.grad, torch.tensor([0.0, 1.0, -1.0]))


def test_four_outliers_in_ten_move_it_by_less_than_eps() -> None:
    found = best_constant(charbonnier_loss, contaminated(), -1, 3, eps=0.5)
    assert found == pytest.approx(0.5 * 2 / math.sqrt(5), abs=1e-5)
