"""Sparsity by divergence: torch's own divergence of two coins, units that never speak, and the mean inside."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, kl_divergence
from torch.testing import assert_close

from companion.losses import sparsity_kl


def test_by_hand() -> None:
    # Two units with mean 1/2 and rho 1/4: log(1/2) / 4 + log(3/2) * 3 / 4, twice.
    right = 2 * (math.log(0.5) / 4 + math.log(1.5) * 3 / 4)
    assert_close(sparsity_kl(torch.zeros(3, 2), rho=0.25).item(), right)


def test_is_the_divergence_of_two_coins() -> None:
    logits = torch.randn(8, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mean = logits.sigmoid().mean(dim=0)
    right = kl_divergence(Bernoulli(torch.full_like(mean, 0.1)), Bernoulli(mean)).sum()
    assert_close(sparsity_kl(logits, rho=0.1), right)


def test_the_wanted_rate_costs_nothing() -> None:
    logits = torch.full((4, 3), math.log(0.05 / 0.95), requires_grad=True)
    value = sparsity_kl(logits)
    assert_close(value.item(), 0.0, rtol=0, atol=1e-12)
    (slope,) = torch.autograd.grad(value, logits)
    assert_close(slope, torch.zeros(4, 3), rtol=0, atol=1e-7)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_unit_that_is_stuck_still_feels_the_pull(sign: int) -> None:
    """sigmoid(200) is 1 in float32, where the formula on activations is infinite and its slope is lost."""
    logits = torch.full((4, 1), 200.0 * sign, requires_grad=True)
    (slope,) = torch.autograd.grad(sparsity_kl(logits), logits)
    share = 0.95 if sign > 0 else -0.05  # of the divergence per nat, shared by four rows
    assert_close(slope, torch.full((4, 1), share / 4))


def test_the_mean_is_inside_the_divergence() -> None:
    """Rows that take turns cost nothing; each by itself would."""
    logits = torch.tensor([[50.0], [-50.0]])
    assert_close(sparsity_kl(logits, rho=0.5).item(), 0.0, rtol=0, atol=1e-6)
    assert sparsity_kl(logits[:1], rho=0.5) > 20


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"`logits` must have shape \(N, units\).*got \(2, 3, 4\).*`logits.flatten\(1\)`"
    ):
        sparsity_kl(torch.zeros(2, 3, 4))
    with pytest.raises(ValueError, match=r"`rho` must be above 0.0 and below 1.0, got 0.0"):
        sparsity_kl(torch.zeros(2, 3), rho=0.0)
