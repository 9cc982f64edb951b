"""Losses of pairs: data, equations pair by pair with 50 digits, and where they are tried."""

from collections.abc import Sequence
from typing import Any

import torch
from mpmath import exp, fsum, log, mpf, sqrt, workdps
from torch import Tensor

from companion import losses
from tests.losses.info import OwnInfo

Rows = list[list[Any]]


def exact(x: Tensor) -> Rows:
    return [[mpf(float(v)) for v in row] for row in x]


def dot(a: list[Any], b: list[Any]) -> Any:
    return fsum(u * v for u, v in zip(a, b, strict=True))


def distance(a: list[Any], b: list[Any]) -> Any:
    return sqrt(fsum((u - v) ** 2 for u, v in zip(a, b, strict=True)))


def units(x: Tensor) -> Rows:
    rows = exact(x)
    return [[v / sqrt(dot(row, row)) for v in row] if any(row) else row for row in rows]


def nll(rows: Rows, i: int, p: int, temperature: Any) -> Any:
    """Minus the log of the share that p has among all others of i."""
    s = {j: exp(dot(rows[i], rows[j]) / mpf(float(temperature))) for j in range(len(rows)) if j != i}
    return log(fsum(s.values()) / s[p])


@workdps(50)
def contrastive(x1: Tensor, x2: Tensor, similar: Tensor, margin: float = 1.0) -> list[Any]:
    d = [distance(a, b) for a, b in zip(exact(x1), exact(x2), strict=True)]
    return [v**2 / 2 if y else max(0, mpf(margin) - v) ** 2 / 2 for v, y in zip(d, similar.tolist(), strict=True)]


@workdps(50)
def nt_xent(z1: Tensor, z2: Tensor, temperature: Any = 0.1, chunk_size: int | None = None) -> list[Any]:
    n, rows = len(z1), units(torch.cat([z1, z2]))
    return [nll(rows, i, (i + n) % (2 * n), temperature) for k in range(n) for i in (k, k + n)]


@workdps(50)
def supervised_contrastive(
    embeddings: Tensor, labels: Tensor, temperature: Any = 0.1, chunk_size: int | None = None
) -> list[Any]:
    rows, y = units(embeddings), labels.tolist()
    found = []
    for i in range(len(y)):
        positives = [p for p in range(len(y)) if p != i and y[p] == y[i]]
        found.append(fsum(nll(rows, i, p, temperature) for p in positives) / max(len(positives), 1))
    return found


@workdps(50)
def triplet(
    embeddings: Tensor,
    labels: Tensor,
    margin: float = 0.2,
    mining: str = "all",
    soft_margin: bool = False,
    squared: bool = False,
    max_positives: int | None = None,
    chunk_size: int | None = None,
) -> list[Any]:
    rows, y = exact(embeddings), labels.tolist()
    found = []
    for i in range(len(y)):
        d = [distance(rows[i], row) ** (2 if squared else 1) for row in rows]
        positives = [d[p] for p in range(len(y)) if p != i and y[p] == y[i]]
        negatives = [d[n] for n in range(len(y)) if y[n] != y[i]]
        if not positives or not negatives:
            found.append(0)
            continue
        if mining == "all" and soft_margin:
            positives = sorted(positives)[-max_positives if max_positives else 0 :]
        pairs = [(p, n) for p in positives for n in negatives]
        if mining == "hard":
            pairs = [(max(positives), min(negatives))]
        elif mining == "semi-hard":
            pairs = [(p, min((n for n in negatives if n > p), default=max(negatives))) for p in positives]
        costs = [log(1 + exp(p - n)) if soft_margin else max(0, p - n + mpf(margin)) for p, n in pairs]
        found.append(fsum(costs) / len(costs))
    return found


def normal(rows: int, draw: torch.Generator) -> Tensor:
    return torch.randn(rows, 3, dtype=torch.float64, generator=draw)


def pairs_of(rows: int, draw: torch.Generator) -> tuple[Tensor, ...]:
    x = normal(rows, draw)
    return x, x + 0.4 * normal(rows, draw), torch.arange(rows) % 2


def views(rows: int, draw: torch.Generator) -> tuple[Tensor, ...]:
    return normal(rows, draw), normal(rows, draw)


def classes(rows: int, draw: torch.Generator) -> tuple[Tensor, ...]:
    return normal(rows, draw), torch.arange(rows) % 2


# Lengths from 5e-4 to 3e4; rows 1 and 4 are equal, row 3 is zero.
FAR = torch.tensor(
    [[1e4, -7e3, 3e3], [2e-4, 3e-4, -4e-4], [-9e3, 1e4, 1e4], [0, 0, 0], [2e-4, 3e-4, -4e-4], [5, 2, -3]]
)
NEAR = torch.tensor([[3e-3, 1e-3, 2e-3], [1, -2, 1.5], [7e3, 8e3, -1e4], [2, 1, -2], [-6e3, 4e3, 1e3], [1e-4, 3e-4, 0]])
MARKS = torch.tensor([0, 1, 0, 1, 1, 0])


def far_pairs() -> Sequence[tuple[Tensor, ...]]:
    return [(FAR, NEAR, MARKS), (FAR, FAR, MARKS), (1e-4 * NEAR, NEAR, 1 - MARKS)]


def far_classes() -> Sequence[tuple[Tensor, ...]]:
    return [(FAR, MARKS), (NEAR, MARKS), (FAR, 0 * MARKS), (NEAR, MARKS.new_tensor([0, 0, 0, 0, 1, 1]))]


# Of two features, so that the gradient of a direction has one degree of freedom and its parts do not cancel.
FLAT = torch.tensor([[1e4, -7e3], [2e-4, 3e-4], [0, 0], [3, 1], [-9e3, 4e3], [2e-4, 3e-4]])


def far_views() -> Sequence[tuple[Tensor, ...]]:
    return [(FLAT[:3], FLAT[3:]), (FLAT[1:3], FLAT[3:5]), (0 * FLAT, FLAT), (FLAT[:1], FLAT[1:2])]


def far_directions() -> Sequence[tuple[Tensor, ...]]:
    return [(FLAT, MARKS), (FLAT, 1 - MARKS.roll(1)), (FLAT[:4], 0 * MARKS[:4]), (FLAT[:4], MARKS[:4] // 2)]


def lonely(dtype: torch.dtype = torch.float64) -> tuple[Tensor, ...]:
    """Embeddings all of different classes."""
    return FAR.to(dtype), torch.arange(6)


EMPTY = FAR[:0], MARKS[:0]

PAIRS = [
    OwnInfo(
        losses.contrastive_loss,
        losses.ContrastiveLoss,
        pairs_of,
        contrastive,
        far_pairs,
        nothing=lambda: [(FAR, FAR, torch.ones(6)), (FAR, -FAR + 1, torch.zeros(6)), (FAR[:0], *EMPTY)],
        sweep=({}, {"margin": 2.5}, {"margin": 0.0}),
        slopes=(0, 1),
    ),
    OwnInfo(
        losses.nt_xent_loss,
        losses.NTXentLoss,
        views,
        nt_xent,
        far_views,
        nothing=lambda: [(FAR[:1], NEAR[:1]), (FAR[:0], FAR[:0])],
        sweep=(
            {},
            {"temperature": 0.5},
            {"temperature": torch.tensor(0.25, dtype=torch.float64)},
            {"chunk_size": 3},
        ),
        learned={"temperature": 0.5},
        slopes=(0, 1),
    ),
    OwnInfo(
        losses.supervised_contrastive_loss,
        losses.SupervisedContrastiveLoss,
        classes,
        supervised_contrastive,
        far_directions,
        nothing=lambda: [lonely(), (FAR[:2], MARKS[:1].repeat(2)), (FAR[:1], MARKS[:1]), EMPTY],
        sweep=(
            {},
            {"temperature": 0.5},
            {"temperature": torch.tensor(0.25, dtype=torch.float64)},
            {"chunk_size": 3},
        ),
        learned={"temperature": 0.5},
        rows=6,  # two positives for each anchor
    ),
    OwnInfo(
        losses.triplet_loss,
        losses.TripletLoss,
        classes,
        triplet,
        far_classes,
        nothing=lambda: [lonely(), (FAR, 0 * MARKS), (FAR[:1], MARKS[:1]), EMPTY],
        sweep=(
            {},
            {"margin": 1.0},
            {"squared": True},
            {"soft_margin": True},
            {"soft_margin": True, "max_positives": 2},
            {"mining": "hard"},
            {"mining": "hard", "soft_margin": True, "squared": True},
            {"mining": "semi-hard", "margin": 2.0},
            {"mining": "semi-hard", "soft_margin": True},
            {"chunk_size": 3, "mining": "hard"},
            {"chunk_size": 3},
        ),
        rows=6,
    ),
]
