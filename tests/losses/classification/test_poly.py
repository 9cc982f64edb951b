"""Poly-1 by hand."""

import math

import torch
from torch.testing import assert_close

from companion.losses import poly_loss

SURE = torch.tensor([[math.log(9.0), 0.0]])  # p = (9/10, 1/10)


def test_by_hand() -> None:
    # -log 0.9 + 2 * 0.1 and -log 0.1 + 2 * 0.9
    found = poly_loss(SURE.repeat(2, 1), torch.tensor([0, 1]), reduction="none")
    assert_close(found, torch.tensor([0.3053605, 4.1025851]))


def test_minus_one_starts_the_series_at_the_square() -> None:
    # epsilon = -1 removes the first term: (1 - p)^2 / 2 + (1 - p)^3 / 3 + ... with 1 - p = 0.1
    series = sum(0.1**j / j for j in range(2, 12))
    assert_close(poly_loss(SURE.double(), torch.tensor([0]), epsilon=-1.0).item(), series)


def test_slope_near_certainty_is_one_plus_epsilon_times_that_of_cross_entropy() -> None:
    for epsilon in (-0.5, 0.0, 2.0):
        logits = torch.tensor([[15.0, 0.0]], requires_grad=True)
        (slope,) = torch.autograd.grad(poly_loss(logits, torch.tensor([0]), epsilon=epsilon), logits)
        assert_close(slope[0, 0].item(), -(1 + epsilon) * math.exp(-15), rtol=1e-5, atol=0)
