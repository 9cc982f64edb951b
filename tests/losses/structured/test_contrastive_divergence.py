"""Contrastive divergence by hand, and its gradient beside that of the likelihood."""

import pytest
import torch
from torch.testing import assert_close

from companion.losses import contrastive_divergence_loss, energy_nll_loss


def test_by_hand() -> None:
    up, down = torch.tensor([1.0, 0.0]), torch.tensor([3.0, -2.0])
    assert_close(contrastive_divergence_loss(up, down, reduction="none"), torch.tensor([-2.0, 2.0]))
    found = contrastive_divergence_loss(up, down, strength=0.5, reduction="none")
    assert_close(found, torch.tensor([-2 + 0.5 * 10, 2 + 0.5 * 4]))


def test_with_samples_of_the_model_its_gradient_is_that_of_the_likelihood() -> None:
    energies = torch.randn(4, dtype=torch.float64, requires_grad=True)
    data = torch.tensor([0, 0, 1, 3])
    (right,) = torch.autograd.grad(energy_nll_loss(energies.expand(4, -1), data), energies)
    draws = torch.multinomial(torch.softmax(-energies.detach(), 0), 400_000, replacement=True)
    many = data.repeat(100_000)
    (found,) = torch.autograd.grad(contrastive_divergence_loss(energies[many], energies[draws]), energies)
    assert_close(found, right, rtol=0, atol=0.005)


def test_strength_bounds_the_gap_of_energies() -> None:
    energies = torch.zeros(2, requires_grad=True)
    for _ in range(200):
        loss = contrastive_divergence_loss(energies[:1], energies[1:], strength=0.1)
        (slope,) = torch.autograd.grad(loss, energies)
        energies = (energies - slope).detach().requires_grad_()
    assert_close(energies.detach(), torch.tensor([-5.0, 5.0]))  # where 1 = 2 strength |E|


@pytest.mark.as_user
def test_says_what_is_wrong() -> None:
    with pytest.raises(
        ValueError, match=r"`positive_energy` must have shape \(N,\).*got \(4, 1\).*`positive_energy.squeeze\(-1\)`"
    ):
        contrastive_divergence_loss(torch.zeros(4, 1), torch.zeros(4, 1))
    with pytest.raises(ValueError, match=r"`negative_energy` must have the shape of `positive_energy`, \(4,\)"):
        contrastive_divergence_loss(torch.zeros(4), torch.zeros(1))
