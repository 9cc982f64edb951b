"""Two test functions for the section `softadapt`, by plain gradient descent, and the ways to set weights side by side.

A part of ``softadapt.py``, which runs it.
"""

from collections.abc import Callable
from itertools import product
from typing import Any, get_args

import torch
from torch import Tensor

from companion.weighters import SoftAdapt
from companion.weighters.softadapt import Variant

VARIANTS = get_args(Variant)


class Fixed:
    """Weights that stay, one row for every run."""

    def __init__(self, weights: Tensor) -> None:
        self.weights = weights

    def __call__(self, values: Tensor) -> Tensor:
        """The losses of every run, (runs, K), to their weights."""
        return self.weights

    def keep(self, rows: Tensor) -> None:
        """From now on only these runs."""
        self.weights = self.weights[rows]


class Adaptive(Fixed):
    """SoftAdapt for many runs at once: their states are stacked, and one vmapped step moves all."""

    def __init__(self, tasks: int, variant: Variant, betas: Tensor) -> None:
        weighter = SoftAdapt([str(task) for task in range(tasks)], variant=variant, history=0).to(betas)
        self.state = {name: value.expand(len(betas), *value.shape) for name, value in weighter.state().items()}
        self.betas = betas

        def advance(values: Tensor, state: dict[str, Tensor], beta: Tensor) -> dict[str, Tensor]:
            weighter.beta = beta  # one for each run
            return weighter.advance(values, None, state)

        self.advance = torch.func.vmap(advance)

    def __call__(self, values: Tensor) -> Tensor:
        """The weights after one more look."""
        self.state = self.advance(values, self.state, self.betas)
        return self.state["weights"]

    def keep(self, rows: Tensor) -> None:
        """From now on only these runs."""
        self.state, self.betas = {name: value[rows] for name, value in self.state.items()}, self.betas[rows]


class Noted(Fixed):
    """The weights of another, noted at every step."""

    def __init__(self, other: Fixed, runs: int) -> None:
        self.other, self.shape, self.rows, self.table = other, runs, torch.arange(runs), list[Tensor]()

    def __call__(self, values: Tensor) -> Tensor:
        """The weights, noted."""
        weights = self.other(values)
        self.table.append(weights.new_zeros(self.shape, weights.shape[-1], dtype=torch.float32))
        self.table[-1][self.rows] = weights.float()
        return weights

    def keep(self, rows: Tensor) -> None:
        """From now on only these runs."""
        self.rows = self.rows[rows]
        self.other.keep(rows)


class Shuffled(Fixed):
    """The weights that each run once had, at random times: right on average, and blind to what happens."""

    def __init__(self, noted: Noted, lasted: Tensor) -> None:
        self.table, self.lasted, self.rows = torch.stack(noted.table), lasted, torch.arange(len(lasted))

    def __call__(self, values: Tensor) -> Tensor:
        """The weights of a step of the past."""
        at = (torch.rand(len(self.rows)) * self.lasted).long()
        return self.table[at, self.rows].to(values)

    def keep(self, rows: Tensor) -> None:
        """From now on only these runs."""
        self.lasted, self.rows = self.lasted[rows], self.rows[rows]


STEPS, TARGET = 15_000, 1e-6
STARTS = 32  # the first half chooses, the second half is reported
RATES = torch.logspace(-10 / 3, 0, 41, dtype=torch.float64)
BETAS = (-1.0, -0.1, 0.0, 0.1, 1.0, 10.0)


def rosenbrock(x: Tensor, y: Tensor) -> Tensor:
    """Two parts, one a hundred times as steep; minimum at (1, 1)."""
    return torch.stack([(1 - x) ** 2, 100 * (y - x**2) ** 2], 1)


def beale(x: Tensor, y: Tensor) -> Tensor:
    """Three squared residuals; minimum at (3, 0.5)."""
    return torch.stack([(c - x + x * y**power) ** 2 for power, c in ((1, 1.5), (2, 2.25), (3, 2.625))], 1)


FUNCTIONS = {"Rosenbrock": (rosenbrock, (-2.0, 2.0), (-1.0, 3.0)), "Beale": (beale, (0.0, 4.0), (-1.0, 1.0))}


def fixed_weights(tasks: int) -> Tensor:
    """A coarse grid of weights that sum to the number of losses."""
    if tasks == 2:
        ratios = torch.logspace(-3, 3, 19, dtype=torch.float64)
        grid = torch.stack([ratios, torch.ones_like(ratios)], 1)
    else:
        grid = torch.tensor([t for t in product((1.0, 4.0, 16.0), repeat=tasks) if min(t) == 1.0], dtype=torch.float64)
    return tasks * grid / grid.sum(1, keepdim=True)


def descend(terms: Callable[..., Tensor], points: Tensor, rates: Tensor, steer: Fixed) -> Tensor:
    """Steps until the plain sum of the terms is below the target, for every run; ``STEPS`` where it never is."""
    needed, alive = torch.full((len(points),), STEPS), torch.arange(len(points))
    for step in range(STEPS):
        if step % 100 == 0:
            kept = ((needed[alive] == STEPS) & points.isfinite().all(1)).nonzero()[:, 0]
            alive, points, rates = alive[kept], points[kept], rates[kept]
            steer.keep(kept)
        if not len(alive):
            break
        points.requires_grad_()
        values = terms(*points.unbind(1))
        there = alive[values.detach().sum(1) < TARGET]
        needed[there] = needed[there].clamp_max(step)
        (slope,) = torch.autograd.grad((steer(values.detach()) * values).sum(), points)
        points = points.detach() - rates * slope
    return needed


def table(needed: Tensor) -> list[dict[str, Any]]:
    """For every setting, by rate: the cost on the choosing starts, and the steps on the others if any arrives.

    The cost is the mean logarithm of the steps; not to arrive counts ten times the limit.
    """
    needed = needed.view(-1, len(RATES), STARTS)
    cost = torch.where(needed < STEPS, needed.clamp_min(1), 10 * STEPS).log2()[..., : STARTS // 2].mean(-1)
    steps = needed[..., STARTS // 2 :].tolist()
    return [
        {
            "cost": [round(float(c), 4) for c in costs],
            "steps": [[n if n < STEPS else None for n in own] if min(own) < STEPS else None for own in rows],
        }
        for costs, rows in zip(cost, steps, strict=True)
    ]


def of_functions() -> dict[str, Any]:
    """Steps by function, method, setting, rate and start."""
    found: dict[str, Any] = {}
    for name, (terms, *box) in FUNCTIONS.items():
        draw = torch.rand(STARTS, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        starts = torch.stack([low + (high - low) * u for (low, high), u in zip(box, draw.unbind(1), strict=True)], 1)
        tasks, one = terms(*starts.unbind(1)).shape[1], len(RATES) * STARTS
        grid = fixed_weights(tasks)

        def run(settings: int, steer: Fixed, terms: Any = terms, starts: Tensor = starts) -> Tensor:
            points, rates = starts.repeat(settings * len(RATES), 1), RATES.repeat_interleave(STARTS).repeat(settings)
            return descend(terms, points, rates[:, None], steer)

        results = {"fixed": table(run(len(grid), Fixed(grid.repeat_interleave(one, 0))))}
        for variant in VARIANTS:
            betas = torch.tensor(BETAS, dtype=torch.float64).repeat_interleave(one)
            results[variant] = table(run(len(BETAS), Adaptive(tasks, variant, betas)))
            print(name, variant, flush=True)
        for variant in ("original", "loss-weighted"):
            noted = Noted(Adaptive(tasks, variant, torch.ones(one, dtype=torch.float64)), one)
            lasted = run(1, noted).clamp(1, len(noted.table))
            results[f"{variant}, shuffled"] = table(run(1, Shuffled(noted, lasted)))
        found[name] = {"runs": results, "fixed": grid.tolist()}
    return found | {"rates": RATES.tolist(), "betas": BETAS, "limit": STEPS}
