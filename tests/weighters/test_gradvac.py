"""GradVac against the algorithm of the paper, on vectors."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from companion.weighters import GradVac, PCGrad
from companion.weighters._orders import orders_of_others
from tests.weighters.gradients import conflicting, fresh, gradients, weights


def test_by_hand() -> None:
    # Cosine 0, target 0.6 and its sine 0.8: each is bent by 0.6 / 0.8 = 3/4 of the other.
    weighter = fresh(GradVac, 2)
    weighter.targets.fill_(0.6)
    assert_close(weights(weighter, torch.eye(2, dtype=torch.float64)), torch.tensor([1.75, 1.75], dtype=torch.float64))
    assert_close(weighter.targets[0, 1].item(), 0.3)  # 0.6 / 2 + 0 / 2


def by_vectors(found: Tensor, order: Tensor, targets: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """Algorithm 1 of the paper, with one group of parameters."""
    bent, targets = found.clone(), targets.clone()
    for i in range(len(found)):
        for j in order[i].tolist():
            cosine = bent[i] @ found[j] / bent[i].norm() / found[j].norm()
            aim = targets[i, j].clone()
            if cosine < aim:
                share = aim * (1 - cosine**2).sqrt() - cosine * (1 - aim**2).sqrt()
                bent[i] = bent[i] + bent[i].norm() * share / found[j].norm() / (1 - aim**2).sqrt() * found[j]
            targets[i, j] = (1 - beta) * aim + beta * cosine
    return bent.sum(0), targets


@pytest.mark.parametrize("losses", [2, 3, 8])
@pytest.mark.parametrize("beta", [0.01, 0.5, 1.0])
def test_is_the_algorithm_of_the_paper(losses: int, beta: float) -> None:
    weighter, targets = fresh(GradVac, losses, beta=beta), torch.zeros(losses, losses, dtype=torch.float64)
    for look in range(6):
        found = gradients(losses, 5, seed=look) + 0.7 * look  # ever more alike, then bent to stay so
        found = found if look < 4 else conflicting(losses, 5, seed=look)
        order = orders_of_others(torch.tensor(0), torch.tensor(look), losses)
        direction, targets = by_vectors(found, order, targets, beta)
        assert_close(found.T @ weights(weighter, found), direction)
        assert_close(weighter.targets, targets)


def test_without_memory_it_is_pcgrad() -> None:
    ours, theirs = fresh(GradVac, 5, beta=0.0), fresh(PCGrad, 5)
    for look in range(4):
        found = conflicting(5, 6, seed=look)
        assert_close(weights(ours, found), weights(theirs, found))


def test_a_bent_gradient_has_the_cosine_aimed_for() -> None:
    found, weighter = gradients(2, 4), fresh(GradVac, 2, beta=0.0)
    weighter.targets.copy_(torch.tensor([[0.0, 0.9], [-1.0, 0.0]]))  # the second is left alone
    bent = found.T @ (weights(weighter, found) - torch.tensor([0.0, 1.0], dtype=torch.float64))
    assert_close(torch.cosine_similarity(bent, found[1], dim=0).item(), 0.9)


def test_gradients_that_are_always_parallel_are_left_alone() -> None:
    weighter, found = fresh(GradVac, 3), gradients(1, 4).expand(3, 4)
    for _ in range(100):
        last = weights(weighter, found)
    assert_close(last, torch.ones(3, dtype=torch.float64), rtol=1e-4, atol=0)


def test_a_loss_without_a_gradient_is_neither_bent_nor_met() -> None:
    weighter = fresh(GradVac, 3)
    weighter.targets.fill_(0.6)
    assert_close(
        weights(weighter, torch.eye(3, 2, dtype=torch.float64)), torch.tensor([1.75, 1.75, 1.0], dtype=torch.float64)
    )
    assert weighter.targets[2, 0] == weighter.targets[0, 2] == 0.6
