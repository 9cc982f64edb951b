"""InitialScale: one over the first losses, then fixed."""

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch.testing import assert_close

from companion.weighters import InitialScale
from tests.weighters.walk import curves, derivatives, walk

NAMES = ["a", "b", "c"]


def test_by_hand() -> None:
    weighter = InitialScale(["a", "b"])
    found = walk(weighter, [[4.0, 0.01], [2.0, 7.0], [1.0, -3.0]])
    assert_close(found, torch.tensor([[0.25, 100.0]] * 3))
    total, slopes = derivatives(weighter, [2.0, 0.03])
    assert_close(total.item(), 3.5)  # 2 / 4 + 0.03 / 0.01
    assert_close(slopes, weighter.weights)


def test_first_value_is_the_mean_of_the_first_period() -> None:
    found = walk(InitialScale(["a", "b"], period=2), [[1.0, 10.0], [3.0, 30.0], [100.0, 1.0], [100.0, 1.0]])
    assert_close(found[0], torch.ones(2))
    assert_close(found[1:], torch.tensor([[0.5, 0.05]] * 3))  # 1 / 2 and 1 / 20


def test_a_loss_that_starts_at_0_is_scaled_when_it_is_first_seen() -> None:
    found = walk(InitialScale(["a", "b"]), [[0.0, 4.0], [0.0, 5.0], [10.0, 5.0], [1.0, 1.0]])
    assert_close(found, torch.tensor([[1.0, 0.25], [1.0, 0.25], [0.1, 0.25], [0.1, 0.25]]))


def test_a_negative_first_loss_counts_by_its_size() -> None:
    assert_close(walk(InitialScale(["a", "b"]), [[-4.0, 2.0]]), torch.tensor([[0.25, 0.5]]))


@given(st.lists(st.floats(-8.0, 8.0), min_size=3, max_size=3))
def test_weighted_losses_do_not_depend_on_units(powers: list[float]) -> None:
    units = 10.0 ** torch.tensor(powers, dtype=torch.float64)
    rows = torch.tensor(curves(4, 3), dtype=torch.float64)
    plain, scaled = InitialScale(NAMES).double(), InitialScale(NAMES).double()
    assert_close(walk(scaled, (rows * units).tolist()) * units, walk(plain, rows.tolist()))


def test_a_total_may_be_asked_for() -> None:
    found = walk(InitialScale(["a", "b"], sum_to="tasks"), [[1.0, 3.0], [5.0, 5.0]])
    assert_close(found, torch.tensor([[1.5, 0.5]] * 2))
