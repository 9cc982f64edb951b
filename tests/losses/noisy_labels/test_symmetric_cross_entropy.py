"""Symmetric cross entropy by hand, and its two parts."""

import math

import torch
from torch.testing import assert_close

from companion.losses import cross_entropy, reverse_cross_entropy, symmetric_cross_entropy


def test_by_hand() -> None:
    # p = 9/10: -0.1 log 0.9 + 4 * 0.1 = 0.4105361; p = 1/10: -0.1 log 0.1 + 4 * 0.9 = 3.8302585
    input = torch.tensor([[math.log(9.0), 0.0]]).repeat(2, 1)
    found = symmetric_cross_entropy(input, torch.tensor([0, 1]), reduction="none")
    assert_close(found, torch.tensor([0.4105361, 3.8302585]))


def test_is_the_sum_of_its_parts() -> None:
    input, target = torch.randn(6, 3), torch.arange(6) % 3
    parts = 6 * cross_entropy(input, target) + 0.1 * reverse_cross_entropy(input, target, A=-6.0)
    assert_close(symmetric_cross_entropy(input, target, alpha=6.0, beta=0.1, A=-6.0), parts)


def test_a_mistake_beyond_float32_still_counts() -> None:
    # Clipped at 1e-7, as the authors do, cross entropy stops at 16.1; here m = -30: 0.1 * 30 + 4 * 1
    assert_close(symmetric_cross_entropy(torch.tensor([[-30.0, 0.0]]), torch.tensor([0])).item(), 7.0)
