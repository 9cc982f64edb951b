"""Slopes are taken where they are needed, at the newest value, and noise reaches them as it must."""

import math

import numpy as np
import pytest
import torch

from companion.weighters._slopes import Slope, slope_table

SLOPES: list[Slope] = ["least-squares", "last", "backward"]


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("window", [2, 3, 5, 8, 12])
def test_a_straight_line_has_its_slope_however_much_of_it_is_there(slope: Slope, window: int) -> None:
    line = 7.0 - 3.0 * torch.arange(window, dtype=torch.float64)
    for n in range(2, window + 1):
        there = torch.where(torch.arange(window) < window - n, torch.nan, line)
        row = slope_table(slope, window)[n]
        assert (row[: window - n] == 0).all()
        assert float((row[window - n :] * there[window - n :]).sum()) == pytest.approx(-3.0, abs=1e-7)


@pytest.mark.parametrize("slope", SLOPES)
def test_one_value_has_no_slope_and_a_constant_has_slope_zero(slope: Slope) -> None:
    table = slope_table(slope, 6)
    assert (table[:2] == 0).all()
    assert torch.allclose(table.sum(1), torch.zeros(7, dtype=torch.float64), atol=1e-12)


def test_backward_is_the_derivative_at_the_newest_value() -> None:
    # (t - 2)^2 at t = 0..4 is 4, 1, 0, 1, 4; its derivative at 4 is 4, at 0 it is -4.
    values = torch.tensor([4.0, 1.0, 0.0, 1.0, 4.0], dtype=torch.float64)
    assert float(slope_table("backward", 5)[5] @ values) == pytest.approx(4.0)
    # 25/12 f4 - 4 f3 + 3 f2 - 4/3 f1 + 1/4 f0
    assert slope_table("backward", 5)[5].tolist() == pytest.approx([1 / 4, -4 / 3, 3, -4, 25 / 12])


@pytest.mark.parametrize("window", range(2, 10))
def test_least_squares_is_numpy_polyfit(window: int) -> None:
    values = np.random.default_rng(window).normal(size=window)
    found = float(slope_table("least-squares", window)[window] @ torch.from_numpy(values))
    assert found == pytest.approx(np.polyfit(np.arange(window), values, 1)[0])


def test_noise_in_the_slope() -> None:
    def gain(slope: Slope, window: int) -> float:
        return float(slope_table(slope, window)[window].norm())

    # With n values, unit noise in each gives the line's slope a deviation of sqrt(12 / (n (n^2 - 1))).
    assert gain("least-squares", 5) == pytest.approx(math.sqrt(12 / (5 * 24)))
    assert gain("last", 5) == pytest.approx(math.sqrt(2))
    assert [gain("backward", n) for n in range(2, 7)] == pytest.approx([1.41, 2.55, 3.84, 5.58, 8.24], abs=0.006)
