"""LossNormalizer: one over a running mean, written out."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch.testing import assert_close

from companion.weighters import LogSum, LossNormalizer
from tests.weighters.walk import curves, derivatives, walk

NAMES = ["a", "b", "c"]


@pytest.mark.parametrize("decay", [0.0, 0.9, 0.999])
def test_equation_written_out(decay: float) -> None:
    rows = curves(8, 3)
    expected = []
    for t in range(len(rows)):
        shares = [decay ** (t - i) for i in range(t + 1)]
        sizes = [sum(share * row[k] for share, row in zip(shares, rows, strict=False)) for k in range(3)]
        expected.append([sum(shares) / size for size in sizes])
    found = walk(LossNormalizer(NAMES, decay=decay).double(), rows)
    assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_by_hand() -> None:
    found = walk(LossNormalizer(["a", "b"], decay=0.5), [(4.0, -2.0), (1.0, 2.0)])
    # (4 / 2 + 1) / (1 / 2 + 1) = 2, and the sizes 2 and 2
    assert_close(found, torch.tensor([[0.25, 0.5], [0.5, 0.5]]))


def test_without_memory_it_is_the_log_sum() -> None:
    rows = curves(4, 3)
    assert_close(walk(LossNormalizer(NAMES, decay=0.0), rows), walk(LogSum(NAMES), rows))


def test_logged_weights_are_the_derivatives() -> None:
    weighter = LossNormalizer(NAMES)
    for row in curves(3, 3):
        _, slopes = derivatives(weighter, row)
        assert_close(slopes, weighter.weights)


@given(st.lists(st.floats(-8.0, 8.0), min_size=3, max_size=3))
def test_weighted_losses_do_not_depend_on_units(powers: list[float]) -> None:
    units = 10.0 ** torch.tensor(powers, dtype=torch.float64)
    rows = torch.tensor(curves(5, 3), dtype=torch.float64)
    plain, scaled = LossNormalizer(NAMES).double(), LossNormalizer(NAMES).double()
    assert_close(walk(scaled, (rows * units).tolist()) * units, walk(plain, rows.tolist()))


def test_a_loss_of_zero_keeps_its_weight_and_does_not_hold_up_the_others() -> None:
    found = walk(LossNormalizer(["a", "b"], decay=0.5), [(0.0, 4.0), (0.0, 1.0), (3.0, 1.0)])
    # a: (3 * 1) / (1 + 1/2 + 1/4) = 12 / 7;  b: 2, then (4 / 4 + 1 / 2 + 1) / (7 / 4) = 10 / 7
    assert_close(found, torch.tensor([[1.0, 0.25], [1.0, 0.5], [7 / 12, 7 / 10]]))


@pytest.mark.as_user
def test_decay_is_below_one() -> None:
    with pytest.raises(ValueError, match=r"`decay` must be at least 0\.0 and below 1\.0, got 1"):
        LossNormalizer(NAMES, decay=1.0)
