"""The equations of the losses of structures, one structure at a time, with 150 digits."""

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from mpmath import exp, log, mp, mpf, sqrt
from torch import Tensor

from tests.losses.references import cross_entropy

mp.dps = 150


def numbers(t: Tensor) -> list[Any]:
    """A tensor as nested lists of mpf."""
    return [numbers(row) for row in t] if t.dim() else mpf(t.item())


def log_sum_exp(values: Sequence[Any]) -> Any:
    return log(sum(exp(v) for v in values))


# Connectionist temporal classification: every path that spells the target.


def ctc(logits: Tensor, targets: Tensor, steps: Tensor, count: Tensor, blank: int = 0) -> list[Any]:
    found = []
    for n in range(len(targets)):
        y = targets[n, : count[n]].tolist()
        log_p = [[v - log_sum_exp(row) for v in row] for row in numbers(logits[: steps[n], n])]
        paths = [
            sum(row[c] for row, c in zip(log_p, path, strict=True))
            for path in itertools.product(range(logits.shape[2]), repeat=len(log_p))
            if [c for c, _ in itertools.groupby(path) if c != blank] == y
        ]
        found.append(-log_sum_exp(paths) if paths else mpf(0))
    return found


# Chains: every tagging.


def taggings(emissions: Tensor, tags: Tensor, mask: Tensor, **scores: Tensor) -> list[tuple[list[int], dict[Any, Any]]]:
    """For each chain the true tagging of its kept steps, and the scores of all taggings of them."""
    moved = numbers(scores["transitions"])
    start, end = (numbers(scores.get(name, torch.zeros(3))) for name in ("start", "end"))
    found = []
    for x, y, on in zip(emissions, tags, mask, strict=True):
        kept = numbers(x[on])
        scored = {
            path: sum(row[c] for row, c in zip(kept, path, strict=True))
            + sum(moved[a][b] for a, b in itertools.pairwise(path))
            + (start[path[0]] + end[path[-1]] if path else 0)
            for path in itertools.product(range(3), repeat=len(kept))
        }
        found.append((tuple(y[on].tolist()), scored))
    return found


def crf(emissions: Tensor, tags: Tensor, mask: Tensor, **scores: Tensor) -> list[Any]:
    each = taggings(emissions, tags, mask, **scores)
    return [log_sum_exp(list(scored.values())) - scored[gold] for gold, scored in each]


def structured_hinge(
    emissions: Tensor, tags: Tensor, mask: Tensor, cost: float | Tensor = 1.0, **scores: Tensor
) -> list[Any]:
    prices = cost if isinstance(cost, Tensor) else cost * (1 - torch.eye(3))
    return [
        max(
            s - scored[gold] + sum(mpf(prices[a, b].item()) for a, b in zip(gold, path, strict=True))
            for path, s in scored.items()
        )
        for gold, scored in taggings(emissions, tags, mask, **scores)
    ]


# Sequences of tokens.


def tokens(logits: Tensor, target: Tensor, mask: Tensor, per: str = "token", label_smoothing: float = 0.0) -> list[Any]:
    rows = [
        [cross_entropy(z, t, label_smoothing) if on else mpf(0) for z, t, on in zip(*row, strict=True)]
        for row in zip(numbers(logits), target.tolist(), mask.tolist(), strict=True)
    ]
    return [sum(row) for row in rows] if per == "sequence" else [v for row in rows for v in row]


# Energies.


def energy_nll(energies: Tensor, target: Tensor) -> list[Any]:
    return [row[t] + log_sum_exp([-e for e in row]) for row, t in zip(numbers(energies), target.tolist(), strict=True)]


def nce(data: Tensor, data_noise: Tensor, noise: Tensor, noise_noise: Tensor) -> list[Any]:
    k = noise.shape[1]
    found = []
    for p, pn, ps, pns in zip(*map(numbers, (data, data_noise, noise, noise_noise)), strict=True):
        right = exp(p) / (exp(p) + k * exp(pn))
        wrong = [k * exp(b) / (exp(a) + k * exp(b)) for a, b in zip(ps, pns, strict=True)]
        found.append(-log(right) - sum(log(w) for w in wrong))
    return found


def contrastive_divergence(positive: Tensor, negative: Tensor, strength: float = 0.0) -> list[Any]:
    pairs = zip(numbers(positive), numbers(negative), strict=True)
    return [p - n + mpf(strength) * (p**2 + n**2) for p, n in pairs]


def score_matching(score: Tensor, noise: Tensor, sigma: Tensor) -> list[Any]:
    rows = zip(*map(numbers, (score, noise, sigma)), strict=True)
    return [sum((w * s + z) ** 2 for s, z in zip(ss, zs, strict=True)) / 2 for ss, zs, w in rows]


# Embeddings and graphs.


def dot(a: Sequence[Any], b: Sequence[Any]) -> Any:
    return sum(x * y for x, y in zip(a, b, strict=True))


def cosine(a: Sequence[Any], b: Sequence[Any]) -> Any:
    return dot(a, b) / sqrt(dot(a, a) * dot(b, b)) if any(a) and any(b) else mpf(0)


def info_nce(query: Tensor, key: Tensor, negatives: Tensor | None = None, temperature: float = 0.07) -> list[Any]:
    q, k = numbers(query), numbers(key)
    found = []
    for i, a in enumerate(q):
        others = [v for j, v in enumerate(k) if j != i] if negatives is None else numbers(negatives)
        logits = [cosine(a, b) / mpf(temperature) for b in (k[i], *others)]
        found.append(log_sum_exp(logits) - logits[0])
    return found


def graph_contrastive(view1: Tensor, view2: Tensor, temperature: float = 0.5) -> list[Any]:
    u, v = numbers(view1), numbers(view2)

    def one_way(u: list[Any], v: list[Any], i: int) -> Any:
        logits = [cosine(u[i], b) / mpf(temperature) for b in (*v, *u[:i], *u[i + 1 :])]
        return log_sum_exp(logits) - logits[i]

    return [(one_way(u, v, i) + one_way(v, u, i)) / 2 for i in range(len(u))]


def link_prediction(embeddings: Tensor, edges: Tensor, negative_edges: Tensor) -> list[Any]:
    z = numbers(embeddings)
    linked = [dot(z[a], z[b]) for a, b in edges.mT.tolist()]
    apart = [-dot(z[a], z[b]) for a, b in negative_edges.mT.tolist()]
    return [log(1 + exp(-s)) for s in linked + apart]


def laplacian_smoothness(values: Tensor, edges: Tensor, weights: Tensor) -> list[Any]:
    f = numbers(values)
    pairs = zip(numbers(weights), edges.mT.tolist(), strict=True)
    return [w * sum((x - y) ** 2 for x, y in zip(f[a], f[b], strict=True)) for w, (a, b) in pairs]
