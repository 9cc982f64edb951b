"""Denoising score matching by hand, and the slope that it learns."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from companion.losses import score_matching_loss


def test_by_hand() -> None:
    score, noise = torch.tensor([[-3.0, 2.0], [0.0, 1.0]]), torch.tensor([[1.0, -2.0], [4.0, 0.0]])
    # sigma 1/2: (-1.5 + 1)^2 + (1 - 2)^2 = 1.25; sigma 2: 4^2 + 2^2 = 20.
    found = score_matching_loss(score, noise, torch.tensor([0.5, 2.0]), reduction="none")
    assert_close(found, torch.tensor([0.625, 10.0]))


def test_one_sigma_for_all() -> None:
    score, noise = torch.randn(2, 4, 3, 2, dtype=torch.float64)
    right = score_matching_loss(score, noise, torch.full((4,), 0.3, dtype=torch.float64))
    assert_close(score_matching_loss(score, noise, 0.3), right)
    assert_close(score_matching_loss(score, noise, torch.tensor(0.3, dtype=torch.float64)), right)


def test_learns_the_slope_of_the_blurred_density() -> None:
    """Of data with variance 4 and noise of variance 1, -u / 5."""
    sigma, noise = 1.0, torch.randn(100_000, 1)
    noisy = 2 * torch.randn(100_000, 1) + sigma * noise
    slope = nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.LBFGS([slope])

    def step() -> float:
        optimizer.zero_grad()
        loss = score_matching_loss(slope * noisy, noise, sigma)
        loss.backward()
        return loss.item()

    optimizer.step(step)
    assert_close(slope.item(), -1 / 5, rtol=0, atol=0.01)


def test_the_slope_of_an_energy_is_a_score() -> None:
    precision = nn.Parameter(torch.tensor(0.5))
    noise = torch.randn(8, 2)
    noisy = (torch.randn(8, 2) + noise).requires_grad_()
    energy = precision * noisy.square().sum() / 2
    score = -torch.autograd.grad(energy, noisy, create_graph=True)[0]
    score_matching_loss(score, noise, 1.0).backward()
    assert precision.grad != 0


def test_numbers_may_be_without_features() -> None:
    assert_close(score_matching_loss(torch.tensor([-3.0]), torch.tensor([1.0]), 0.5).item(), 0.125)


@pytest.mark.as_user
@pytest.mark.parametrize(
    ("sigma", "error", "message"),
    [
        (0.0, ValueError, r"`sigma` must be above 0.0, got 0.0"),
        (
            torch.ones(3),
            ValueError,
            r"`sigma` must be a number or have shape \(4,\), one per row.*got \(3,\)",
        ),
        (torch.ones(4, dtype=torch.long), TypeError, r"`sigma` must be floating point"),
        ("1", TypeError, r"`sigma` must be a tensor, got str"),
    ],
)
def test_says_what_is_wrong(sigma: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        score_matching_loss(torch.zeros(4, 2), torch.zeros(4, 2), sigma)


@pytest.mark.as_user
def test_noise_is_never_broadcast() -> None:
    with pytest.raises(ValueError, match=r"`noise` must have the shape of `score`, \(4, 2\), got \(4, 1\)"):
        score_matching_loss(torch.zeros(4, 2), torch.zeros(4, 1), 1.0)
