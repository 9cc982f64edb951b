"""Gradient penalty: by hand, one alpha per row, a second backward pass, flat critics, and what is wrong is named."""

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from companion.losses import cross_entropy, gradient_penalty


def steep(x: Tensor) -> Tensor:
    """A slope of 5 everywhere."""
    return 3 * x[:, 0] + 4 * x[:, 1]


def test_by_hand() -> None:
    x = torch.randn(6, 2)
    assert_close(gradient_penalty(steep, x), torch.tensor(16.0))
    assert_close(gradient_penalty(steep, x, x + 1, target=2.0), torch.tensor(9.0))
    assert_close(gradient_penalty(steep, x, target=0.0), torch.tensor(25.0))


def test_the_norm_is_over_all_of_a_row() -> None:
    # 1 for each of 12 pixels: a norm of sqrt(12) per image; over the channels alone it would be sqrt(3).
    found = gradient_penalty(lambda x: x.sum(dim=(1, 2, 3)), torch.randn(5, 3, 2, 2), reduction="none")
    assert_close(found, torch.full((5,), (12**0.5 - 1) ** 2))


def test_one_sided_leaves_gentle_slopes_alone() -> None:
    x = torch.randn(3, 2)
    assert_close(gradient_penalty(lambda v: steep(v) / 10, x, one_sided=True), torch.tensor(0.0))
    assert_close(gradient_penalty(lambda v: steep(v) / 10, x), torch.tensor(0.25))
    assert_close(gradient_penalty(steep, x, one_sided=True), torch.tensor(16.0))


def test_points_lie_between_with_one_alpha_per_row() -> None:
    seen: list[Tensor] = []

    def critic(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.sum(dim=(1, 2, 3))

    real, fake = torch.ones(500, 2, 2, 2), torch.zeros(500, 2, 2, 2)
    gradient_penalty(critic, real, fake, generator=torch.Generator().manual_seed(0))
    gradient_penalty(critic, real, fake, generator=torch.Generator().manual_seed(0))
    alpha = seen[0].flatten(1)
    assert (alpha == alpha[:, :1]).all()
    assert alpha.min() >= 0
    assert alpha.max() <= 1
    assert_close(alpha.mean().item(), 0.5, rtol=0, atol=0.05)
    assert_close(alpha.var().item(), 1 / 12, rtol=0, atol=0.02)
    assert torch.equal(seen[0], seen[1])


def test_the_parameters_get_the_gradient_of_the_penalty() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    x = torch.randn(5, 3, dtype=torch.float64)
    names, values = zip(*net.named_parameters(), strict=True)

    def penalty(*parameters: Tensor) -> Tensor:
        weights = dict(zip(names, parameters, strict=True))
        return gradient_penalty(lambda v: torch.func.functional_call(net, weights, (v,)), x)

    leaves = [v.detach().clone().requires_grad_() for v in values]
    assert torch.autograd.gradcheck(penalty, leaves)

    def by_hand(weights: dict[str, Tensor]) -> Tensor:
        slope = torch.func.vmap(torch.func.grad(lambda v: torch.func.functional_call(net, weights, (v,)).sum()))(x)
        return (slope.norm(dim=1) - 1).square().mean()

    assert_close(penalty(*leaves), by_hand(dict(zip(names, leaves, strict=True))))


def test_nothing_flows_to_who_made_the_points() -> None:
    made = torch.randn(4, 2, requires_grad=True)
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    gradient_penalty(net, torch.randn(4, 2), made * 2).backward()
    assert made.grad is None
    assert net[0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_a_flat_critic_has_no_infinite_slope(target: float) -> None:
    net = nn.Linear(3, 1)
    nn.init.zeros_(net.weight)
    value = gradient_penalty(net, torch.randn(4, 3), target=target)
    value.backward()
    assert_close(value.detach(), torch.tensor(target**2))
    assert_close(net.weight.grad, torch.zeros(1, 3))


def test_a_critic_that_ignores_its_input_is_flat() -> None:
    bias = torch.ones(4, requires_grad=True)
    assert_close(gradient_penalty(lambda x: bias * 2, torch.randn(4, 3)), torch.tensor(1.0))


def test_finite_far_out() -> None:
    scale = torch.tensor(1e4, requires_grad=True)
    value = gradient_penalty(lambda x: scale * x.sum(dim=1), torch.randn(4, 9))
    value.backward()
    assert_close(value.detach(), torch.tensor((3e4 - 1) ** 2))
    assert_close(scale.grad, torch.tensor(2 * (3e4 - 1) * 3))


def test_there_is_a_value_without_gradients() -> None:
    with torch.no_grad():
        value = gradient_penalty(steep, torch.randn(4, 2))
    assert_close(value, torch.tensor(16.0))
    assert not value.requires_grad


def test_a_classifier_by_its_loss_per_row() -> None:
    torch.manual_seed(0)
    net, x, target = nn.Linear(3, 2), torch.randn(4, 3), torch.tensor([0, 1, 1, 0])
    found = gradient_penalty(lambda v: cross_entropy(net(v), target, reduction="none"), x, target=0.0, reduction="none")
    wrong = net(x).softmax(dim=1)[torch.arange(4), 1 - target]
    gap = (net.weight[0] - net.weight[1]).norm()
    assert_close(found, (wrong * gap).square())


def test_reductions_and_no_rows() -> None:
    x = torch.randn(4, 2)
    assert_close(gradient_penalty(steep, x, reduction="sum"), torch.tensor(64.0))
    assert_close(gradient_penalty(steep, torch.zeros(0, 2)), torch.tensor(0.0))


@pytest.mark.as_user
@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")
def test_transforms_and_compiled_code_see_the_same() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    x, weights = torch.randn(2, 5, 3), dict(net.named_parameters())

    def penalty(parameters: dict[str, Tensor], points: Tensor) -> Tensor:
        return gradient_penalty(lambda v: torch.func.functional_call(net, parameters, (v,)), points)

    eager = gradient_penalty(net, x[0])
    (right,) = torch.autograd.grad(eager, net[0].weight)
    assert_close(torch.func.grad(penalty)(weights, x[0])["0.weight"], right)
    assert_close(torch.vmap(lambda v: gradient_penalty(net, v))(x)[0], eager)
    compiled = torch.compile(lambda v: gradient_penalty(net, v), fullgraph=True, backend="aot_eager")(x[0])
    assert_close(compiled, eager)
    assert_close(torch.autograd.grad(compiled, net[0].weight), (right,))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64], ids=str)
def test_precision(dtype: torch.dtype) -> None:
    found = gradient_penalty(steep, torch.randn(4, 2).to(dtype), torch.randn(4, 2).to(dtype))
    assert_close(found, torch.tensor(16.0, dtype=torch.promote_types(dtype, torch.float32)))


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    x = torch.randn(4, 2)
    with pytest.raises(ValueError, match=r"`fake` must have the shape of `real`, \(4, 2\), got \(4, 1\)"):
        gradient_penalty(steep, x, x[:, :1])
    with pytest.raises(ValueError, match=r"`critic` must give one number per row, 4 in all, got shape \(4, 2\)"):
        gradient_penalty(lambda v: v * 1, x)
    with pytest.raises(TypeError, match=r"`critic` must give a tensor, got tuple.*`lambda x: critic\(x\)\[0\]`"):
        gradient_penalty(lambda v: (steep(v), None), x)
    with pytest.raises(ValueError, match=r"`critic` must keep the graph of its input.*`.detach\(\)`"):
        gradient_penalty(lambda v: steep(v).detach(), x)
    with pytest.raises(ValueError, match=r"`real` must have shape \(N, \*\), one row per example, got \(4,\)"):
        gradient_penalty(torch.sin, x[:, 0])
    with pytest.raises(TypeError, match=r"`real` must be floating point, got dtype torch.int64"):
        gradient_penalty(steep, x.long())
    with pytest.raises(ValueError, match=r"`target` must be at least 0.0, got -1.0"):
        gradient_penalty(steep, x, target=-1.0)
    with pytest.raises(TypeError, match=r"`one_sided` must be True or False, got 1"):
        gradient_penalty(steep, x, one_sided=1)


@pytest.mark.as_user
def test_a_seed_is_no_source_of_random_numbers() -> None:
    with pytest.raises(TypeError, match=r"`generator` must be a torch\.Generator or None, got int"):
        gradient_penalty(nn.Linear(2, 1), torch.zeros(3, 2), torch.ones(3, 2), generator=0)
