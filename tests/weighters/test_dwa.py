"""DWA against its equation in plain Python, with epochs, zeros and changes of sign."""

import itertools
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch.testing import assert_close

from companion.weighters import DWA
from tests.weighters.walk import Rows, curves, derivatives, walk

NAMES = ["a", "b", "c"]


def by_the_paper(epochs: Rows, temperature: float) -> list[list[float]]:
    """The weights that follow from each epoch's means and those of the epoch before."""
    found = [[1.0] * len(epochs[0])]
    for before, now in itertools.pairwise(epochs):
        raised = [math.exp(b / a / temperature) for a, b in zip(before, now, strict=True)]
        found.append([len(raised) * one / sum(raised) for one in raised])
    return found


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_equation_written_out(temperature: float) -> None:
    rows = curves(6, 3)
    found = walk(DWA(NAMES, temperature=temperature).double(), rows)
    assert_close(found, torch.tensor(by_the_paper(rows, temperature), dtype=torch.float64))
    assert_close(found.sum(1), torch.full((6,), 3.0, dtype=torch.float64))


def test_by_hand_over_epochs_of_two_steps() -> None:
    weighter = DWA(["a", "b"], temperature=1.0, period=2)
    rows = [(1.0, 3.0), (3.0, 5.0), (2.0, 1.0), (2.0, 3.0), (0.0, 0.0)]  # means (2, 4), then (2, 2)
    found = walk(weighter, rows)
    assert_close(found[:3], torch.ones(3, 2))
    # Ratios 1 and 1/2: 2 e / (e + sqrt e) = 2 * 2.71828 / (2.71828 + 1.64872) = 1.24492
    assert_close(found[3], torch.tensor([1.24492, 0.75508]), rtol=1e-5, atol=1e-5)
    assert_close(found[4], found[3])


def test_logged_weights_are_the_derivatives() -> None:
    weighter = DWA(NAMES)
    for row in curves(4, 3):
        total, slopes = derivatives(weighter, row)
        assert_close(slopes, weighter.weights)
        assert_close(total, (weighter.weights * torch.tensor(row)).sum())


def test_follows_a_permutation() -> None:
    rows, order = torch.tensor(curves(5, 3)), [2, 0, 1]
    assert_close(walk(DWA(NAMES), rows[:, order].tolist()), walk(DWA(NAMES), rows.tolist())[:, order])


@given(st.lists(st.floats(-8.0, 8.0), min_size=3, max_size=3))
def test_units_do_not_matter(powers: list[float]) -> None:
    rows = torch.tensor(curves(5, 3), dtype=torch.float64)
    scaled = rows * 10.0 ** torch.tensor(powers, dtype=torch.float64)
    assert_close(walk(DWA(NAMES).double(), scaled.tolist()), walk(DWA(NAMES).double(), rows.tolist()))


@pytest.mark.parametrize(
    ("before", "now", "ratio"),
    [
        (0.0, 0.0, 1.0),  # nothing to compare with
        (0.0, 5.0, 1.0),
        (-1.0, -2.0, 1.0),  # a ratio of 2 would say that it rose
        (-1.0, 2.0, 1.0),
        (1.0, -1.0, 1.0),
        (5.0, 0.0, 0.0),  # nothing is left
    ],
)
def test_ratios_that_say_nothing_count_as_one(before: float, now: float, ratio: float) -> None:
    found = walk(DWA(["a", "b"], temperature=1.0), [(before, 1.0), (now, 1.0)])[-1]
    share = 2 * math.exp(ratio) / (math.exp(ratio) + math.e)
    assert_close(found, torch.tensor([share, 2 - share]))


def test_a_huge_ratio_takes_all_and_stays_finite() -> None:
    found = walk(DWA(["a", "b"], temperature=1e-3), [(1e-30, 1.0), (1e30, 1.0)])[-1]
    assert_close(found, torch.tensor([2.0, 0.0]))


@pytest.mark.as_user
def test_temperature_is_above_zero() -> None:
    with pytest.raises(ValueError, match=r"`temperature` must be above 0\.0, got 0"):
        DWA(NAMES, temperature=0.0)
