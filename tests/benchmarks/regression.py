"""``make bench``: losses of residuals beside their peers, recorded in ``regression_speed.json``.

Forward and backward pass on four pictures of 3 x 256 x 256, on one thread. Ours and one peer take turns in a process;
the medians over the turns give a ratio, and the median over fresh processes the figure. The error is the largest
relative difference, element by element, of value or gradient in float32 from the same function in float64, on
residuals from 0.0001 to 10,000; up to 1e-5 a loss counts as correct.
"""

import functools
import json
import statistics
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from timing import Loss, in_processes, peak, step
from torch import Tensor

from companion import losses, report

PROCESSES, TURNS = 5, 25
CORRECT = 1e-5
NO_SLOWER = 1.0  # than a correct peer; where both call the same kernel, chance decides
TIMING = Path(__file__).with_name("timing.py")
FAR = [s * m * 10.0**e for e in range(-4, 4) for m in (1, 2, 5) for s in (1, -1)] + [1e4, -1e4]


class Pair(NamedTuple):
    """One of our losses and a peer, both taking ``reduction``."""

    name: str
    ours: Loss
    peer_name: str
    peer: Loss


def pairs() -> list[Pair]:
    """Every loss that a peer has too, with the scale at which the two are the same but for a factor."""
    from kornia import losses as kornia

    def mean(loss: Any) -> Loss:
        return lambda x, y, reduction="mean": loss(x, y, reduction=reduction)

    def gaussian(x: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
        return losses.gaussian_nll_loss(x, y.sin(), y, reduction=reduction)

    def torch_gaussian(x: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
        return F.gaussian_nll_loss(x, y, y.sin().exp(), reduction=reduction)

    at = functools.partial
    return [
        Pair("huber_loss", losses.huber_loss, "torch", F.huber_loss),
        Pair("smooth_l1_loss", losses.smooth_l1_loss, "torch", F.smooth_l1_loss),
        Pair("gaussian_nll_loss", gaussian, "torch", torch_gaussian),
        Pair("charbonnier_loss", at(losses.charbonnier_loss, eps=1.0), "kornia", mean(kornia.charbonnier_loss)),
        Pair("cauchy_loss", at(losses.cauchy_loss, c=2**0.5), "kornia", mean(kornia.cauchy_loss)),
        Pair("geman_mcclure_loss", at(losses.geman_mcclure_loss, c=2.0), "kornia", mean(kornia.geman_mcclure_loss)),
        Pair("welsch_loss", at(losses.welsch_loss, c=2**0.5), "kornia", mean(kornia.welsch_loss)),
    ]


def wrong_by(loss: Loss) -> float:
    """The largest relative error of value and gradient; what is below the smallest normal float32 is not compared."""
    found = []
    for dtype in (torch.float32, torch.float64):
        r = torch.tensor(FAR).to(dtype).requires_grad_()
        value = loss(r, torch.zeros_like(r), reduction="none")
        found.append(torch.stack([value.detach(), *torch.autograd.grad(value.sum(), r)]).double())
    single, double = found
    seen = double.abs() > torch.finfo(torch.float32).tiny
    return float(((single - double).abs() / double.abs())[seen].max())


def measure() -> list[dict[str, float]]:
    """Every pair in this process."""
    draw = torch.Generator().manual_seed(0)
    x, y = (torch.randn(4, 3, 256, 256, generator=draw) for _ in range(2))
    x, found = (3 * x).requires_grad_(), []
    for pair in pairs():
        turns = [(step(pair.ours, x, y), step(pair.peer, x, y)) for _ in range(TURNS + 2)][2:]
        ours, peer = (statistics.median(times) for times in zip(*turns, strict=True))
        row = {"milliseconds": 1e3 * ours, "peer_milliseconds": 1e3 * peer, "ratio": ours / peer}
        found.append(row | {"memory": peak(pair.ours, x, y), "peer_memory": peak(pair.peer, x, y)})
    return found


def main() -> int:
    """Print and record; 1 if a bar is missed."""
    runs = in_processes(PROCESSES, __file__, "one")
    rows, late = [], []
    print(f"{'':30}{'ms':>8}{'peer':>8}{'ratio':>8}{'memory':>8}{'peer':>8}   errors: ours, peer's")
    for pair, found in zip(pairs(), zip(*runs, strict=True), strict=True):
        row: dict[str, Any] = {key: statistics.median(run[key] for run in found) for key in found[0]}
        row |= {"loss": pair.name, "peer": pair.peer_name, "error": wrong_by(pair.ours)}
        row |= {"peer_error": wrong_by(pair.peer)}
        times = f"{row['milliseconds']:8.1f}{row['peer_milliseconds']:8.1f}{row['ratio']:8.2f}"
        verdict = "" if row["peer_error"] <= CORRECT else "  not correct"
        errors = f"{row['error']:9.0e}{row['peer_error']:9.0e}{verdict}"
        print(f"{pair.name + f' ({pair.peer_name})':30}{times}{row['memory']:8.1f}{row['peer_memory']:8.1f}   {errors}")
        if row["error"] > CORRECT:
            late.append(f"{pair.name}: relative error {row['error']:.0e}, limit {CORRECT:.0e}")
        if row["peer_error"] <= CORRECT and row["ratio"] > NO_SLOWER:
            late.append(f"{pair.name} beside {pair.peer_name}: ratio {row['ratio']:.2f}, bar {NO_SLOWER}")
        rows.append(row)
    report.record("regression_speed", rows, command="make bench", scripts=[__file__, TIMING])
    print(*late, sep="\n")
    return bool(late)


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of the peers
    if sys.argv[1:] == ["one"]:
        print(json.dumps(measure()))
    else:
        raise SystemExit(main())
