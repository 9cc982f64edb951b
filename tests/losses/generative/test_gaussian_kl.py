"""Divergence of a Gaussian code: torch's own, near and far from the prior, and its contract."""

import pytest
import torch
from mpmath import exp, mp, mpf
from torch.distributions import Normal, kl_divergence
from torch.testing import assert_close

from companion.losses import gaussian_kl

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")


def codes(rows: int = 4, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(rows, 3, generator=draw, dtype=torch.float64) for _ in range(2))


def test_by_hand() -> None:
    # (1 + 2^2) / 2; and (e - 1 - 1) / 2 for a variance of e
    assert_close(gaussian_kl(torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2)), torch.tensor([2.5]))
    assert_close(gaussian_kl(torch.zeros(1, 1), torch.ones(1, 1)), torch.tensor([(torch.e - 2) / 2]))


def test_is_the_divergence_of_torch() -> None:
    mean, log_var = codes()
    right = kl_divergence(Normal(mean, (log_var / 2).exp()), Normal(torch.zeros(()).double(), 1.0)).sum(dim=1)
    assert_close(gaussian_kl(mean, log_var), right)
    assert_close(gaussian_kl(mean.view(4, 3, 1), log_var.view(4, 3, 1)), right)


@pytest.mark.parametrize("s", [1e-6, -1e-3, 0.1, -0.49, 0.51, 3.0, -30.0, 19.0])
def test_single_precision_keeps_its_digits(s: float) -> None:
    """Near the prior exp(s) - 1 - s is s^2 / 2, of which expm1(s) - s in float32 keeps nothing."""
    log_var = torch.tensor([[s]], requires_grad=True)
    value = gaussian_kl(torch.zeros(1, 1), log_var)
    (slope,) = torch.autograd.grad(value, log_var)
    with mp.workdps(50):
        exact = mpf(log_var.item())
        assert_close(value.item(), float((exp(exact) - 1 - exact) / 2), rtol=1e-6, atol=0)
        assert_close(slope.item(), float((exp(exact) - 1) / 2), rtol=1e-6, atol=0)


def test_linear_beyond_the_cap() -> None:
    log_var = torch.tensor([[20.0], [21.0], [22.0], [1e4]], requires_grad=True)
    value = gaussian_kl(torch.zeros(4, 1), log_var)
    (slope,) = torch.autograd.grad(value.sum(), log_var)
    assert_close(value[1] - value[0], value[2] - value[1])
    assert_close(slope, torch.full_like(slope, (torch.e**20 - 1) / 2))
    assert value.isfinite().all()


def test_derivatives() -> None:
    data = tuple(v.requires_grad_() for v in codes())
    assert torch.autograd.gradcheck(gaussian_kl, data, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(gaussian_kl, data)


@pytest.mark.as_user
def test_transforms_see_the_same() -> None:
    pairs = [codes(seed=seed) for seed in range(3)]
    stacked = [torch.stack(v) for v in zip(*pairs, strict=True)]
    assert_close(torch.vmap(gaussian_kl)(*stacked), torch.stack([gaussian_kl(*pair) for pair in pairs]))
    compiled = torch.compile(gaussian_kl, fullgraph=True, dynamic=True, backend="aot_eager")
    for rows in (5, 7):
        assert_close(compiled(*codes(rows)), gaussian_kl(*codes(rows)))
    assert gaussian_kl(*(v.to("meta") for v in codes())).shape == (4,)


def test_precision() -> None:
    mean, log_var = codes()
    half = gaussian_kl(mean.half(), log_var.half())
    assert half.dtype == torch.float32
    assert_close(half, gaussian_kl(mean.half().float(), log_var.half().float()))
    assert gaussian_kl(mean, log_var).dtype == torch.float64


def test_no_rows_have_no_divergence() -> None:
    assert gaussian_kl(torch.zeros(0, 3), torch.zeros(0, 3)).shape == (0,)


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    mean, log_var = codes()
    with pytest.raises(ValueError, match=r"`log_var` must have the shape of `mean`, \(4, 3\), got \(4, 1\)"):
        gaussian_kl(mean, log_var[:, :1])
    with pytest.raises(
        ValueError, match=r"`mean` must have shape \(N, \*\), one code per row, got \(4,\).*unsqueeze\(1\)"
    ):
        gaussian_kl(mean[:, 0], log_var[:, 0])
    with pytest.raises(TypeError, match=r"`log_var` must be a tensor, got float"):
        gaussian_kl(mean, 1.0)
