"""Noise-contrastive estimation by hand, and the constant that it learns."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Normal
from torch.testing import assert_close

from companion.losses import nce_loss


def test_by_hand() -> None:
    # p = 2 p_n at the example, p = p_n at two draws of noise: odds 2 / 2, then 2 times 1 / 2.
    found = nce_loss(torch.tensor([math.log(2)]), torch.zeros(1), torch.zeros(1, 2), torch.zeros(1, 2))
    assert_close(found.item(), math.log(2) + 2 * math.log(3 / 2))


def test_what_model_and_noise_have_in_common_does_not_matter() -> None:
    data, noise = torch.randn(2, 4, dtype=torch.float64), torch.randn(2, 4, 3, dtype=torch.float64)
    moved = nce_loss(data[0] + 5, data[1] + 5, noise[0] - 7, noise[1] - 7)
    assert_close(moved, nce_loss(data[0], data[1], noise[0], noise[1]))


def test_finds_the_density_and_its_constant() -> None:
    """Of exp(-u^2 / (2 s^2) + c): s = 1 and c = -log sqrt(2 pi), which no line of the loss asks for."""
    noise = Normal(0.0, 2.0)
    data, drawn = torch.randn(20000), noise.sample((20000, 3))
    log_s, c = nn.Parameter(torch.tensor(0.5)), nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.LBFGS([log_s, c], max_iter=50)

    def log_p(u: torch.Tensor) -> torch.Tensor:
        return -((u * torch.exp(-log_s)) ** 2) / 2 + c

    def step() -> float:
        optimizer.zero_grad()
        loss = nce_loss(log_p(data), noise.log_prob(data), log_p(drawn), noise.log_prob(drawn))
        loss.backward()
        return loss.item()

    optimizer.step(step)
    assert_close(log_s.item(), 0.0, rtol=0, atol=0.03)
    assert_close(c.item(), -math.log(math.sqrt(2 * math.pi)), rtol=0, atol=0.03)


@pytest.mark.as_user
@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((4, 1), (4, 1), (4, 2), (4, 2)), r"`data_log_density` must have shape \(N,\)"),
        (
            ((4,), (1,), (4, 2), (4, 2)),
            r"`data_log_noise` must have the shape of `data_log_density`, \(4,\)",
        ),
        (((4,), (4,), (4, 2), (4, 1)), r"`noise_log_noise` must have the shape of `noise_log_density`"),
        (((4,), (4,), (1, 2), (1, 2)), r"`noise_log_density` must have shape \(4, k\).*expand\(4, -1\)"),
        (((4,), (4,), (4, 0), (4, 0)), r"`noise_log_density` must have shape \(4, k\), k >= 1"),
    ],
)
def test_says_what_is_wrong(shapes: tuple[tuple[int, ...], ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nce_loss(*(torch.zeros(shape) for shape in shapes))
