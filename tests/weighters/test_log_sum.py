"""LogSum: 1 / L, whatever the units."""

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch.testing import assert_close

from companion.weighters import LogSum
from tests.weighters.walk import curves, derivatives, walk

NAMES = ["a", "b", "c"]


def test_by_hand() -> None:
    total, slopes = derivatives(LogSum(NAMES), [2.0, 0.5, 8.0])
    assert_close(total.item(), math.log(8.0))  # log 2 - log 2 + log 8
    assert_close(slopes, torch.tensor([0.5, 2.0, 0.125]))


def test_its_weights_are_the_derivatives_of_the_sum_of_logarithms() -> None:
    weighter = LogSum(NAMES).double()
    for row in curves(5, 3):
        losses = torch.tensor(row, dtype=torch.float64, requires_grad=True)
        (expected,) = torch.autograd.grad(losses.log().sum(), losses)
        total, slopes = derivatives(weighter, row)
        assert_close(slopes, expected)
        assert_close(weighter.weights, expected)
        assert_close(total, losses.detach().log().sum())


def test_over_a_period_the_weights_stay_and_are_the_derivatives() -> None:
    weighter = LogSum(["a", "b"], period=2)
    slopes = [derivatives(weighter, row)[1] for row in [(1.0, 2.0), (3.0, 6.0), (9.0, 9.0)]]
    assert_close(slopes[0], torch.ones(2))
    assert_close(slopes[1], torch.tensor([1 / 2, 1 / 4]))  # means (1 + 3) / 2 and (2 + 6) / 2
    assert_close(slopes[2], slopes[1])


@given(st.lists(st.floats(0.1, 10.0), min_size=3, max_size=3), st.lists(st.floats(-8.0, 8.0), min_size=3, max_size=3))
def test_weighted_losses_do_not_depend_on_units(row: list[float], powers: list[float]) -> None:
    units = 10.0 ** torch.tensor(powers, dtype=torch.float64)
    plain, scaled = LogSum(NAMES).double(), LogSum(NAMES).double()
    walk(plain, [row])
    walk(scaled, [(torch.tensor(row, dtype=torch.float64) * units).tolist()])
    assert_close(scaled.weights * units, plain.weights)


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_a_loss_that_is_not_positive_is_seen_and_changes_nothing(bad: float) -> None:
    weighter = LogSum(["a", "b"])
    derivatives(weighter, [2.0, 4.0])
    total, _ = derivatives(weighter, [bad, 1.0])
    assert not torch.isfinite(total)
    assert_close(weighter.weights, torch.tensor([0.5, 0.25]))


def test_a_total_may_be_asked_for() -> None:
    total, slopes = derivatives(LogSum(["a", "b"], sum_to="tasks"), [1.0, 3.0])
    assert_close(slopes, torch.tensor([1.5, 0.5]))
    assert_close(total.item(), math.log(3.0))
