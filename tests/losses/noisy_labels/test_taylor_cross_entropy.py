"""Taylor cross entropy by hand, and its ends."""

import math

import mpmath as mp
import pytest
import torch
from torch.testing import assert_close

from companion.losses import cross_entropy, mae_loss, taylor_cross_entropy


def test_by_hand() -> None:
    # p = 1/10, order 3: 0.9 + 0.81 / 2 + 0.729 / 3 = 1.548
    input = torch.tensor([[0.1, 0.9]]).log()
    assert_close(taylor_cross_entropy(input, torch.tensor([0]), order=3).item(), 1.548)


def test_one_term_is_half_of_mae_and_many_are_cross_entropy() -> None:
    input, target = torch.randn(6, 4, dtype=torch.float64), torch.arange(6) % 4
    assert_close(taylor_cross_entropy(input, target, order=1), mae_loss(input, target) / 2)
    assert_close(taylor_cross_entropy(input, target, order=2000), cross_entropy(input, target), rtol=1e-9, atol=0)


def test_bounded_by_the_harmonic_numbers() -> None:
    wrong = torch.tensor([[-1e4, 0.0]])
    for order in (1, 2, 6):
        found = taylor_cross_entropy(wrong, torch.tensor([0]), order=order).item()
        assert_close(found, sum(1 / j for j in range(1, order + 1)))


@pytest.mark.parametrize("m", [-30.0, 30.0])
def test_slope_is_right_far_out_on_both_sides(m: float) -> None:
    logits = torch.tensor([[m, 0.0]], requires_grad=True)
    taylor_cross_entropy(logits, torch.tensor([0]), order=4).backward()
    with mp.workdps(50):
        p = 1 / (1 + mp.exp(-mp.mpf(m)))
        slope = float(-p * (1 - p) * sum((1 - p) ** j for j in range(4)))
    assert_close(logits.grad[0, 0].item(), slope, rtol=1e-6, atol=0)


@pytest.mark.as_user
def test_order_must_be_a_whole_number_of_terms() -> None:
    with pytest.raises(ValueError, match=r"`order` must be at least 1, got 0"):
        taylor_cross_entropy(torch.zeros(1, 2), torch.tensor([0]), order=0)
    for order in (2.0, True, math.inf):
        with pytest.raises(TypeError, match=r"`order` must be an int, got"):
            taylor_cross_entropy(torch.zeros(1, 2), torch.tensor([0]), order=order)
