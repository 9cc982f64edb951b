"""Expected cost by hand: rows are true, columns are chosen."""

import math

import torch
from torch.testing import assert_close

from companion.losses import cost_sensitive_loss

COST = torch.tensor([[0.0, 1.0], [20.0, 0.0]])  # a miss costs 20 false alarms


def test_by_hand() -> None:
    logits = torch.tensor([[math.log(3.0), 0.0]]).repeat(2, 1)  # p = (3/4, 1/4)
    found = cost_sensitive_loss(logits, torch.tensor([0, 1]), cost=COST, reduction="none")
    assert_close(found, torch.tensor([0.25 * 1, 0.75 * 20]))


def test_the_better_bet_at_even_cost_is_where_the_gradient_vanishes() -> None:
    # With 1 miss among 21 rows, either decision costs 20: the expected cost is flat in the logits.
    logits = torch.zeros(1, 2, requires_grad=True)
    cost_sensitive_loss(logits.expand(21, 2), torch.tensor([0] * 20 + [1]), cost=COST, reduction="sum").backward()
    assert_close(logits.grad, torch.zeros(1, 2), rtol=0, atol=1e-5)


def test_being_right_may_have_a_price() -> None:
    cost = torch.tensor([[2.0, 3.0], [5.0, 7.0]])
    found = cost_sensitive_loss(torch.zeros(2, 2), torch.tensor([0, 1]), cost=cost, reduction="none")
    assert_close(found, torch.tensor([2.5, 6.0]))


def test_costs_may_be_whole_numbers() -> None:
    whole = torch.tensor([[0, 1], [20, 0]])
    logits, target = torch.randn(4, 2), torch.tensor([0, 1, 1, 0])
    assert_close(
        cost_sensitive_loss(logits, target, cost=whole), cost_sensitive_loss(logits, target, cost=whole.float())
    )


def test_costs_get_a_gradient() -> None:
    cost = COST.clone().requires_grad_()
    logits = torch.tensor([[math.log(3.0), 0.0]])
    cost_sensitive_loss(logits, torch.tensor([1]), cost=cost).backward()
    assert_close(cost.grad, torch.tensor([[0.0, 0.0], [0.75, 0.25]]))
