"""Tukey's biweight against statsmodels; where it stops to listen."""

import pytest
import torch
from statsmodels.robust.norms import TukeyBiweight
from torch.testing import assert_close

from companion.losses import tukey_loss
from tests.losses.regression.constants import best_constant, contaminated, efficiency, pull


def test_by_hand() -> None:
    found = tukey_loss(torch.tensor([1.0, 2.0, -1e4]), torch.zeros(3), c=2.0, reduction="none")
    assert_close(found, torch.tensor([4 / 6 * (1 - 0.75**3), 4 / 6, 4 / 6]))


@pytest.mark.parametrize("c", [2.0, 4.685])
def test_is_that_of_statsmodels(c: float) -> None:
    r = torch.linspace(-8, 8, 101, dtype=torch.float64)
    norm = TukeyBiweight(c)
    assert_close(tukey_loss(r, torch.zeros_like(r), c=c, reduction="none"), torch.as_tensor(norm.rho(r.numpy())))
    assert_close(pull(tukey_loss, r, c=c), torch.as_tensor(norm.psi(r.numpy())))


def test_the_pull_is_strongest_at_c_over_root_five_and_ends_at_c() -> None:
    top = 5**-0.5
    slope = pull(tukey_loss, [top - 0.01, top, top + 0.01, 1.0, 1e4], c=1.0)
    assert slope.argmax() == 1
    assert slope[1].item() == pytest.approx(0.286, abs=1e-3)
    assert (slope[3:] == 0).all()


def test_four_outliers_in_ten_do_not_move_it() -> None:
    assert best_constant(tukey_loss, contaminated(), -1, 3) == pytest.approx(0, abs=1e-6)


def test_efficiency_of_the_default() -> None:
    assert efficiency(tukey_loss) == pytest.approx(0.95, abs=1e-4)
