"""Tweedie against scikit-learn; its two ends are Poisson and gamma."""

import math

import pytest
import torch
from sklearn.metrics import mean_tweedie_deviance
from torch.testing import assert_close

from companion.losses import tweedie_loss
from tests.losses.regression.constants import best_constant

Y = torch.tensor([0.0, 0.0, 0.5, 3.0, 40.0], dtype=torch.float64)


def test_by_hand() -> None:
    found = tweedie_loss(torch.tensor([4.0, 4.0]).log(), torch.tensor([0.0, 4.0]), reduction="none")
    assert_close(found, torch.tensor([4.0, 8.0]))


@pytest.mark.parametrize("power", [1.01, 1.5, 1.9])
def test_is_half_the_deviance_plus_what_depends_on_the_data(power: float) -> None:
    z = torch.randn(5, dtype=torch.float64)
    rest = (Y ** (2 - power)).mean().item() / ((power - 1) * (2 - power))
    right = mean_tweedie_deviance(Y, z.exp(), power=power) / 2 + rest
    assert tweedie_loss(z, Y, power=power).item() == pytest.approx(right)


@pytest.mark.parametrize("power", [1.25, 1.75])
def test_the_best_constant_is_the_mean(power: float) -> None:
    assert math.exp(best_constant(tweedie_loss, Y, -2, 5, power=power)) == pytest.approx(8.7, rel=1e-5)


@pytest.mark.parametrize("power", [1.125, 1.875])
def test_the_gradient_is_as_said(power: float) -> None:
    z = torch.randn(5, dtype=torch.float64, requires_grad=True)
    tweedie_loss(z, Y, power=power, reduction="sum").backward()
    mu = z.detach().exp()
    assert_close(z.grad, (mu - Y) * mu ** (1 - power))


@pytest.mark.as_user
@pytest.mark.parametrize("power", [1.0, 2.0, 0.0])
def test_the_ends_are_other_losses(power: float) -> None:
    with pytest.raises(ValueError, match=f"`power` must be above 1.0 and below 2.0, got {power}"):
        tweedie_loss(Y, Y, power=power)
