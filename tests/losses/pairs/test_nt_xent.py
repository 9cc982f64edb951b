"""NT-Xent by hand, beside cross entropy, at low temperature, and in chunks."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from companion.losses import nt_xent_loss, supervised_contrastive_loss
from tests.losses.pairs.chunks import agree_in_chunks, peak_memory

DRAW = torch.Generator().manual_seed(0)
Z1, Z2 = torch.randn(2, 12, 5, generator=DRAW, dtype=torch.float64)


def test_by_hand() -> None:
    # Two examples, both views of each equal, at right angles to the other: -log(e^1 / (e^1 + 2 e^0)) at T = 1.
    z = torch.tensor([[3.0, 0.0], [0.0, 0.1]])
    assert_close(nt_xent_loss(z, 2 * z, temperature=1.0).item(), math.log(1 + 2 / math.e))


def test_is_cross_entropy_over_the_other_views() -> None:
    z = F.normalize(torch.cat([Z1, Z2]))
    logits = (z @ z.T / 0.2).fill_diagonal_(-math.inf)
    slowly = F.cross_entropy(logits, torch.arange(24).roll(12), reduction="none")
    found = nt_xent_loss(Z1, Z2, temperature=0.2, reduction="none")
    assert_close(found, slowly.view(2, 12).T)


def test_is_supervised_contrastive_of_pairs() -> None:
    labels = torch.arange(12).repeat(2)
    assert_close(nt_xent_loss(Z1, Z2), supervised_contrastive_loss(torch.cat([Z1, Z2]), labels))


def test_views_and_lengths_may_change_places() -> None:
    assert_close(nt_xent_loss(Z1, Z2), nt_xent_loss(7 * Z2, Z1 / 3))
    order = torch.randperm(12)
    assert_close(nt_xent_loss(Z1, Z2, reduction="none")[order], nt_xent_loss(Z1[order], Z2[order], reduction="none"))


@pytest.mark.parametrize("temperature", [0.01, 0.1, 1.0])
def test_of_equal_views_is_the_log_of_the_others(temperature: float) -> None:
    z = torch.ones(4, 3, requires_grad=True)
    loss = nt_xent_loss(z, z, temperature=temperature)
    (gradient,) = torch.autograd.grad(loss, z)
    assert_close(loss.item(), math.log(7))
    assert_close(gradient, torch.zeros(4, 3), rtol=0, atol=1e-5)


def test_a_high_temperature_makes_all_alike() -> None:
    assert_close(nt_xent_loss(Z1, Z2, temperature=1e9).item(), math.log(23))


def test_a_low_temperature_is_a_hinge_of_cosines() -> None:
    z = F.normalize(torch.cat([Z1, Z2]))
    s = (z @ z.T).fill_diagonal_(-math.inf)
    positive = s.diagonal(offset=12).repeat(2)
    hinge = (s.amax(dim=1) - positive).clamp_min(0)
    found = 1e-4 * nt_xent_loss(Z1, Z2, temperature=1e-4, reduction="none").T.flatten()
    assert_close(found, hinge, rtol=0, atol=1e-3)


def test_nothing_is_cut_off_at_low_temperature() -> None:
    # Opposite views at T = 0.01: log of (2 e^0 + e^-100) e^100, of which exp(-100) is 0 beside exp(100) in float32.
    z = torch.tensor([[1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    loss = nt_xent_loss(z, -z, temperature=0.01, reduction="none")
    assert_close(loss, torch.full((2, 2), 100 + math.log(2)))
    # Equal views: log(1 + 2 e^-100), which is 0 as a difference of logarithms; 2 e^-87 still is a float32.
    assert_close(nt_xent_loss(z, z, temperature=1 / 87).item(), 2 * math.exp(-87), rtol=1e-4, atol=0)
    assert nt_xent_loss(z, z + torch.tensor([[0.0, 1e-3], [1e-3, 0.0]]), temperature=0.02) > 0


@pytest.mark.parametrize("temperature", [0.01, 0.02, 0.1, 0.5])
def test_float32_is_close_to_float64(temperature: float) -> None:
    draw = torch.Generator().manual_seed(1)
    z1 = torch.randn(128, 64, generator=draw)
    z2 = z1 + torch.randn(128, 64, generator=draw)

    def both(z1: Tensor, z2: Tensor) -> tuple[Tensor, Tensor]:
        z1 = z1.clone().requires_grad_()
        loss = nt_xent_loss(z1, z2, temperature=temperature)
        return loss.detach().double(), torch.autograd.grad(loss, z1)[0].double()

    (loss, gradient), (right, slope) = both(z1, z2), both(z1.double(), z2.double())
    assert_close(loss, right, rtol=1e-5, atol=0)
    assert (gradient - slope).norm() < 1e-5 * slope.norm()


def test_views_of_zeros_have_no_direction() -> None:
    z = torch.tensor([[0.0, 0.0], [1.0, 0.0]], requires_grad=True)
    loss = nt_xent_loss(z, z + 0.0, temperature=1.0, reduction="none")
    (gradient,) = torch.autograd.grad(loss.sum(), z)
    assert_close(loss[0], torch.full((2,), math.log(3)))  # all its cosines are 0
    assert gradient.isfinite().all()
    assert (gradient[0] == 0).all()


@pytest.mark.parametrize("chunk_size", [1, 5, 24, 100])
def test_chunks_change_nothing(chunk_size: int) -> None:
    agree_in_chunks(lambda z, size: nt_xent_loss(z, Z2, temperature=0.2, chunk_size=size), Z1, chunk_size)


def test_chunks_need_memory_for_one_of_them() -> None:
    z1, z2 = torch.randn(2, 512, 8)
    whole, some = (peak_memory(lambda z, size=size: nt_xent_loss(z, z2, chunk_size=size), z1) for size in (None, 64))
    assert whole > 2 * 1024**2 * 4  # the logits and their gradient
    assert some < 0.6 * 1024**2 * 4


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    with pytest.raises(ValueError, match=r"`z2` must have the shape of `z1`, \(12, 5\), got \(12, 4\). Row i of both"):
        nt_xent_loss(Z1, Z2[:, :4])
    with pytest.raises(ValueError, match=r"`temperature` must be above 0.0, got 0.0"):
        nt_xent_loss(Z1, Z2, temperature=0.0)
    with pytest.raises(TypeError, match="`chunk_size` must be an int, got float"):
        nt_xent_loss(Z1, Z2, chunk_size=1.5)
    with pytest.raises(ValueError, match="`chunk_size` must be at least 1, got 0"):
        nt_xent_loss(Z1, Z2, chunk_size=0)
    with pytest.raises(ValueError, match=r"`sample_weight` must have shape \(12, 2\)"):
        nt_xent_loss(Z1, Z2, sample_weight=torch.ones(24))
