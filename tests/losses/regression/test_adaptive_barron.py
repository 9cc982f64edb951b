"""Barron's adaptive loss: a likelihood that integrates to 1, and a shape that follows the noise."""

import copy
import math
import pickle

import pytest
import torch
from mpmath import besselk, cosh, diff, e, exp, log, mp, mpf, pi, quad, sinh
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call, grad, vmap
from torch.testing import assert_close

from companion.losses import AdaptiveBarronLoss
from companion.losses.regression._barron import log_partition
from tests.losses.own_regression import RESIDUALS, barron
from tests.waiting import NoWaiting

ALPHAS = [0.001, 0.01, 0.3, 1.0, 1.5, 1.9, 1.99, 1.999]


def right_log_partition(alpha: float) -> object:
    """By the quadrature of mpmath, on pieces, with the substitution x = sinh(pi / 2 sinh s) for the tails."""

    def density(s: object) -> object:
        x = pi / 2 * sinh(s)
        return exp(-barron(sinh(x), mpf(alpha))) * pi / 2 * cosh(s) * cosh(x)

    with mp.workdps(20):
        return log(2 * quad(density, [0, 0.25, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.6]))


@pytest.mark.parametrize("alpha", ALPHAS)
def test_log_partition_is_that_of_mpmath(alpha: float) -> None:
    right = float(right_log_partition(alpha))
    tight = alpha < 1.99
    assert log_partition(torch.tensor(alpha, dtype=torch.float64)).item() == pytest.approx(
        right, abs=1e-12 if tight else 1e-9
    )
    assert log_partition(torch.tensor(alpha)).item() == pytest.approx(right, abs=5e-7)


@pytest.mark.parametrize("alpha", [0.01, 0.3, 1.0, 1.9])
def test_slope_of_log_partition_is_that_of_mpmath(alpha: float) -> None:
    learned = torch.tensor(alpha, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(log_partition(learned), learned)
    assert slope.item() == pytest.approx(float(diff(right_log_partition, alpha, h=mpf(10) ** -6)), rel=1e-7)


def test_log_partition_where_it_has_a_name() -> None:
    named = {0.0: math.log(math.pi * math.sqrt(2)), 1.0: float(log(2 * e * besselk(1, 1)))}
    found = log_partition(torch.tensor(list(named), dtype=torch.float64))
    assert_close(found, torch.tensor(list(named.values()), dtype=torch.float64), rtol=0, atol=1e-12)


def test_by_hand() -> None:
    loss = AdaptiveBarronLoss(c=2.0, reduction="none")
    found = loss(torch.tensor([0.0, 6.0]), torch.zeros(2))
    nothing = math.log(2) + 1.18549523
    assert_close(found, torch.tensor([nothing, nothing + math.sqrt(10) - 1]))


@pytest.mark.parametrize(("alpha", "c"), [(0.5, 0.25), (1.0, 1.0), (1.75, 8.0)])
def test_the_density_integrates_to_one(alpha: float, c: float) -> None:
    loss = AdaptiveBarronLoss(alpha=alpha, c=c, reduction="none").double()
    v = torch.linspace(-14, 14, 100_001, dtype=torch.float64)
    x = c * torch.sinh(v)
    with torch.no_grad():
        total = torch.trapezoid(torch.exp(-loss(x, torch.zeros_like(x))), x)
    assert total.item() == pytest.approx(1, abs=1e-5)


def fit(noise: Tensor) -> AdaptiveBarronLoss:
    loss = AdaptiveBarronLoss(features=noise.shape[1])
    optimizer = torch.optim.Adam(loss.parameters(), lr=0.3)
    for _ in range(300):
        optimizer.zero_grad()
        loss(noise, torch.zeros_like(noise)).backward()
        optimizer.step()
    return loss


def test_learns_scale_and_tails_of_each_column() -> None:
    """Gaussian noise of deviation 3; noise whose density is that of alpha = 0, Cauchy of scale sqrt(2) c."""
    uniform = (torch.arange(1000) + 0.5) / 1000
    gaussian = 3 * math.sqrt(2) * torch.erfinv(2 * uniform - 1)
    cauchy = 0.5 * math.sqrt(2) * torch.tan(math.pi * (uniform - 0.5))
    loss = fit(torch.stack([gaussian, cauchy], dim=1))
    assert loss.alpha[0] > 1.85
    assert loss.c[0].item() == pytest.approx(3, rel=0.1)
    assert loss.alpha[1] < 0.1
    assert loss.c[1].item() == pytest.approx(0.5, rel=0.05)


def test_outliers_pull_less_once_it_has_seen_them() -> None:
    clean = torch.linspace(-1, 1, 96)
    noise = torch.cat([clean, torch.tensor([50.0, -40.0, 60.0, 70.0])]).unsqueeze(1)
    assert fit(noise).alpha < 0.5 < 1.5 < fit(clean.unsqueeze(1)).alpha


def test_columns_are_each_their_own() -> None:
    both = AdaptiveBarronLoss(features=2, reduction="none")
    with torch.no_grad():
        both.latent_alpha.copy_(torch.tensor([-1.0, 2.0]))
        both.latent_c.copy_(torch.tensor([0.5, -0.5]))
    x, y = torch.randn(7, 2), torch.randn(7, 2)
    found = both(x, y)
    for k in range(2):
        one = AdaptiveBarronLoss(alpha=both.alpha[k].item(), c=both.c[k].item(), reduction="none")
        assert_close(found[:, k], one(x[:, k], y[:, k]))


@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize("features", [None, 2])
def test_derivatives(features: int | None) -> None:
    loss = AdaptiveBarronLoss(features).double()
    x, y = torch.randn(3, 2, dtype=torch.float64, requires_grad=True), torch.randn(3, 2, dtype=torch.float64)
    shape = () if features is None else (features,)
    state = [torch.full(shape, v, dtype=torch.float64, requires_grad=True) for v in (0.5, -0.25)]

    def call(x: Tensor, a: Tensor, c: Tensor) -> Tensor:
        return functional_call(loss, {"latent_alpha": a, "latent_c": c}, (x, y))

    assert gradcheck(call, (x, *state), check_forward_ad=True)
    assert gradgradcheck(call, (x, *state))


@pytest.mark.parametrize("alpha", [0.0011, 0.5, 1.0, 1.998])
@pytest.mark.parametrize("c", [1e-4, 1.0, 100.0])
def test_finite_and_exact_far_out(alpha: float, c: float) -> None:
    r = torch.tensor(RESIDUALS)
    found = []
    for dtype in (torch.float32, torch.float64):
        loss = AdaptiveBarronLoss(alpha=alpha, c=c, reduction="none").to(dtype)
        x = r.to(dtype).requires_grad_()
        value = loss(x, torch.zeros_like(x))
        (slope,) = torch.autograd.grad(value.sum(), x, create_graph=True)
        along = (slope * torch.randn_like(slope)).sum()
        moments = torch.autograd.grad(along, [x, *loss.parameters()], retain_graph=True)
        assert all(m.isfinite().all() for m in moments)
        value.sum().backward()
        assert all(p.grad.isfinite() for p in loss.parameters())
        found.append((value.detach().double(), slope.detach().double()))
    assert_close(found[0][0], found[1][0], rtol=1e-5, atol=2e-6)  # log c and log Z are added to terms near 0
    assert_close(found[0][1], found[1][1], rtol=1e-5, atol=1e-37)


def test_reductions_and_weights() -> None:
    x, y, w = torch.randn(4, 3), torch.randn(4, 3), torch.tensor([1.0, 0.0, 2.0, 0.5])
    none = AdaptiveBarronLoss(reduction="none")(x, y)
    assert none.shape == (4, 3)
    assert_close(AdaptiveBarronLoss()(x, y), none.mean())
    assert_close(AdaptiveBarronLoss(reduction="sum")(x, y), none.sum())
    assert_close(AdaptiveBarronLoss()(x, y, sample_weight=w), (none.mean(1) * w).sum() / w.sum())
    assert AdaptiveBarronLoss()(x[:0], y[:0]) == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_is_computed_in_single_precision(dtype: torch.dtype) -> None:
    x, y = torch.randn(4, 3).to(dtype), torch.randn(4, 3).to(dtype)
    found = AdaptiveBarronLoss().to(dtype)(x, y)
    assert found.dtype == torch.float32
    assert_close(found, AdaptiveBarronLoss()(x.float(), y.float()), rtol=1e-2, atol=0)
    assert AdaptiveBarronLoss().double()(x.double(), y).dtype == torch.float64


def test_state_is_saved_and_copied() -> None:
    loss = AdaptiveBarronLoss(features=3, alpha=0.5, c=2.0)
    assert list(loss.state_dict()) == ["latent_alpha", "latent_c"]
    assert_close(loss.alpha, torch.full((3,), 0.5))
    assert_close(loss.c, torch.full((3,), 2.0))
    other = AdaptiveBarronLoss(features=3)
    other.load_state_dict(loss.state_dict())
    x, y = torch.randn(4, 3), torch.randn(4, 3)
    for again in (other, copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert_close(again(x, y), loss(x, y), rtol=0, atol=0)
    assert repr(loss) == "AdaptiveBarronLoss(features=3, reduction='mean')"


def test_nothing_waits_and_all_stays_on_the_device() -> None:
    loss, x = AdaptiveBarronLoss(), torch.randn(4, 3, requires_grad=True)
    with NoWaiting():
        loss(x, torch.zeros(4, 3)).backward()
    moved = loss.to("meta")(x.to("meta"), torch.zeros(4, 3, device="meta"))
    assert moved.device.type == "meta"


@pytest.mark.as_user
@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")
def test_compiles_exports_and_stacks() -> None:
    loss, x, y = AdaptiveBarronLoss(features=3), torch.randn(2, 5, 3), torch.randn(2, 5, 3)
    compiled = torch.compile(loss, fullgraph=True, dynamic=True, backend="aot_eager")
    assert_close(compiled(x[0], y[0]), loss(x[0], y[0]))
    program = torch.export.export(loss, (x[0], y[0]))
    assert_close(program.module()(x[0], y[0]), loss(x[0], y[0]))
    state = {name: torch.stack([p.detach(), p.detach() + 1]) for name, p in loss.named_parameters()}

    def call(state: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return functional_call(loss, state, (x, y))

    alone = [call({name: p[k] for name, p in state.items()}, x[k], y[k]) for k in range(2)]
    assert_close(vmap(call)(state, x, y), torch.stack(alone))
    assert vmap(grad(call))(state, x, y)["latent_c"].shape == (2, 3)


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    loss = AdaptiveBarronLoss(features=3)
    with pytest.raises(ValueError, match=r"`input` must have 3 columns, the `features` .*, got shape \(4, 2\)"):
        loss(torch.zeros(4, 2), torch.zeros(4, 2))
    with pytest.raises(ValueError, match=r"`target` must have the shape of `input`, \(4, 3\), got \(4,\)"):
        loss(torch.zeros(4, 3), torch.zeros(4))
    with pytest.raises(ValueError, match=r"`alpha` must be above 0.001 and below 1.999, got 2.0"):
        AdaptiveBarronLoss(alpha=2.0)
    with pytest.raises(ValueError, match=r"`c` must be above 1e-05, got 0.0"):
        AdaptiveBarronLoss(c=0.0)
    with pytest.raises(ValueError, match=r"`features` must be at least 1, got 0"):
        AdaptiveBarronLoss(0)
    assert isinstance(AdaptiveBarronLoss(), nn.Module)
