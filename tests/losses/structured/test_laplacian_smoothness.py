"""Smoothness by hand and beside the Laplacian of networkx."""

import networkx as nx
import pytest
import torch
from torch.testing import assert_close

from companion.losses import laplacian_smoothness_loss

PATH = torch.tensor([[0, 1], [1, 2]])


def test_by_hand() -> None:
    values, weights = torch.tensor([0.0, 1.0, 3.0]), torch.tensor([3.0, 1.0])
    assert_close(laplacian_smoothness_loss(values, PATH, reduction="none"), torch.tensor([1.0, 4.0]))
    assert_close(laplacian_smoothness_loss(values, PATH).item(), 5 / 2)
    assert_close(laplacian_smoothness_loss(values, PATH, weights).item(), (3 * 1 + 1 * 4) / 4)


@pytest.mark.parametrize("graph", [nx.karate_club_graph(), nx.les_miserables_graph()], ids=["karate", "miserables"])
def test_is_the_quadratic_form_of_the_laplacian(graph: nx.Graph) -> None:
    graph = nx.convert_node_labels_to_integers(graph)
    laplacian = torch.from_numpy(nx.laplacian_matrix(graph).toarray()).double()
    edges = torch.tensor(list(graph.edges)).T
    weights = torch.tensor([w for _, _, w in graph.edges.data("weight")], dtype=torch.float64)
    f = torch.randn(len(graph), 3, dtype=torch.float64)
    found = laplacian_smoothness_loss(f, edges, weights, reduction="sum")
    assert_close(found, torch.trace(f.T @ laplacian @ f))
    one = laplacian_smoothness_loss(f[:, 0], edges, weights, reduction="sum")
    assert_close(one, f[:, 0] @ laplacian @ f[:, 0])


@pytest.mark.parametrize("weights", [None, torch.zeros(0)], ids=["plain", "weighted"])
def test_a_graph_without_edges_costs_nothing(weights: torch.Tensor | None) -> None:
    values = torch.randn(5, 3, requires_grad=True)
    loss = laplacian_smoothness_loss(values, torch.zeros(2, 0, dtype=torch.long), weights)
    assert loss == 0
    assert (torch.autograd.grad(loss, values)[0] == 0).all()


def test_a_node_out_of_range_is_refused() -> None:
    with pytest.raises(IndexError):
        laplacian_smoothness_loss(torch.zeros(2), PATH)


@pytest.mark.as_user
def test_says_what_is_wrong() -> None:
    values = torch.zeros(3)
    with pytest.raises(ValueError, match=r"`weights` must have shape \(2,\), one weight per edge, got \(3,\)"):
        laplacian_smoothness_loss(values, PATH, torch.ones(3))
    with pytest.raises(ValueError, match=r"`weights` must have shape \(2,\).*got \(2, 1\).*`weights.squeeze\(-1\)`"):
        laplacian_smoothness_loss(torch.zeros(3), torch.zeros(2, 2).long(), torch.ones(2, 1))
    with pytest.raises(ValueError, match=r"`values` must have shape \(N,\) or \(N, D\)"):
        laplacian_smoothness_loss(torch.zeros(1, 3, 2), PATH)
    with pytest.raises(ValueError, match=r"`edges` must have shape \(2, E\).*Did you mean `edges.t\(\)`"):
        laplacian_smoothness_loss(values, torch.zeros(5, 2, dtype=torch.long))
