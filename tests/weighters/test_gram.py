"""Inner products of gradients: the numbers, from features and from parameters, at the price of one pass per loss."""

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from companion.weighters._gram import gram_matrix, mean_over_ranks
from tests.weighters.samples import NAMES, Model, batch


def jacobian(losses: dict[str, Tensor], tensors: list[Tensor]) -> Tensor:
    rows = [torch.autograd.grad(loss, tensors, retain_graph=True) for loss in losses.values()]
    return torch.stack([torch.cat([part.flatten() for part in row]) for row in rows])


def test_by_hand() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    losses = {"square": (x * x).sum(), "sum": x.sum()}  # gradients (2, 4) and (1, 1)
    assert gram_matrix(losses, [x]).tolist() == [[20.0, 6.0], [6.0, 2.0]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_equals_the_full_jacobian(dtype: torch.dtype) -> None:
    model = Model().to(dtype)
    losses, features = model(batch(0, dtype=dtype))
    parameters = list(model.trunk.parameters())
    for shared, tensors in ((features, [features]), ([features], [features]), (model.trunk, parameters)):
        rows = jacobian(losses, tensors).double()
        found = gram_matrix(losses, shared)
        assert found.dtype == torch.float64
        assert not found.requires_grad
        assert_close(found, rows @ rows.T, rtol=1e-5 if dtype == torch.float32 else 1e-12, atol=0.0)


def test_features_of_two_layers() -> None:
    model = Model()
    first = model.trunk[0](batch(0))
    second = model.trunk[1:](first)
    losses = {"a": first.square().sum() + second.sum(), "b": second.square().sum()}
    rows = jacobian(losses, [first, second]).double()
    assert_close(gram_matrix(losses, [first, second]), rows @ rows.T, rtol=1e-5, atol=0.0)


def test_frozen_parameters_are_left_out_and_one_that_a_loss_skips_counts_as_zero() -> None:
    a, b, c = (torch.tensor([2.0], requires_grad=True) for _ in range(3))
    c.requires_grad_(False)
    losses = {"both": (a * b * c).sum(), "one": (3 * a).sum()}  # gradients (4, 4) and (3, 0)
    assert gram_matrix(losses, iter([a, b, c])).tolist() == [[32.0, 12.0], [12.0, 9.0]]


def test_the_graph_is_kept_and_no_gradient_is_written() -> None:
    model = Model()
    losses, features = model(batch(0))
    gram_matrix(losses, features)
    gram_matrix(losses, model.trunk)
    assert all(parameter.grad is None for parameter in model.parameters())
    sum(losses.values()).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_small_gradients_of_half_precision_do_not_underflow() -> None:
    """A gradient of 2e-9 is 0 in float16; scaled by 4096 inside it is not."""
    features = (torch.ones(2, 8, dtype=torch.float16, requires_grad=True) * 1.0).requires_grad_()
    losses = {"a": features.float().sum() * 2e-9, "b": features.float().sum()}
    found = gram_matrix(losses, features)
    assert_close(found, torch.tensor([[4e-18, 2e-9], [2e-9, 1.0]]).double() * 16, rtol=0.02, atol=0.0)


def test_each_head_is_visited_once() -> None:
    """An entry of stacked losses would send each of the K passes through all K heads: K x K visits."""
    visits = []

    class Counted(nn.Identity):
        def forward(self, x: Tensor) -> Tensor:
            x = x * 1
            x.register_hook(lambda gradient: visits.append(1))
            return x

    model = Model()
    features = model.trunk(batch(0))
    losses = {name: Counted()(model.heads[name](features)).square().mean() for name in NAMES}
    gram_matrix(losses, features)
    assert len(visits) == len(NAMES)


def test_the_trunk_is_not_visited_for_features() -> None:
    visits = []
    model = Model()
    hidden = model.trunk[0](batch(0))
    hidden.register_hook(lambda gradient: visits.append(1))
    features = model.trunk[1:](hidden)
    losses = {name: model.heads[name](features).square().mean() for name in NAMES}
    gram_matrix(losses, features)
    assert not visits
    gram_matrix(losses, model.trunk)
    assert len(visits) == len(NAMES)


def test_one_process_averages_over_itself() -> None:
    x = torch.ones(2)
    assert mean_over_ranks(x) is x
