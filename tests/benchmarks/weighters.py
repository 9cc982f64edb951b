"""``make bench``: what a weighter adds to a step of training, recorded in ``weighters_speed.json``.

A step is the forward pass, K losses, the weights and the backward pass, without an optimiser, of a perceptron with 256
inputs, two shared layers of 512 and one output per loss, on 256 rows, on one thread. Two ways of doing it take turns in
this process, now the one first and now the other; a ratio is the median over the turns.
"""

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from companion import report, weighters
from companion.weighters._base import Weighter

Step = Callable[[], Any]
TASKS = (2, 5, 10, 20)
OF_VALUES = 1.05  # ratio to the plain sum
CLOSED_FORM = dict(zip(TASKS, (1.3, 1.5, 1.8, 2.2), strict=True))  # ratio to the plain sum, with shared=features
SOLVING = ("CAGrad", "FairGrad", "MGDA", "NashMTL", "UPGrad")
SOLVER = 20.0  # milliseconds that a method of SOLVING may add beyond the median of what the closed forms add
PEER = 1.0  # ratio to TorchJD with shared=parameters, and of SoftAdapt to the official rule


class Model(nn.Module):
    """A trunk, and a head per loss."""

    def __init__(self, tasks: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.trunk = nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU())
        self.heads = nn.ModuleList(nn.Linear(512, 1) for _ in range(tasks))
        self.rows, self.targets = torch.randn(256, 256), torch.randn(tasks, 256, 1)

    def losses(self) -> tuple[list[Tensor], Tensor]:
        """Squared errors, and the features that they share."""
        self.zero_grad()
        features = self.trunk(self.rows)
        pairs = zip(self.heads, self.targets, strict=True)
        return [(head(features) - target).square().mean() for head, target in pairs], features


def plain(model: Model) -> Step:
    """The sum of the losses."""

    def step() -> None:
        losses, _ = model.losses()
        torch.stack(losses).sum().backward()

    return step


def weighted(model: Model, weighter: Weighter, *, by_parameters: bool = False) -> Step:
    """The sum that a weighter makes of them."""

    def step() -> None:
        losses, features = model.losses()
        weighter(losses, shared=model.trunk if by_parameters else features).backward()

    return step


def by_torchjd(model: Model, aggregator: Any) -> Step:
    """The same by TorchJD, with the gradients of all shared parameters, as its guide to several tasks has it."""
    from torchjd.autojac import jac_to_grad, mtl_backward

    def step() -> None:
        losses, features = model.losses()
        mtl_backward(losses, features=features)
        jac_to_grad(model.trunk.parameters(), aggregator)

    return step


def torchjd_aggregators(tasks: int) -> dict[str, Any]:
    """TorchJD's counterparts of our methods, or none if it is not installed."""
    try:
        from torchjd import aggregation
    except ImportError:
        print("TorchJD is not installed: skipped")
        return {}
    made = {
        "AlignedMTL": aggregation.AlignedMTL,
        "CAGrad": lambda: aggregation.CAGrad(c=0.5),
        "FairGrad": lambda: aggregation.FairGrad(alpha=1.0),
        "GradVac": aggregation.GradVac,
        "IMTLG": aggregation.IMTLG,
        "MGDA": aggregation.MGDA,
        "NashMTL": lambda: aggregation.NashMTL(n_tasks=tasks),
        "PCGrad": aggregation.PCGrad,
        "UPGrad": aggregation.UPGrad,
    }
    found = {}
    for name, make in made.items():
        try:
            found[name] = make()
        except ImportError as error:  # some of its methods need solvers of their own
            print(f"skipped: {error}")
    return found


class OfficialRule:
    """SoftAdapt's original variant as the package of its authors computes it, rewritten: Python lists and numpy.

    For each loss and update that package has the stencil of fourth order solved for anew, central, forward and
    backward, and takes the forward one, which is the slope at the oldest of the five points.
    """

    def __init__(self, tasks: int, beta: float = 0.1) -> None:
        self.beta = beta
        self.series: list[list[float]] = [[1.0] * 5 for _ in range(tasks)]

    def update(self, values: list[Tensor]) -> Tensor:
        slopes = []
        for series, value in zip(self.series, values, strict=True):
            series.append(value.item())
            del series[0]
            points = torch.tensor(series).numpy()
            forward = [self.stencil(first) for first in (-2, 0, -4)][1]
            slopes.append(np.sum([points[i] * forward[i] for i in range(5)]))
        found = torch.tensor(np.array(slopes))
        exponentials = torch.exp(self.beta * (found - found.max()))
        return exponentials / (exponentials.sum() + 1e-8)

    @staticmethod
    def stencil(first: int) -> Any:
        offsets = np.arange(first, first + 5)
        powers = np.array([offsets**power for power in range(5)])
        return np.linalg.solve(powers, np.array([0, 1, 0, 0, 0]))


def seconds(step: Step, repeats: int) -> float:
    """Of the processor, for others may be using it too."""
    start = time.process_time()
    for _ in range(repeats):
        step()
    return (time.process_time() - start) / repeats


def paired(baseline: Step, rival: Step, *, turns: int, repeats: int = 1) -> dict[str, float]:
    """Medians over turns: milliseconds of both, those that the rival adds, and its ratio to the baseline."""
    found = []
    for turn in range(turns + 3):
        order = (baseline, rival) if turn % 2 else (rival, baseline)
        times = {step: 1e3 * seconds(step, repeats) for step in order}
        found.append((times[baseline], times[rival]))
    found = found[3:]
    return {
        "baseline_ms": statistics.median(a for a, _ in found),
        "ms": statistics.median(b for _, b in found),
        "added_ms": statistics.median(b - a for a, b in found),
        "ratio": statistics.median(b / a for a, b in found),
    }


Row = dict[str, Any]


def methods() -> list[str]:
    """The names of all weighters."""
    public = {name: getattr(weighters, name) for name in weighters.__all__ if not name.islower()}
    return [name for name, thing in public.items() if issubclass(thing, Weighter) and thing is not Weighter]


def against_the_sum(tasks: int) -> list[Row]:
    """Every weighter with its defaults and, where it looks at gradients, with features."""
    found = []
    for name in methods():
        model, weighter = Model(tasks), getattr(weighters, name)([f"loss{i}" for i in range(tasks)])
        kind = "solver" if name in SOLVING else "closed form" if weighter.needs_gram else "values"
        row = paired(plain(model), weighted(model, weighter), turns=100)
        found.append({"method": name, "tasks": tasks, "kind": kind, **row})
    closed = [row["added_ms"] for row in found if row["kind"] == "closed form"]
    for row in found:
        if row["kind"] != "solver":
            row |= {"unit": "ratio", "found": row["ratio"]}
            row["bar"] = OF_VALUES if row["kind"] == "values" else CLOSED_FORM[tasks]
        elif closed:
            row |= {"unit": "ms more", "found": row["added_ms"] - statistics.median(closed), "bar": SOLVER}
    return [row for row in found if "bar" in row]


def against_torchjd(tasks: int) -> list[Row]:
    """Ours and TorchJD's, both with the gradients of all shared parameters."""
    found = []
    for name, aggregator in torchjd_aggregators(tasks).items():
        model, weighter = Model(tasks), getattr(weighters, name)([f"loss{i}" for i in range(tasks)])
        row = paired(by_torchjd(model, aggregator), weighted(model, weighter, by_parameters=True), turns=12)
        row |= {"unit": "ratio", "found": row["ratio"], "bar": PEER}
        found.append({"method": name, "tasks": tasks, "kind": "parameters, to TorchJD", **row})
    return found


def against_the_official_rule(tasks: int) -> Row:
    """One update of SoftAdapt from losses that are at hand."""
    values = list(torch.rand(tasks) + 0.5)
    weighter, official = weighters.SoftAdapt([f"loss{i}" for i in range(tasks)]), OfficialRule(tasks)
    ours = paired(lambda: official.update(values), lambda: weighter.look(torch.stack(values)), turns=40, repeats=20)
    row = {"method": "SoftAdapt", "tasks": tasks, "kind": "update, to the official rule"}
    return row | ours | {"unit": "ratio", "found": ours["ratio"], "bar": PEER}


def main() -> int:
    """Print and record; 1 if a bar is missed."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of the peers
    rows = []
    for tasks in TASKS:
        print(f"\n{tasks} losses\n{'':54}{'ms':>8}{'found':>8}{'bar':>8}")
        for row in [*against_the_sum(tasks), *against_torchjd(tasks), against_the_official_rule(tasks)]:
            row["met"] = row["found"] <= row["bar"]
            verdict = "" if row["met"] else "  missed"
            name = f"{row['method']} ({row['kind']})"
            print(f"{name:54}{row['ms']:8.2f}{row['found']:8.2f}{row['bar']:8.2f} {row['unit']}{verdict}", flush=True)
            rows.append(row)
    report.record("weighters_speed", rows, command="make bench", scripts=[__file__])
    missed = sum(not row["met"] for row in rows)
    print(f"\n{missed} of {len(rows)} bars missed")
    return bool(missed)


if __name__ == "__main__":
    raise SystemExit(main())
