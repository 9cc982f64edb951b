"""Softmax MAE by hand, and the tail in which torch's own sigmoid has no gradient."""

import math

import mpmath as mp
import pytest
import torch
from torch.testing import assert_close

from companion.losses import mae_loss

SURE = torch.tensor([[math.log(9.0), 0.0]])  # p = (9/10, 1/10)


def test_by_hand() -> None:
    # |0.9 - 1| + |0.1 - 0| and |0.9 - 0| + |0.1 - 1|: twice the missed probability, not once
    found = mae_loss(SURE.repeat(2, 1), torch.tensor([0, 1]), reduction="none")
    assert_close(found, torch.tensor([0.2, 1.8]))


def test_is_the_sum_over_the_classes() -> None:
    input, target = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0])
    slowly = (input.softmax(1) - torch.nn.functional.one_hot(target, 4)).abs().sum(1)
    assert_close(mae_loss(input, target, reduction="none"), slowly)


@pytest.mark.parametrize("m", [-30.0, -20.0, 20.0, 30.0])
def test_value_and_slope_are_right_far_out_on_both_sides(m: float) -> None:
    logits = torch.tensor([[m, 0.0]], requires_grad=True)
    loss = mae_loss(logits, torch.tensor([0]))
    loss.backward()
    with mp.workdps(50):
        p = 1 / (1 + mp.exp(-mp.mpf(m)))
        value, slope = float(2 * (1 - p)), float(-2 * p * (1 - p))
    assert_close(loss.item(), value, rtol=1e-6, atol=0)
    assert_close(logits.grad, torch.tensor([[slope, -slope]]), rtol=1e-6, atol=0)


def test_what_is_wrong_with_the_obvious_way() -> None:
    x = torch.tensor(30.0, requires_grad=True)  # -m
    (2 * torch.sigmoid(x)).backward()
    assert x.grad == 0  # y (1 - y) with y rounded to 1; the truth is 1.9e-13


def test_losses_of_all_labels_add_up_to_a_constant() -> None:
    # Ghosh 2017: this symmetry, sum over labels = 2 (C - 1), is what makes evenly flipped labels harmless.
    input = torch.randn(6, 5)
    total = sum(mae_loss(input, torch.full((6,), c), reduction="none") for c in range(5))
    assert_close(total, torch.full((6,), 8.0))


def test_evenly_flipped_labels_do_not_move_the_best_answer() -> None:
    # 40 % flipped to the two other classes alike: expected loss 0.6 l(0) + 0.2 l(1) + 0.2 l(2) = 0.8 + 0.4 l(0)
    input = torch.randn(7, 3)
    noisy = mae_loss(input, torch.tensor([[0.6, 0.2, 0.2]]).expand(7, 3), reduction="none")
    clean = mae_loss(input, torch.zeros(7, dtype=torch.long), reduction="none")
    assert_close(noisy, 0.8 + 0.4 * clean)
