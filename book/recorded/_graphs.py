"""Nodes and links of two small real graphs: a network on the graph, its losses, and rivals that learn nothing."""

from collections.abc import Callable, Iterator
from typing import Any

import networkx as nx
import numpy as np
import torch
from sklearn.metrics import f1_score, roc_auc_score
from torch import Tensor, nn

from companion import losses

HIDDEN, DECAY = 16, 5e-3
Settings = tuple[float, int]  # learning rate and steps


def adjacency(graph: nx.Graph) -> Tensor:
    """0 and 1, without the weights of the edges."""
    return torch.tensor(nx.to_numpy_array(graph, weight=None), dtype=torch.float32)


def mixing(a: Tensor) -> Tensor:
    """How a graph convolution mixes a node with its neighbours, itself among them."""
    a = a + torch.eye(len(a))
    scale = a.sum(1).rsqrt()
    return scale[:, None] * a * scale


class GraphNetwork(nn.Module):
    """Two graph convolutions; a node enters by its name alone. With the identity for `mix` it sees no graph."""

    def __init__(self, nodes: int, out: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(nodes, HIDDEN, bias=False), nn.Linear(HIDDEN, out)

    def forward(self, mix: Tensor, names: Tensor) -> Tensor:
        hidden: Tensor = self.first(names).relu()
        return mix @ self.second(mix @ hidden)


def descend(model: nn.Module, loss: Callable[[], Tensor], setting: Settings) -> None:
    """Full-batch training."""
    lr, steps = setting
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=DECAY)
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()


def thinned(a: Tensor) -> tuple[Tensor, Tensor]:
    """One view of a graph: three in ten edges and three in ten names are dropped."""
    kept = torch.triu((torch.rand(a.shape) < 0.7).float(), 1)
    return mixing(a * (kept + kept.T)), torch.eye(len(a)) * (torch.rand(len(a)) < 0.7)


def contrasted(a: Tensor, setting: Settings) -> Tensor:
    """Embeddings of unit length learned without labels: a node is to be recognised in another view of the graph."""
    model = GraphNetwork(len(a), HIDDEN)
    descend(
        model, lambda: losses.graph_contrastive_loss(model(*thinned(a)), model(*thinned(a)), temperature=0.5), setting
    )
    with torch.no_grad():
        return nn.functional.normalize(model(mixing(a), torch.eye(len(a))), dim=1)


def labels_of(y: Tensor, seed: int) -> Iterator[Tensor]:
    """Two nodes of each club to learn from, two to choose by, and the rest to be judged by."""
    draw = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(len(y), generator=draw)
    ranks = torch.stack([(y[shuffled] == c).long().cumsum(0) * (y[shuffled] == c) for c in (0, 1)]).sum(0)
    for low, high in ((1, 2), (3, 4), (5, len(y))):
        yield shuffled[(low <= ranks) & (ranks <= high)]


def f1(z: Tensor, y: Tensor, rows: Tensor) -> float:
    """Mean of the F1 of both clubs."""
    return float(f1_score(y[rows], z[rows].argmax(1), average="macro"))


def classify(name: str, graph: nx.Graph, y: Tensor, known: Tensor, setting: Settings) -> Tensor:
    """Scores of the clubs for every node, learned from the clubs of a few."""
    a = adjacency(graph)
    edges, names, sees = a.triu().nonzero().T, torch.eye(len(a)), mixing(a)
    if name == "contrast first":
        embedded, head = contrasted(a, setting), nn.Linear(HIDDEN, 2)
        descend(head, lambda: losses.cross_entropy(head(embedded)[known], y[known]), setting)
        return head(embedded).detach()
    mix = names if "no graph" in name else sees
    model = GraphNetwork(len(a), 2)

    def loss() -> Tensor:
        z = model(mix, names)
        value = losses.cross_entropy(z[known], y[known])
        return value + losses.laplacian_smoothness_loss(z.softmax(1), edges) if "smooth" in name else value

    descend(model, loss, setting)
    return model(mix, names).detach()


def harmonic(graph: nx.Graph, y: Tensor, known: Tensor) -> Tensor:
    """The cheap rival: each node takes the mean of its neighbours until nothing changes."""
    bare = nx.Graph(graph.edges)
    bare.add_nodes_from((v, {"label": int(y[v])}) for v in known.tolist())
    found = dict(zip(bare, nx.algorithms.node_classification.harmonic_function(bare), strict=True))
    return nn.functional.one_hot(torch.tensor([found[v] for v in graph]), 2).float()


def hidden_links(a: Tensor, seed: int) -> tuple[Tensor, dict[str, tuple[Tensor, Tensor]]]:
    """The graph without three in ten links; the hidden ones and the pairs without a link, for validation and test."""
    edges, pairs = a.triu().nonzero(), (1 - a).triu(1).nonzero()
    draw = torch.Generator().manual_seed(seed)
    edges, pairs = (rows[torch.randperm(len(rows), generator=draw)] for rows in (edges, pairs))
    tenth, third = len(edges) // 10, len(pairs) // 3
    left = a.clone()
    for i, j in edges[: 3 * tenth].tolist():
        left[i, j] = left[j, i] = 0.0
    parts = {"validation": (edges[:tenth], pairs[:third]), "test": (edges[tenth : 3 * tenth], pairs[third:])}
    return left, parts


def auc(scores: Tensor, links: Tensor, pairs: Tensor) -> float:
    """How often a link scores above a pair without one."""
    found = torch.cat([scores[tuple(rows.T)] for rows in (links, pairs)])
    return float(roc_auc_score(np.r_[np.ones(len(links)), np.zeros(len(pairs))], found))


def score_links(name: str, a: Tensor, setting: Settings) -> Tensor:
    """A score for every pair of nodes, from the links that are left."""
    degree = a.sum(1)
    if name == "shared friends":
        return a @ torch.diag(1 / degree.clamp(min=2).log()) @ a
    if name == "popularity":
        return degree[:, None] * degree
    if name == "contrastive":
        embedded = contrasted(a, setting)
        return embedded @ embedded.T
    names, links, none = torch.eye(len(a)), a.triu().nonzero().T, (1 - a).triu(1).nonzero().T
    mix = names if "no graph" in name else mixing(a)
    model = GraphNetwork(len(a), HIDDEN)

    def loss() -> Tensor:
        drawn = none[:, torch.randint(none.shape[1], links.shape[1:])]
        return losses.link_prediction_loss(model(mix, names), links, drawn)

    descend(model, loss, setting)
    z = model(mix, names).detach()
    return z @ z.T


NODES = ("cross entropy", "cross entropy + smooth", "contrast first", "no graph", "no graph + smooth")
LINKS = ("link loss", "link loss, no graph", "contrastive", "shared friends", "popularity")


def study_nodes(settings: list[Settings], seeds: int) -> dict[str, Any]:
    """Macro F1 on the karate club, four members known."""
    graph = nx.karate_club_graph()
    y = torch.tensor([int(club == "Officer") for _, club in graph.nodes(data="club")])
    found: dict[str, Any] = {name: {"F1": []} for name in (*NODES, "harmonic")}
    for seed in range(seeds):
        known, judge, rest = labels_of(y, seed)
        for name in NODES:
            trials = []
            for setting in settings:
                torch.manual_seed(seed)
                z = classify(name, graph, y, known, setting)
                trials.append((f1(z, y, judge), f1(z, y, rest)))
            found[name]["F1"].append(max(trials, key=lambda trial: trial[0])[1])
        found["harmonic"]["F1"].append(f1(harmonic(graph, y, known), y, rest))
    return found


def study_links(settings: list[Settings], seeds: int) -> dict[str, Any]:
    """Area under the ROC curve for hidden links, on both graphs."""
    graphs = {"karate": nx.karate_club_graph(), "miserables": nx.les_miserables_graph()}
    found: dict[str, Any] = {name: {graph: [] for graph in graphs} for name in LINKS}
    for which, graph in graphs.items():
        for seed in range(seeds):
            left, parts = hidden_links(adjacency(graph), seed)
            for name in LINKS:
                trials = []
                for setting in settings:
                    torch.manual_seed(seed)
                    scores = score_links(name, left, setting)
                    trials.append((auc(scores, *parts["validation"]), auc(scores, *parts["test"])))
                found[name][which].append(max(trials, key=lambda trial: trial[0])[1])
    return found
