"""The bound: by hand, sums and means, free bits, and that it bounds."""

import math

import pytest
import torch
from torch.distributions import Normal
from torch.testing import assert_close

from companion.losses import elbo_loss, gaussian_kl

ERROR = torch.tensor([3.0, 4.0])
MEAN, LOG_VAR = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.zeros(2, 2)


def test_by_hand() -> None:
    assert_close(elbo_loss(ERROR, MEAN, LOG_VAR, reduction="none"), torch.tensor([3.5, 6.0]))
    assert_close(elbo_loss(ERROR, MEAN, LOG_VAR, beta=4.0), torch.tensor(8.5))


def test_latents_are_summed_and_rows_averaged() -> None:
    twice = elbo_loss(0 * ERROR, MEAN.repeat(1, 2), LOG_VAR.repeat(1, 2))
    assert_close(twice, 2 * elbo_loss(0 * ERROR, MEAN, LOG_VAR))
    more = elbo_loss(ERROR.repeat(3), MEAN.repeat(3, 1), LOG_VAR.repeat(3, 1))
    assert_close(more, elbo_loss(ERROR, MEAN, LOG_VAR))


def test_without_beta_it_is_the_reconstruction() -> None:
    assert_close(elbo_loss(ERROR, MEAN, LOG_VAR, beta=0.0), ERROR.mean())


def test_the_bound_is_tight_for_the_true_posterior() -> None:
    """x = z + noise with z and noise standard normal: log p(x) is that of N(0, 2), the posterior N(x / 2, 1 / 2)."""
    x = torch.tensor([[0.3], [-2.0], [5.0]], dtype=torch.float64)

    def bound(mean: torch.Tensor, variance: float) -> torch.Tensor:
        error = ((x - mean).square() + variance + math.log(2 * math.pi)) / 2  # expected, in closed form
        return elbo_loss(error.squeeze(1), mean, torch.full_like(mean, math.log(variance)), reduction="none")

    exact = -Normal(torch.zeros(()).double(), math.sqrt(2)).log_prob(x).squeeze(1)
    assert_close(bound(x / 2, 0.5), exact)
    assert (bound(x / 3, 0.5) > exact).all()
    assert (bound(x / 2, 0.7) > exact).all()


def test_free_bits_are_of_the_mean_over_the_batch() -> None:
    # Divergences of the two latents: (0.5, 0) and (0, 2), means 0.25 and 1: only the first is below 0.5.
    mean = MEAN.clone().requires_grad_()
    loss = elbo_loss(ERROR, mean, LOG_VAR, free_bits=0.5)
    assert_close(loss.detach(), 3.5 + 0.5 + torch.tensor(1.0))
    (slope,) = torch.autograd.grad(loss, mean)
    assert_close(slope, torch.tensor([[0.0, 0.0], [0.0, 1.0]]))


def test_rows_of_weight_zero_have_no_say_in_free_bits() -> None:
    weight = torch.tensor([1.0, 0.0])
    both = elbo_loss(ERROR, MEAN, LOG_VAR, free_bits=0.4, sample_weight=weight)
    assert_close(both, elbo_loss(ERROR[:1], MEAN[:1], LOG_VAR[:1], free_bits=0.4))


def test_is_the_divergence_plus_the_error() -> None:
    draw = torch.Generator().manual_seed(0)
    mean, log_var = (torch.randn(4, 2, 3, generator=draw) for _ in range(2))
    error = torch.rand(4, generator=draw)
    assert_close(elbo_loss(error, mean, log_var, reduction="none"), error + gaussian_kl(mean, log_var))


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"`reconstruction` must have shape \(2,\), one number per row, got \(2, 784\).*Sum"
    ):
        elbo_loss(torch.zeros(2, 784), MEAN, LOG_VAR)
    with pytest.raises(ValueError, match=r"`reconstruction` must have shape \(2,\).*got \(\).*Do not average"):
        elbo_loss(ERROR.mean(), MEAN, LOG_VAR)
    with pytest.raises(ValueError, match=r"`free_bits` must be at least 0.0, got -1.0"):
        elbo_loss(ERROR, MEAN, LOG_VAR, free_bits=-1.0)
