"""GeometricMean: its value, its derivatives, and twenty small losses that underflow elsewhere."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch.testing import assert_close

from companion.weighters import GeometricMean, LogSum
from tests.weighters.walk import curves, derivatives, walk

NAMES = ["a", "b", "c"]


def test_by_hand() -> None:
    total, slopes = derivatives(GeometricMean(["a", "b"]), [2.0, 0.5])
    assert_close(total.item(), 1.0)  # sqrt(2 * 1/2)
    assert_close(slopes, torch.tensor([0.25, 1.0]))  # 1 / (2 * 2) and 1 / (2 * 1/2)


def test_its_weights_are_the_derivatives_of_the_mean() -> None:
    weighter = GeometricMean(NAMES).double()
    for row in curves(5, 3):
        losses = torch.tensor(row, dtype=torch.float64, requires_grad=True)
        mean = losses.prod() ** (1 / 3)
        (expected,) = torch.autograd.grad(mean, losses)
        total, slopes = derivatives(weighter, row)
        assert_close(slopes, expected)
        assert_close(weighter.weights, expected)
        assert_close(total, mean.detach())


def test_twenty_small_losses_do_not_underflow() -> None:
    # Their product is 1e-60, which float32 cannot hold. w = G / (20 L) = 1 / 20.
    total, slopes = derivatives(GeometricMean([str(k) for k in range(20)]), [1e-3] * 20)
    assert_close(total.item(), 1e-3, rtol=1e-4, atol=0)
    assert_close(slopes, torch.full((20,), 0.05), rtol=1e-4, atol=0)


@given(st.lists(st.floats(0.1, 10.0), min_size=3, max_size=3), st.lists(st.floats(-8.0, 8.0), min_size=3, max_size=3))
def test_direction_is_that_of_the_logarithms_in_any_units(row: list[float], powers: list[float]) -> None:
    scaled = (torch.tensor(row, dtype=torch.float64) * 10.0 ** torch.tensor(powers, dtype=torch.float64)).tolist()
    found, logs = GeometricMean(NAMES, sum_to=1).double(), LogSum(NAMES, sum_to=1).double()
    assert_close(walk(found, [scaled]), walk(logs, [scaled]))


@pytest.mark.parametrize("factor", [1e-8, 1e8])
def test_one_factor_for_all_losses_leaves_the_weights(factor: float) -> None:
    plain, scaled = GeometricMean(NAMES), GeometricMean(NAMES)
    walk(plain, [[1.0, 2.0, 4.0]])
    walk(scaled, [[factor, 2 * factor, 4 * factor]])
    assert_close(plain.weights, scaled.weights, rtol=1e-5, atol=0)


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_a_loss_that_is_not_positive_changes_nothing(bad: float) -> None:
    weighter = GeometricMean(["a", "b"])
    derivatives(weighter, [2.0, 0.5])
    _, slopes = derivatives(weighter, [bad, 1.0])
    assert_close(weighter.weights, torch.tensor([0.25, 1.0]))
    assert_close(slopes, weighter.weights)


@pytest.mark.parametrize("bad", [-1.0, float("nan")])
def test_a_negative_loss_is_seen(bad: float) -> None:
    total, _ = derivatives(GeometricMean(["a", "b"]), [bad, 1.0])
    assert torch.isnan(total)
