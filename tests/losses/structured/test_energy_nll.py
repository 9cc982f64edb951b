"""Energies by hand, as logits with the other sign, and the sign that the loss must not have."""

import math

import pytest
import torch
import torch.nn.functional as F
from scipy.special import logsumexp
from torch import Tensor
from torch.testing import assert_close

from companion.losses import energy_nll_loss

ENERGIES = torch.tensor([[0.0, math.log(3)], [0.0, math.log(3)]])


def test_by_hand() -> None:
    found = energy_nll_loss(ENERGIES, torch.tensor([0, 1]), reduction="none")
    assert_close(found, torch.tensor([math.log(4 / 3), math.log(4)]))


def test_is_the_energy_above_the_free_energy() -> None:
    energies, target = torch.randn(5, 7, dtype=torch.float64), torch.randint(7, (5,))
    right = energies.gather(1, target.unsqueeze(1)).squeeze(1) + torch.from_numpy(logsumexp(-energies.numpy(), axis=1))
    assert_close(energy_nll_loss(energies, target, reduction="none"), right)
    assert_close(energy_nll_loss(energies, target), F.cross_entropy(-energies, target))


def test_lowers_the_true_energy_and_raises_the_others_by_their_probability() -> None:
    energies = ENERGIES[:1].clone().requires_grad_()
    energy_nll_loss(energies, torch.tensor([0])).backward()
    assert_close(energies.grad, torch.tensor([[1 - 0.75, -0.25]]))


def test_two_spins_by_hand() -> None:
    # E(s) = -J s1 s2 with J = log 2 / 2: even pairs weigh sqrt(2), odd ones 1 / sqrt(2), Z = 3 sqrt(2).
    spins = torch.tensor([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    energies = (-math.log(2) / 2 * spins.prod(1)).expand(4, -1)
    found = energy_nll_loss(energies, torch.arange(4), reduction="none")
    assert_close(found, torch.tensor([3.0, 6.0, 6.0, 3.0]).log())


def test_with_the_wrong_sign_it_would_fall_for_ever() -> None:
    """E(y) - log Z rewards low energies of wrong candidates too; ours is bounded below by 0."""

    def after(loss: object) -> Tensor:
        energies = torch.zeros(1, 3, requires_grad=True)
        for _ in range(50):
            (slope,) = torch.autograd.grad(loss(energies), energies)
            energies = (energies - slope).detach().requires_grad_()
        return loss(energies)

    target = torch.tensor([0])
    assert 0 < after(lambda e: energy_nll_loss(e, target)) < 0.1
    assert after(lambda e: e[0, 0] - torch.logsumexp(-e[0], 0)) < -50


@pytest.mark.as_user
def test_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"`energies` must have shape \(N, K\).*at least two candidates, got \(2, 1\)"):
        energy_nll_loss(torch.zeros(2, 1), torch.tensor([0, 0]))
    with pytest.raises(ValueError, match=r"`target` must have shape \(2,\), the true candidate.*got \(3,\)"):
        energy_nll_loss(ENERGIES, torch.tensor([0, 0, 0]))
    with pytest.raises(TypeError, match=r"`target` must hold integers"):
        energy_nll_loss(ENERGIES, torch.zeros(2))
