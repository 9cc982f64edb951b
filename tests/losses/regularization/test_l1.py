"""L1: which parameters it counts, exact zeros by the proximal step and none without it, and what is wrong is named."""

import pytest
import torch
from sklearn.linear_model import Lasso
from torch import nn
from torch.nn.utils import parametrize
from torch.testing import assert_close

from companion.losses import l1_penalty, proximal_l1_


def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.LayerNorm(8), nn.LSTM(8, 3), nn.Linear(8, 2)
    )


def test_by_hand() -> None:
    assert_close(l1_penalty([torch.tensor([[3.0, -4.0]]), torch.tensor(1.0)]), torch.tensor(8.0))


def test_a_module_counts_neither_biases_nor_norms() -> None:
    net = model()
    conv, lstm, linear = net[0], net[4], net[5]
    weights = [conv.weight, lstm.weight_ih_l0, lstm.weight_hh_l0, linear.weight]
    assert_close(l1_penalty(net), sum(w.abs().sum() for w in weights))
    assert_close(l1_penalty(net.parameters()), sum(p.abs().sum() for p in net.parameters()))


@pytest.mark.parametrize(
    "norm", [nn.BatchNorm1d, nn.InstanceNorm1d, nn.LayerNorm, nn.RMSNorm], ids=lambda n: n.__name__
)
def test_norms_of_every_kind_are_left_out(norm: type[nn.Module]) -> None:
    layer = norm(4, affine=True) if norm is nn.InstanceNorm1d else norm(4)
    assert len(list(layer.parameters())) > 0
    assert_close(l1_penalty(layer), torch.tensor(0.0))
    assert_close(l1_penalty(nn.GroupNorm(2, 4)), torch.tensor(0.0))


@pytest.mark.parametrize(
    ("layer", "name"), [(nn.Linear(4, 3), "bias"), (nn.LayerNorm(4), "weight")], ids=["bias", "norm"]
)
def test_what_is_left_out_may_be_parametrised(layer: nn.Module, name: str) -> None:
    net = nn.Sequential(layer)
    before = l1_penalty(net)
    parametrize.register_parametrization(layer, name, nn.Identity())
    assert_close(l1_penalty(net), before)


def test_what_is_frozen_neither_counts_nor_moves() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
    net[0].requires_grad_(False)
    frozen, learning = net[0].weight.clone(), net[1].weight.abs().sum()
    assert_close(l1_penalty(net), learning)
    proximal_l1_(net, 0.05)
    assert torch.equal(net[0].weight, frozen)
    assert net[1].weight.abs().sum() < learning
    proximal_l1_([net[0].weight], 0.05)
    assert not torch.equal(net[0].weight, frozen)


def test_a_shared_weight_counts_once() -> None:
    one, other = nn.Linear(3, 3), nn.Linear(3, 3)
    other.weight = one.weight
    assert_close(l1_penalty(nn.Sequential(one, other)), one.weight.abs().sum())


def test_slope_is_the_sign_and_zero_at_zero() -> None:
    weight = torch.tensor([2.0, 0.0, -1e4], requires_grad=True)
    l1_penalty([weight]).backward()
    assert_close(weight.grad, torch.tensor([1.0, 0.0, -1.0]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_is_added_up_in_single_precision(dtype: torch.dtype) -> None:
    weight = torch.full((70000,), 1.0, dtype=dtype)  # more than float16 can hold
    assert_close(l1_penalty([weight]), torch.tensor(70000.0))


def test_double_is_kept() -> None:
    assert l1_penalty(model().double()).dtype == torch.float64


@pytest.mark.as_user
@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")
def test_functions_of_parameters_and_compiled_code_see_the_same() -> None:
    net = nn.Linear(3, 2)
    parameters = dict(net.named_parameters())
    gradient = torch.func.grad(lambda p: l1_penalty(p.values()))(parameters)
    assert_close(gradient["weight"], net.weight.sign().detach())
    compiled = torch.compile(l1_penalty, fullgraph=True, backend="aot_eager")
    assert_close(compiled([net.weight]), l1_penalty([net.weight]))


def test_the_proximal_step_stops_at_exactly_zero() -> None:
    weight = nn.Parameter(torch.tensor([0.25, -0.05, 0.1, -2.0]))
    assert proximal_l1_([weight], 0.1) is None
    assert_close(weight.data, torch.tensor([0.15, 0.0, 0.0, -1.9]))
    assert (weight == 0).tolist() == [False, True, True, False]


def test_the_proximal_step_minimises_its_definition() -> None:
    v = torch.linspace(-1, 1, 21, dtype=torch.float64)
    weight = v.clone()
    proximal_l1_([weight], 0.3)
    grid = torch.linspace(-1, 1, 2001, dtype=torch.float64).view(-1, 1)
    best = grid[((grid - v).square() / 2 + 0.3 * grid.abs()).argmin(dim=0), 0]
    assert_close(weight, best, rtol=0, atol=1e-9)


def test_the_proximal_step_leaves_biases_and_norms_of_a_module_alone() -> None:
    net = model()
    before = {name: p.clone() for name, p in net.named_parameters()}
    proximal_l1_(net, 1e3)
    for name, p in net.named_parameters():
        kept = name.startswith(("1.", "3.")) or "bias" in name
        assert_close(p, before[name] if kept else torch.zeros_like(p))


def descend(proximal: bool, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    weight = torch.zeros(x.shape[1], requires_grad=True, dtype=x.dtype)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    for _ in range(2000):
        loss = (x @ weight - y).square().mean() / 2
        loss = loss if proximal else loss + 0.1 * l1_penalty([weight])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if proximal:
            proximal_l1_([weight], 0.1 * 0.1)
    return weight.detach()


def test_it_finds_the_lasso_where_descent_finds_no_zero() -> None:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(100, 10, generator=draw, dtype=torch.float64)
    y = x[:, :2] @ torch.tensor([1.0, -2.0], dtype=torch.float64) + torch.randn(100, generator=draw)
    lasso = torch.from_numpy(Lasso(alpha=0.1, fit_intercept=False, tol=1e-12).fit(x.numpy(), y.numpy()).coef_)
    found = descend(True, x, y)
    assert_close(found, lasso, rtol=1e-6, atol=1e-9)
    assert ((found == 0) == (lasso == 0)).all()
    assert (lasso == 0).sum() > 3
    assert (descend(False, x, y) != 0).all()


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    net = nn.Linear(2, 1)
    with pytest.raises(
        TypeError, match=r"`params` must be a Module or an iterable of tensors, got Tensor.*`\[params\]`"
    ):
        l1_penalty(torch.ones(3))
    with pytest.raises(TypeError, match=r"`params` must be a Module or an iterable of tensors, got int"):
        l1_penalty(3)
    with pytest.raises(TypeError, match=r"`params` must hold tensors, got str.*`params.values\(\)`"):
        l1_penalty(net.state_dict())
    with pytest.raises(TypeError, match=r"`params` must hold tensors, got tuple.*`parameters\(\)`"):
        l1_penalty(net.named_parameters())
    with pytest.raises(TypeError, match=r"`params` must hold floating point tensors, got dtype torch.int64"):
        l1_penalty([torch.arange(3)])
    used = net.parameters()
    list(used)
    with pytest.raises(ValueError, match=r"`params` must hold at least one tensor.*An iterator"):
        l1_penalty(used)
    with pytest.raises(ValueError, match=r"`threshold` must be at least 0.0, got -1.0"):
        proximal_l1_(net, -1.0)
    with pytest.raises(TypeError, match=r"`threshold` must be a number, got str"):
        proximal_l1_(net, "0.1")
