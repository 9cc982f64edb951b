"""Welsch: its ceiling, its pull, its efficiency."""

import math

import pytest
import torch
from torch.testing import assert_close

from companion.losses import barron_loss, welsch_loss
from tests.losses.regression.constants import best_constant, contaminated, efficiency, pull


def test_by_hand_and_as_barron_at_minus_infinity() -> None:
    r = torch.tensor([0.0, 1.0, -2.0, 1e4])
    found = welsch_loss(r, torch.zeros(4), c=1.0, reduction="none")
    assert_close(found, torch.tensor([0.0, (1 - math.exp(-1)) / 2, (1 - math.exp(-4)) / 2, 0.5]))
    limit = barron_loss(r, torch.zeros(4), alpha=-math.inf, c=math.sqrt(0.5), reduction="none")
    assert_close(found, limit / 2)


def test_the_pull_rises_fades_and_is_gone() -> None:
    top = math.sqrt(0.5)
    slope = pull(welsch_loss, [top - 0.01, top, top + 0.01], c=1.0)
    assert slope.argmax() == 1
    assert slope[1].item() == pytest.approx(0.429, abs=1e-3)
    assert pull(welsch_loss, [10.0]).item() == pytest.approx(1.34e-4, rel=1e-2)
    r = torch.tensor([27.0, 31.5], requires_grad=True)
    welsch_loss(r, torch.zeros(2)).backward()
    assert r.grad[0] > 0
    assert r.grad[1] == 0


def test_four_outliers_in_ten_do_not_move_it() -> None:
    assert best_constant(welsch_loss, contaminated(), -1, 3) == pytest.approx(0, abs=1e-6)


def test_efficiency_of_the_default() -> None:
    assert efficiency(welsch_loss) == pytest.approx(0.95, abs=1e-4)
