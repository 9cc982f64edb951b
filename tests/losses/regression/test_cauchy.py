"""Cauchy's loss against the distribution of scipy."""

import math

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from companion.losses import barron_loss, cauchy_loss
from tests.losses.regression.constants import best_constant, contaminated, efficiency, pull


@pytest.mark.parametrize("c", [0.5, 2.385])
def test_is_the_likelihood_of_cauchy_noise(c: float) -> None:
    r = torch.linspace(-20, 20, 81, dtype=torch.float64)
    found = cauchy_loss(r, torch.zeros_like(r), c=c, reduction="none")
    nll = torch.as_tensor(-stats.cauchy.logpdf(r.numpy(), scale=c)) - math.log(math.pi * c)
    assert_close(found, nll * c * c / 2)
    assert_close(found, c * c / 2 * barron_loss(r, torch.zeros_like(r), alpha=0, c=c / math.sqrt(2), reduction="none"))


def test_the_pull_is_strongest_at_c_and_never_ends() -> None:
    assert pull(cauchy_loss, [1.0, 2.0, 4.0], c=2.0).tolist() == pytest.approx([0.8, 1.0, 0.8])
    assert pull(cauchy_loss, [100.0]).item() == pytest.approx(0.0569, abs=1e-4)


def test_four_outliers_in_ten_hardly_move_it() -> None:
    assert best_constant(cauchy_loss, contaminated(), -1, 3) == pytest.approx(0.0004, abs=1e-4)


def test_efficiency_of_the_default() -> None:
    assert efficiency(cauchy_loss) == pytest.approx(0.95, abs=1e-4)
