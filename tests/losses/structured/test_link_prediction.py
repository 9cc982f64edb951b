"""Links by hand, as binary cross entropy, and graphs without any."""

import math

import networkx as nx
import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from companion.losses import link_prediction_loss

NONE = torch.zeros(2, 0, dtype=torch.long)


def test_by_hand() -> None:
    z = torch.tensor([[1.0], [math.log(3)], [0.0]])  # dot products log 3 and 0
    found = link_prediction_loss(z, torch.tensor([[0], [1]]), torch.tensor([[0, 0], [1, 2]]), reduction="none")
    assert_close(found, torch.tensor([4 / 3, 4.0, 2.0]).log())


def test_is_the_binary_cross_entropy_of_dot_products() -> None:
    edges = torch.tensor(list(nx.karate_club_graph().edges)).T
    absent = torch.tensor(list(nx.complement(nx.karate_club_graph()).edges)).T[:, :100]
    z = torch.randn(34, 8, dtype=torch.float64)
    gram = z @ z.T
    logits = torch.cat([gram[tuple(edges)], gram[tuple(absent)]])
    target = (torch.arange(len(logits)) < edges.shape[1]).double()
    assert_close(link_prediction_loss(z, edges, absent), F.binary_cross_entropy_with_logits(logits, target))


def test_a_pair_has_no_direction() -> None:
    z, edges = torch.randn(5, 3), torch.randint(5, (2, 7))
    assert_close(link_prediction_loss(z, edges, NONE), link_prediction_loss(z, edges.flip(0), NONE))


def test_a_graph_without_edges_costs_nothing() -> None:
    z = torch.randn(5, 3, requires_grad=True)
    loss = link_prediction_loss(z, NONE, NONE)
    assert loss == 0
    assert (torch.autograd.grad(loss, z)[0] == 0).all()


def test_a_node_out_of_range_is_refused() -> None:
    with pytest.raises(IndexError):
        link_prediction_loss(torch.zeros(3, 2), torch.tensor([[0], [3]]), NONE)


@pytest.mark.as_user
@pytest.mark.parametrize(
    ("edges", "error", "message"),
    [
        (
            torch.zeros(7, 2, dtype=torch.long),
            ValueError,
            r"`edges` must have shape \(2, E\).*got \(7, 2\).*edges.t\(",
        ),
        (torch.zeros(2, dtype=torch.long), ValueError, r"`edges` must have shape \(2, E\).*got \(2,\)"),
        (torch.zeros(2, 7), TypeError, r"`edges` must hold integers"),
        ([(0, 1)], TypeError, r"`edges` must be a tensor, got list"),
    ],
)
def test_says_what_is_wrong(edges: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        link_prediction_loss(torch.zeros(3, 2), edges, NONE)
