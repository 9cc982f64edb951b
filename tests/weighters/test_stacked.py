"""The recorded contest of weighters trains all its runs at once, which must equal training one after the other."""

import pytest
import torch
from torch import Tensor

from book.recorded._stacked import AdamPerRun, Stacked, stacked_gram
from companion.weighters import GradNorm, RandomWeighting, SoftAdapt, Static, UncertaintyWeighting
from companion.weighters._base import Weighter

RATES = (0.01, 0.1)  # of the two runs
STEPS = 12


@pytest.fixture
def problem() -> tuple[Tensor, Tensor]:
    return torch.randn(5, 3, dtype=torch.float64), torch.randn(2, 3, 2, dtype=torch.float64)  # inputs; weights by run


def two_losses(features: Tensor) -> list[Tensor]:
    return [(features[..., 0] - 1).square().mean(-1), (features.sum(-1) + 2).abs().mean(-1)]


def one_by_one(weighter: Weighter, x: Tensor, start: Tensor, rate: float) -> tuple[Tensor, Tensor]:
    weight = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([weight, *weighter.parameters()], lr=rate)
    for _ in range(STEPS):
        features = x @ weight
        optimizer.zero_grad()
        weighter(two_losses(features), shared=features).backward()
        optimizer.step()
    return weight.detach(), weighter.weights


@pytest.mark.parametrize("make", [Static, SoftAdapt, UncertaintyWeighting, GradNorm])
def test_side_by_side_equals_one_by_one(make: type[Weighter], problem: tuple[Tensor, Tensor]) -> None:
    x, starts = problem
    weight = starts.clone().requires_grad_()
    stack = Stacked(make(["a", "b"]).double(), 2)
    optimizer = AdamPerRun([weight, *stack.parameters.values()], torch.tensor(RATES, dtype=torch.float64))
    for _ in range(STEPS):
        features = x @ weight
        losses = two_losses(features)
        optimizer.zero_grad()
        stack(torch.stack(losses, 1), stacked_gram(losses, [features]) if stack.needs_gram else None).backward()
        optimizer.step_by()
    for run, rate in enumerate(RATES):
        alone, weights = one_by_one(make(["a", "b"]).double(), x, starts[run], rate)
        torch.testing.assert_close(weight[run].detach(), alone, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(stack.state["weights"][run], weights, rtol=1e-10, atol=1e-12)


def test_every_run_draws_its_own_numbers() -> None:
    stack = Stacked(RandomWeighting(["a", "b"]), 2)
    stack(torch.ones(2, 2))
    assert (stack.state["weights"][0] != stack.state["weights"][1]).all()


def test_a_share_of_the_rate_is_a_smaller_step() -> None:
    p = torch.zeros(2, 1, requires_grad=True)
    p.grad = torch.ones(2, 1)
    AdamPerRun([p], torch.tensor([0.1, 1.0])).step_by(0.5)
    torch.testing.assert_close(p.detach(), torch.tensor([[-0.05], [-0.5]]))
