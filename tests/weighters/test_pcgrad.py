"""PCGrad against the algorithm of the paper, on vectors."""

import pytest
import torch
from hypothesis import given
from torch import Tensor
from torch.testing import assert_close

from companion.weighters import PCGrad
from companion.weighters._orders import orders_of_others
from tests.weighters.gradients import FACTORS, SEEDS, conflicting, cosines, fresh, gradients, weights


def test_by_hand() -> None:
    # g1.g2 = -1: g1 + g2/2 = (1/2, 1/2) and g2 + g1 = (0, 1), in all 2 g1 + 3/2 g2.
    found = weights(PCGrad, torch.tensor([[1.0, 0.0], [-1.0, 1.0]], dtype=torch.float64))
    assert found.tolist() == [2.0, 1.5]


def by_vectors(found: Tensor, order: Tensor) -> Tensor:
    """Algorithm 1 of the paper."""
    projected = found.clone()
    for i in range(len(found)):
        for j in order[i].tolist():
            product = projected[i] @ found[j]
            if product < 0:
                projected[i] = projected[i] - product / (found[j] @ found[j]) * found[j]
    return projected.sum(0)


@pytest.mark.parametrize("losses", [2, 3, 5, 20])
@pytest.mark.parametrize("seed", range(5))
def test_is_the_algorithm_of_the_paper(losses: int, seed: int) -> None:
    found, weighter = conflicting(losses, 6, seed), fresh(PCGrad, losses, seed=seed)
    for look in range(3):
        order = orders_of_others(torch.tensor(seed), torch.tensor(look), losses)
        assert_close(found.T @ weights(weighter, found), by_vectors(found, order))


@pytest.mark.parametrize("losses", [1, 2, 5])
def test_each_gradient_meets_every_other_once(losses: int) -> None:
    order = orders_of_others(torch.tensor(3), torch.tensor(7), losses)
    for i in range(losses):
        assert sorted([i, *order[i].tolist()]) == list(range(losses))


def test_orders_follow_seed_and_look() -> None:
    found = conflicting(6, 4)
    weighter = fresh(PCGrad, 6)
    first, second = weights(weighter, found), weights(weighter, found)
    assert not torch.equal(first, second)
    assert torch.equal(weights(PCGrad, found), first)
    assert not torch.equal(weights(PCGrad, found, seed=1), first)


def test_all_orders_of_the_others_are_drawn_alike() -> None:
    drawn = torch.func.vmap(lambda step: orders_of_others(torch.tensor(0), step, 3))(torch.arange(4000))
    shares = (drawn[:, :, 0] < drawn[:, :, 1]).double().mean(0)
    assert_close(shares, torch.full((3,), 0.5, dtype=torch.float64), rtol=0, atol=0.04)


@given(seed=SEEDS)
def test_no_conflict_is_the_plain_sum(seed: int) -> None:
    assert torch.equal(weights(PCGrad, gradients(4, 6, seed).abs()), torch.ones(4, dtype=torch.float64))


@given(seed=SEEDS, factor=FACTORS)
def test_two_losses_never_conflict(seed: int, factor: float) -> None:
    found = torch.stack([gradients(2, 3, seed)[0], factor * gradients(2, 3, seed)[1]])
    assert (cosines(found, found.T @ weights(PCGrad, found)) > -1e-9).all()
