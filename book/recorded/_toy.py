"""E1, two losses of two numbers: which weighters leave the valley between two cliffs, and does a unit matter?

All runs of all methods (starts, units, learning rates) are one batch, since Adam moves every number on its own.

References:
    Liu, Liu, Jin, Stone, Liu, *Conflict-Averse Gradient Descent for Multi-task Learning*, NeurIPS 2021, section 5.1.
    https://arxiv.org/abs/2110.14048
    Navon et al., *Multi-Task Learning as a Bargaining Game*, ICML 2022, section 6.1, whose starts and units these are.
    https://arxiv.org/abs/2202.01017
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
from _stacked import AdamPerRun, Make, Stacked, stacked_gram
from torch import Tensor

UNITS = (1.0, 0.1, 10.0)  # of the first loss
STANDARD = [(-8.5, 7.5), (0.0, 0.0), (9.0, 9.0), (-7.5, -0.5), (9.0, -1.0)]
STARTS = torch.tensor(STANDARD + np.random.default_rng(0).uniform(-10, 10, (5, 2)).round(1).tolist()).double()
SHIFT = 21.0  # makes both losses positive, as rules that take their logarithm or their ratio ask
TOLERANCE = 0.1  # distance from the front in the plane of the losses, whose ends lie 28 apart
EVERY = 100  # steps between looks at that distance
FRAMES = 25
LOST = 1000.0  # in place of a number that is not finite, which JSON could not hold


def losses(x: Tensor, unit: Tensor | float = 1.0) -> list[Tensor]:
    """Both losses of points ``(S, 2)``: cliffs above, two bowls below, and a switch between them in the middle."""
    x1, x2 = x.unbind(1)
    above, below = (x2 / 2).tanh().clamp_min(0), (-x2 / 2).tanh().clamp_min(0)
    lean = x2.tanh()
    cliffs = [0.5 * (-x1 - 7) + lean, 0.5 * (3 - x1) - lean + 2]
    bowls = [0.1 * (7 - x1) ** 2, 0.1 * (7 + x1) ** 2]
    first, second = (
        above * (cliff.abs().clamp_min(5e-6).log() + 6) + below * (bowl + 0.01 * (x2 + 8) ** 2 - 20) + SHIFT
        for cliff, bowl in zip(cliffs, bowls, strict=True)
    )
    return [unit * first, second]


def pareto_set(points: int = 2001) -> Tensor:
    """Minimisers ``(points, 2)`` of all weighted sums: x1 follows by hand, x2 by Newton's method.

    The losses of the two ends are joined by a curve of such minimisers without a gap, so there are no others.
    """
    share = torch.linspace(0, 1, points, dtype=torch.float64)
    x1, x2 = 14 * share - 7, torch.full_like(share, -8.0)
    for _ in range(50):
        bowl, lean = 19.6 * share * (1 - share) + 0.01 * (x2 + 8) ** 2 - 20, (-x2 / 2).tanh()
        slope, bend = -(1 - lean**2) / 2, -lean * (1 - lean**2) / 2
        d_bowl = 0.02 * (x2 + 8)
        x2 = x2 - (slope * bowl + lean * d_bowl) / (bend * bowl + 2 * slope * d_bowl + 0.02 * lean)
    return torch.stack([x1, x2], 1)


def distance(x: Tensor, front: Tensor) -> Tensor:
    """How far the losses of points lie from the front, in the first unit."""
    return torch.cdist(torch.stack(losses(x), 1), front).amin(1)


def study(
    methods: Mapping[str, Make], *, rates: Sequence[float], steps: int, shown: Sequence[str] = ()
) -> dict[str, Any]:
    """Steps until each run is at the front to stay, -1 for never, at the lowest rate and at the best of each method.

    The lowest creeps along the valley as the literature's does; where its runs end is kept too.
    """
    settings = list(product(rates, UNITS, range(len(STARTS))))
    each, units, starts = (torch.tensor(column, dtype=torch.float64) for column in zip(*settings, strict=True))
    runs, count = len(settings), len(methods)
    stacks = [Stacked(make(["f1", "f2"]).double(), runs) for make in methods.values()]
    x, units = STARTS[starts.long()].repeat(count, 1).requires_grad_(), units.repeat(count)
    learned = [p for stack in stacks for p in stack.parameters.values()]
    optimizers = [AdamPerRun([x], each.repeat(count)), *([AdamPerRun(learned, each)] if learned else [])]
    front = torch.stack(losses(pareto_set()), 1)
    moments = {round(steps * (frame / FRAMES) ** 2) for frame in range(FRAMES + 1)}  # denser where runs move fast
    outside, frames = torch.zeros(len(x), dtype=torch.long), []
    for step in range(steps + 1):
        if step % EVERY == 0:
            outside = torch.where(distance(x.detach(), front) <= TOLERANCE, outside, step)
        if step in moments:
            frames.append(x.detach().clone())
        values = losses(x, units)
        seen = zip(stacks, torch.stack(values, 1).split(runs), stacked_gram(values, [x]).split(runs), strict=True)
        for optimizer in optimizers:
            optimizer.zero_grad()
        torch.stack([stack(own, gram) for stack, own, gram in seen]).sum().backward()
        for optimizer in optimizers:
            optimizer.step_by()

    shape = (count, len(rates), len(UNITS), len(STARTS))
    reached = torch.where(outside < steps, outside + EVERY, -1).view(shape)
    path = torch.stack(frames, 1).view(*shape, -1, 2).nan_to_num(LOST)
    found: dict[str, Any] = {}
    for name, arrived, way in zip(methods, reached, path, strict=True):
        found[name] = {}
        for kind, r in (("slow", 0), ("tuned", _best_rate(arrived[:, 0]))):
            found[name][kind] = {"rate": rates[r], "steps": arrived[r].tolist()}
            if name in shown:
                found[name][kind]["paths"] = _rounded(way[r, 0, : len(STANDARD)])
        found[name]["slow"]["ends"] = _rounded(way[0, :, :, -1])
        print(name, {k: [sum(s >= 0 for s in unit) for unit in v["steps"]] for k, v in found[name].items()}, flush=True)
    about = {"units": UNITS, "starts": STARTS.tolist(), "front": _rounded(pareto_set(21)), "tolerance": TOLERANCE}
    return {**about, "budget": steps, "methods": found}


def _best_rate(reached: Tensor) -> int:
    """The rate ``(R, starts)`` by which most starts reach the front in the natural unit; of equals, in fewest steps."""
    there = reached >= 0
    return max(range(len(reached)), key=lambda r: (int(there[r].sum()), -int(reached[r][there[r]].sum())))


def _rounded(tensor: Tensor) -> Any:
    return np.round(tensor.numpy(), 2).tolist()
