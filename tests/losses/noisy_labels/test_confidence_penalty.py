"""Confidence penalty by hand: the sign, and the best answer it asks for."""

import math

import torch
from torch.testing import assert_close

from companion.losses import confidence_penalty_loss, cross_entropy


def test_by_hand() -> None:
    # p = (0.7, 0.2, 0.1): H = 0.8018186; -log 0.7 - 0.5 H = 0.3566749 - 0.4009093
    input = torch.tensor([[0.7, 0.2, 0.1]]).log()
    assert_close(confidence_penalty_loss(input, torch.tensor([0]), beta=0.5).item(), -0.0442344, rtol=1e-5, atol=0)


def test_doubt_is_paid_for() -> None:
    # The same p for the label, more doubt among the others: cheaper.
    one_rival, two_rivals = torch.tensor([[0.5, 0.5, 1e-9], [0.5, 0.25, 0.25]]).log().split(1)
    target = torch.tensor([0])
    assert confidence_penalty_loss(two_rivals, target) < confidence_penalty_loss(one_rival, target)


def test_no_penalty_is_cross_entropy() -> None:
    input, target = torch.randn(5, 3), torch.arange(5) % 3
    assert_close(confidence_penalty_loss(input, target, beta=0.0), cross_entropy(input, target))


def test_the_best_margin_is_one_over_beta_p() -> None:
    # Two classes: the slope of -log p - beta H in p is -1 / p + beta m, m the margin; at beta = 1, p = 0.7822
    m = 1.2784645
    logits = torch.tensor([[m, 0.0]], dtype=torch.float64, requires_grad=True)
    confidence_penalty_loss(logits, torch.tensor([0]), beta=1.0).backward()
    assert_close(m, 1 + math.exp(-m), rtol=1e-6, atol=0)
    assert_close(logits.grad, torch.zeros(1, 2, dtype=torch.float64), rtol=0, atol=1e-7)


def test_exact_where_the_prediction_rounds_to_one() -> None:
    # With r = 2 e^-20: -log p = r to 9 digits, H = r (1 + 20) nearly; a naive p log p of the top class gives 0 for it
    r = 2 * math.exp(-20.0)
    found = confidence_penalty_loss(torch.tensor([[20.0, 0.0, 0.0]]), torch.tensor([0]), beta=1.0).item()
    assert_close(found, r - (r + 20 * r), rtol=1e-5, atol=0)
