"""Two views of a graph by hand, word for word, and without a direction."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from companion.losses import graph_contrastive_loss


def word_for_word(u: Tensor, v: Tensor, tau: float) -> Tensor:
    """Equation (1) of Zhu et al., node by node."""

    def sim(a: Tensor, b: Tensor) -> Tensor:
        return torch.exp(F.cosine_similarity(a, b, dim=0) / tau)

    def one_way(u: Tensor, v: Tensor, i: int) -> Tensor:
        others = [k for k in range(len(u)) if k != i]
        apart = sum(sim(u[i], v[k]) for k in others) + sum(sim(u[i], u[k]) for k in others)
        return -torch.log(sim(u[i], v[i]) / (sim(u[i], v[i]) + apart))

    return torch.stack([(one_way(u, v, i) + one_way(v, u, i)) / 2 for i in range(len(u))])


def test_by_hand() -> None:
    # Each node: its other view at cosine 1, the other node's two embeddings at 0.
    assert_close(graph_contrastive_loss(torch.eye(2), 4 * torch.eye(2)).item(), math.log(1 + 2 * math.exp(-2)))


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
def test_is_the_equation(temperature: float) -> None:
    u, v = torch.randn(2, 5, 3, dtype=torch.float64)
    found = graph_contrastive_loss(u, v, temperature=temperature, reduction="none")
    assert_close(found, word_for_word(u, v, temperature))


def test_both_views_are_alike() -> None:
    u, v = torch.randn(2, 5, 3, dtype=torch.float64)
    assert_close(graph_contrastive_loss(u, v), graph_contrastive_loss(v, u))


def test_who_knows_nothing_pays_the_logarithm_of_the_candidates() -> None:
    same = torch.ones(6, 3)
    assert_close(graph_contrastive_loss(same, same).item(), math.log(11))


def test_a_node_without_features_is_finite() -> None:
    u = torch.randn(3, 2)
    u[1] = 0
    u.requires_grad_()
    loss = graph_contrastive_loss(u, torch.randn(3, 2))
    assert loss.isfinite()
    assert torch.autograd.grad(loss, u)[0].isfinite().all()


def test_a_single_node_costs_nothing() -> None:
    u = torch.randn(1, 3, requires_grad=True)
    loss = graph_contrastive_loss(u, torch.randn(1, 3))
    assert loss == 0
    assert (torch.autograd.grad(loss, u)[0] == 0).all()


@pytest.mark.as_user
def test_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"`view2` must have the shape of `view1`, \(4, 3\), got \(5, 3\)"):
        graph_contrastive_loss(torch.zeros(4, 3), torch.zeros(5, 3))
    with pytest.raises(ValueError, match=r"`view1` must have shape \(N, D\)"):
        graph_contrastive_loss(torch.zeros(4), torch.zeros(4))
