"""``make bench``: losses of pairs beside their peers, recorded in ``pairs_speed.json``.

Forward and backward pass on embeddings with 128 features, on one thread. Ours and one peer take turns in a process; the
medians over the turns give a ratio, and the medians over fresh processes the figure. Whether a result is correct is
seen on 64 embeddings, beside the equation in float64, pair by pair: on usual ones, and on hard ones, which for cosines
is a temperature of 0.01 and for distances near neighbours far from the origin.
"""

import functools
import json
import resource
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from timing import Loss, in_processes, peak, step
from torch import Tensor

from companion import losses, report

PROCESSES = 3
SECONDS = 2.0  # of a pair's turns, in each process
VALUE, GRADIENT = 1e-5, 1e-3  # relative errors up to which a result is correct
NO_SLOWER = 1.0  # than the fastest correct peer
CHUNKED = {"rows": 16384, "features": 128, "chunk_size": 1024}
MIB = 2048.0  # of a process that takes the loss of so many
TIMING = Path(__file__).with_name("timing.py")

OfTemperature = Callable[[float], Loss]


class Pair(NamedTuple):
    """One of our losses and a peer that means the same, on so many rows, and the equation."""

    name: str
    ours: Any
    peer_name: str
    peer: Any
    right: Any
    rows: int
    per_class: int = 4
    cosine: bool = False  # then the three are made from a temperature

    def at(self, hard: bool) -> tuple[Loss, Loss, Loss]:
        three = (self.ours, self.peer, self.right)
        return tuple(f(0.01 if hard else 0.1) for f in three) if self.cosine else three


def cross_entropies(x: Tensor, y: Tensor, temperature: float) -> Tensor:
    """The mean over the positives of an anchor, then over the anchors, of -log of a softmax without the anchor."""
    z = x / x.norm(dim=1, keepdim=True)
    found = []
    for i in range(len(x)):
        others = [j for j in range(len(x)) if j != i]
        s = torch.stack([(z[i] * z[j]).sum() / temperature for j in others])
        found.append(torch.stack([s.logsumexp(0) - s[k] for k, j in enumerate(others) if y[j] == y[i]]).mean())
    return torch.stack(found).mean()


def triplets(x: Tensor, y: Tensor, hard: bool = False, soft: bool = False) -> Tensor:
    """The mean over the triplets of an anchor, then over the anchors."""
    found = []
    for i in range(len(x)):
        d = [(x[i] - row).square().sum().sqrt() for row in x]
        positive = torch.stack([d[j] for j in range(len(x)) if j != i and y[j] == y[i]])
        negative = torch.stack([d[j] for j in range(len(x)) if y[j] != y[i]])
        gap = positive.max() - negative.min() if hard else positive[:, None] - negative
        found.append(torch.nn.functional.softplus(gap).mean() if soft else (gap + 0.2).relu().mean())
    return torch.stack(found).mean()


def pairs() -> list[Pair]:
    """Every loss that a peer has too; kornia has none of them."""
    from monai.losses import ContrastiveLoss
    from pytorch_metric_learning import distances, miners, reducers
    from pytorch_metric_learning import losses as metric

    euclidean = distances.LpDistance(normalize_embeddings=False)
    mined = miners.BatchHardMiner(distance=euclidean)
    options = {"distance": euclidean, "reducer": reducers.MeanReducer()}
    hinge = metric.TripletMarginLoss(0.2, **options)
    softplus = metric.TripletMarginLoss(0.0, smooth_loss=True, **options)

    def equation(temperature: float) -> Loss:
        return functools.partial(cross_entropies, temperature=temperature)

    def supervised(temperature: float) -> Loss:
        return functools.partial(losses.supervised_contrastive_loss, temperature=temperature)

    def views(loss: Callable[[float], Any]) -> OfTemperature:
        """Of a loss of two views; the rows of one come before those of the other."""
        return lambda temperature: lambda x, y: loss(temperature)(*x.chunk(2))

    nt_xent = views(lambda temperature: functools.partial(losses.nt_xent_loss, temperature=temperature))
    found = []
    for rows in (256, 1024):
        of_views = functools.partial(Pair, "nt_xent_loss", nt_xent, right=equation, rows=rows, per_class=2, cosine=True)
        of_triplets = functools.partial(Pair, rows=rows)
        if rows == 256:  # with 1024 these peers would take seconds, and up to 17 GiB
            found += [
                of_views("MONAI", views(ContrastiveLoss)),
                of_views("PML, NTXentLoss", metric.NTXentLoss),
                of_triplets(
                    "triplet_loss, soft",
                    functools.partial(losses.triplet_loss, soft_margin=True, max_positives=3),
                    "PML",
                    softplus,
                    functools.partial(triplets, soft=True),
                ),
            ]
        found += [
            of_views("PML, SupConLoss", metric.SupConLoss),
            Pair("supervised_contrastive_loss", supervised, "PML", metric.SupConLoss, equation, rows, cosine=True),
            of_triplets("triplet_loss", losses.triplet_loss, "PML", hinge, triplets),
            of_triplets(
                "triplet_loss, hard",
                functools.partial(losses.triplet_loss, mining="hard"),
                "PML",
                lambda x, y: hinge(x, y, mined(x, y)),
                functools.partial(triplets, hard=True),
            ),
        ]
    return found


def embeddings(pair: Pair, rows: int, *, hard: bool = False) -> tuple[Tensor, Tensor]:
    """Rows around the centre of their class. Hard: some turned to the opposite side; or all close and far away."""
    draw = torch.Generator().manual_seed(0)
    y = torch.arange(rows // pair.per_class)
    y = y.repeat(2) if pair.per_class == 2 else y.repeat_interleave(pair.per_class)
    centre = torch.randn(rows, 128, generator=draw)[y]
    x = 0.3 * centre + torch.randn(rows, 128, generator=draw)
    if hard and pair.cosine:
        x = torch.where(torch.arange(rows)[:, None] % 7 == 0, -1.0, 1.0) * (x + 4 * centre)
    elif hard:
        x = 1000 + 0.01 * x
    return x.requires_grad_(), y


def wrong_by(loss: Loss, right: Loss, x: Tensor, y: Tensor) -> dict[str, float]:
    """Relative errors of value and gradient; 1e9 where one is not finite."""
    z = x.detach().double().requires_grad_()
    value, exact = loss(x, y), right(z, y)
    (g,), (h,) = torch.autograd.grad(value, x), torch.autograd.grad(exact, z)
    errors = {"value_error": (value - exact).abs() / exact, "gradient_error": (g - h).norm() / h.norm()}
    return {name: e.item() if e.isfinite() else 1e9 for name, e in errors.items()}


def measure() -> list[dict[str, Any]]:
    """Every pair in this process."""
    found = []
    for pair in pairs():
        ours, peer, _ = pair.at(hard=False)
        x, y = embeddings(pair, pair.rows)
        step(ours, x, y)
        turns = [(step(ours, x, y), step(peer, x, y))]
        if sum(turns[0]) < SECONDS:  # otherwise the first is long enough not to be noise
            more = max(3, min(25, round(SECONDS / sum(turns[0]))))
            turns = [(step(ours, x, y), step(peer, x, y)) for _ in range(more)]
        own_time, peer_time = (statistics.median(times) for times in zip(*turns, strict=True))
        memory, peer_memory = peak(ours, x, y), peak(peer, x, y)
        row = {"milliseconds": 1e3 * own_time, "peer_milliseconds": 1e3 * peer_time, "ratio": own_time / peer_time}
        found.append(row | {"memory": memory, "peer_memory": peer_memory})
    return found


def exactness(pair: Pair) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind in ("", "hard_"):
        ours, peer, right = pair.at(hard=bool(kind))
        x, y = embeddings(pair, 64, hard=bool(kind))
        for whose, loss in (("", ours), ("peer_", peer)):
            errors = wrong_by(loss, right, x, y)
            correct = errors["value_error"] <= VALUE and errors["gradient_error"] <= GRADIENT
            found |= {f"{whose}{kind}{name}": error for name, error in errors.items()}
            found[f"{whose}{kind}correct"] = correct
    return found


def chunked() -> dict[str, float]:
    """Forward and backward of many rows, and the most memory that this process ever had."""
    z = torch.randn(2, CHUNKED["rows"] // 2, CHUNKED["features"]).requires_grad_()
    start = time.perf_counter()
    torch.autograd.grad(losses.nt_xent_loss(*z, chunk_size=CHUNKED["chunk_size"]), z)
    return {"seconds": time.perf_counter() - start, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def missed(row: dict[str, Any]) -> list[str]:
    who = f"{row['loss']} of {row['rows']} rows beside {row['peer']}"
    found = [f"{who}: not correct"] if not (row["correct"] and row["hard_correct"]) else []
    if row["peer_correct"] and row["ratio"] > NO_SLOWER:
        found.append(f"{who}: ratio {row['ratio']:.2f}, bar {NO_SLOWER}")
    return found


def main() -> int:
    """Print and record; 1 if a bar is missed."""
    runs = in_processes(PROCESSES, __file__, "one")
    rows, late = [], []
    print(f"{'':52}{'ms':>8}{'peer':>8}{'ratio':>8}{'memory':>8}{'peer':>8}   errors on hard data: ours, peer's")
    for pair, found in zip(pairs(), zip(*runs, strict=True), strict=True):
        row: dict[str, Any] = {key: statistics.median(run[key] for run in found) for key in found[0]}
        row |= {"loss": pair.name, "peer": pair.peer_name, "rows": pair.rows} | exactness(pair)
        times = f"{row['milliseconds']:8.1f}{row['peer_milliseconds']:8.1f}{row['ratio']:8.2f}"
        kinds = [f"{who}hard_{of}_error" for who in ("", "peer_") for of in ("value", "gradient")]
        errors = "".join(f"{row[kind]:9.0e}" for kind in kinds)
        verdict = "" if row["peer_hard_correct"] else "  peer wrong there" if row["peer_correct"] else "  peer wrong"
        name = f"{pair.name}, {pair.rows} ({pair.peer_name})"
        print(f"{name:52}{times}{row['memory']:8.1f}{row['peer_memory']:8.1f}   {errors}{verdict}", flush=True)
        late += missed(row)
        rows.append(row)
    (chunked,) = in_processes(1, __file__, "chunked")
    many = CHUNKED | chunked | {"bar_mib": MIB}
    print("nt_xent_loss of {rows} rows, chunk_size={chunk_size}: {seconds:.0f} s, {mib:.0f} MiB".format(**many))
    if many["mib"] > MIB:
        late.append(f"nt_xent_loss in chunks: {many['mib']:.0f} MiB, bar {MIB:.0f}")
    report.record("pairs_speed", {"peers": rows, "chunked": many}, command="make bench", scripts=[__file__, TIMING])
    print(*late, sep="\n")
    return bool(late)


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of the peers
    workers = {"one": measure, "chunked": chunked}
    if sys.argv[1:]:
        print(json.dumps(workers[sys.argv[1]]()))
    else:
        raise SystemExit(main())
