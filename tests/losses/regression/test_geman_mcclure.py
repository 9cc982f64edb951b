"""Geman-McClure: its ceiling, its pull, its efficiency."""

import math

import pytest
import torch
from torch.testing import assert_close

from companion.losses import barron_loss, geman_mcclure_loss
from tests.losses.regression.constants import best_constant, contaminated, efficiency, pull


def test_by_hand_and_as_barron_at_minus_two() -> None:
    r = torch.tensor([0.0, 1.0, -3.0, 1e4])
    found = geman_mcclure_loss(r, torch.zeros(4), c=1.0, reduction="none")
    assert_close(found, torch.tensor([0.0, 0.25, 0.45, 0.5]))
    assert_close(found, barron_loss(r, torch.zeros(4), alpha=-2, c=0.5, reduction="none") / 4)


def test_the_pull_is_strongest_at_c_over_root_three() -> None:
    top = 1 / math.sqrt(3)
    slope = pull(geman_mcclure_loss, [top - 0.01, top, top + 0.01], c=1.0)
    assert slope.argmax() == 1
    assert slope[1].item() == pytest.approx(0.325, abs=1e-3)
    assert pull(geman_mcclure_loss, [100.0]).item() == pytest.approx(2.06e-4, rel=1e-2)


def test_four_outliers_in_ten_do_not_move_it() -> None:
    assert best_constant(geman_mcclure_loss, contaminated(), -1, 3) == pytest.approx(0, abs=1e-6)


def test_efficiency_of_the_default() -> None:
    assert efficiency(geman_mcclure_loss) == pytest.approx(0.95, abs=1e-4)
