"""Normalised cross entropy by hand, and the symmetry that is its point."""

import math

import torch
from torch.testing import assert_close

from companion.losses import normalized_cross_entropy


def test_by_hand() -> None:
    # p = (9/10, 1/10): log 0.9 / (log 0.9 + log 0.1) = 0.1053605 / 2.4079456, and the rest
    input = torch.tensor([[math.log(9.0), 0.0]]).repeat(2, 1)
    found = normalized_cross_entropy(input, torch.tensor([0, 1]), reduction="none")
    assert_close(found, torch.tensor([0.0437553, 0.9562447]))


def test_losses_of_all_labels_add_up_to_one() -> None:
    input = 5 * torch.randn(6, 5)
    total = sum(normalized_cross_entropy(input, torch.full((6,), c), reduction="none") for c in range(5))
    assert_close(total, torch.ones(6))


def test_even_odds_cost_one_over_the_classes() -> None:
    assert_close(normalized_cross_entropy(torch.zeros(1, 8), torch.tensor([3])), torch.tensor(1 / 8))


def test_can_fall_while_the_label_is_not_believed_any_more() -> None:
    # p of label 0 is 1/2 both times, but the third class has become absurd: why it underfits alone.
    input = torch.tensor([[0.0, 0.0, -5.0], [0.0, 0.0, -50.0]])
    mild, absurd = normalized_cross_entropy(input, torch.tensor([0, 0]), reduction="none")
    assert absurd < 0.25 * mild


def test_exact_where_the_prediction_rounds_to_one() -> None:
    # m = 20 - log 2: -log p = 4.1e-9, over twice 20 to the same
    found = normalized_cross_entropy(torch.tensor([[20.0, 0.0, 0.0]]), torch.tensor([0])).item()
    assert_close(found, math.log1p(2 * math.exp(-20.0)) / 40, rtol=1e-6, atol=0)
