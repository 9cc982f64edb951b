"""L2: the value, and that it is weight decay under SGD and under nothing else."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from companion.losses import l2_penalty

X = torch.randn(32, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = X.sum(dim=1, keepdim=True).tanh()


def test_by_hand() -> None:
    weight = torch.tensor([3.0, -4.0], requires_grad=True)
    value = l2_penalty([weight])
    value.backward()
    assert_close(value, torch.tensor(25.0))
    assert_close(weight.grad, torch.tensor([6.0, -8.0]))


def test_a_module_counts_neither_biases_nor_norms() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    assert_close(l2_penalty(net), net[0].weight.square().sum() + net[2].weight.square().sum())


def test_a_module_without_weights_costs_nothing() -> None:
    assert_close(l2_penalty(nn.BatchNorm1d(3)), torch.tensor(0.0))


def test_finite_for_large_weights_in_half_precision() -> None:
    weight = torch.full((10,), 1e4, dtype=torch.float16, requires_grad=True)
    value = l2_penalty([weight])
    value.backward()
    assert_close(value, torch.tensor(1e9))
    assert_close(weight.grad, torch.full_like(weight, 2e4))


def train(optimizer: type[torch.optim.Optimizer], penalty: float, decay: float, **options: float) -> nn.Linear:
    torch.manual_seed(0)
    net = nn.Linear(5, 1, bias=False).double()
    steps = optimizer(net.parameters(), lr=0.05, weight_decay=decay, **options)
    for _ in range(20):
        loss = (net(X) - Y).square().mean() + penalty * l2_penalty(net)
        steps.zero_grad()
        loss.backward()
        steps.step()
    return net


def test_under_sgd_it_is_weight_decay_of_twice_the_strength() -> None:
    for momentum in (0.0, 0.9):
        as_loss = train(torch.optim.SGD, 0.1, 0.0, momentum=momentum)
        as_decay = train(torch.optim.SGD, 0.0, 0.2, momentum=momentum)
        assert_close(as_loss.weight, as_decay.weight, rtol=1e-12, atol=1e-12)
        assert not torch.allclose(as_loss.weight, train(torch.optim.SGD, 0.0, 0.1, momentum=momentum).weight)


def test_under_adam_it_is_not_the_decay_of_adamw() -> None:
    as_loss, as_decay = train(torch.optim.Adam, 0.1, 0.0), train(torch.optim.AdamW, 0.0, 0.2)
    assert (as_loss.weight - as_decay.weight).abs().max() > 0.01
    assert_close(as_loss.weight, train(torch.optim.Adam, 0.0, 0.2).weight)  # whose weight_decay is L2 by another name


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    with pytest.raises(ValueError, match=r"`params` must hold at least one tensor, got none"):
        l2_penalty([])
    with pytest.raises(TypeError, match=r"`params` must hold floating point tensors, got dtype torch.complex64"):
        l2_penalty([torch.ones(2) * 1j])
