"""Misses and false alarms by hand; what the prices do to p."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from companion.losses import binary_focal_loss, missed_false_loss


def test_by_hand() -> None:
    x, y = torch.tensor([-2.0, 2.0]), torch.tensor([1.0, 0.0])
    one = math.log(1 + math.exp(2))
    found = missed_false_loss(x, y, miss_weight=10.0, false_weight=0.5, reduction="none")
    assert_close(found, torch.tensor([10 * one, 0.5 * one]))


def test_is_that_of_torch_with_pos_weight() -> None:
    x, y = torch.randn(50), torch.rand(50)
    found = missed_false_loss(x, y, miss_weight=6.0, false_weight=2.0)
    assert_close(found, 2 * F.binary_cross_entropy_with_logits(x, y, pos_weight=torch.tensor(3.0)))


def test_equal_prices_are_cross_entropy() -> None:
    x, y = torch.randn(50), torch.rand(50).round()
    assert_close(missed_false_loss(x, y), binary_focal_loss(x, y, gamma=0.0))


def test_p_of_one_half_stands_for_a_chance_of_one_in_eleven() -> None:
    x = torch.zeros(11, requires_grad=True)
    missed_false_loss(x, torch.tensor([1.0] + [0.0] * 10), miss_weight=10.0, reduction="sum").backward()
    assert_close(x.grad.sum(), torch.tensor(0.0))


def test_the_mean_is_over_all_cases() -> None:
    x, y = torch.zeros(4), torch.tensor([1.0, 0.0, 0.0, 0.0])
    assert missed_false_loss(x, y, miss_weight=5.0).item() == pytest.approx(math.log(2) * (5 + 3) / 4)


@pytest.mark.as_user
def test_something_must_cost() -> None:
    with pytest.raises(ValueError, match=r"`miss_weight` must be above 0 where `false_weight` is 0, got 0"):
        missed_false_loss(torch.zeros(2), torch.zeros(2), miss_weight=0.0, false_weight=0.0)
