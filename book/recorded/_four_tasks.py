"""E2, four tasks on the digits: what a weighter gains over fixed weights, and what a change of units costs it.

A trunk with four heads learns the class (cross entropy), whether it is odd (binary cross entropy), the pixels and the
total ink (squared errors). Labels and ink are given with noise, in the test rows too, so that no score can go to 0 and
no ratio of scores can explode. Every method trains at the same learning rates; each seed keeps the one that is best on
its validation rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from _stacked import AdamPerRun, Make, Stacked, stacked_gram
from torch import Tensor, nn
from torch.func import stack_module_state

from companion import data

TASKS = ("class", "odd", "pixels", "ink")
UNITS = {"natural": (1.0, 1.0, 1.0, 1.0), "changed": (1.0, 1.0, 100.0, 0.01)}
RATES = (1e-3, 3e-3, 1e-2, 3e-2)
BATCH_SIZE = 128
WRONG = 0.1  # share of the labels, of the class and of odd, that are drawn at random
INK_NOISE = 0.5  # in standard deviations of the ink
SHARES = (0.2, 1.0, 5.0)  # of the fixed weights, in units of 1 / first loss; that of the first task is 1
FRAMES = 20
LOST = 1000.0  # score of a run that diverged
Weigh = Callable[[Tensor, Tensor | None], Tensor]  # losses (S, K) and gram (S, K, K) to a scalar


@dataclass(frozen=True)
class Rows:
    """Images and targets of one part of the data, by seed."""

    x: Tensor  # (seeds, N, 64); (seeds, N) each of the others
    label: Tensor
    odd: Tensor
    ink: Tensor
    true: Tensor

    def pick(self, seed: Tensor, rows: Tensor | slice = slice(None)) -> "Rows":
        """Rows ``(S, B)`` of the seeds ``(S,)``, or all of them."""
        seed = seed if isinstance(rows, slice) else seed.unsqueeze(1)
        return Rows(**{name: column[seed, rows] for name, column in vars(self).items()})


class Network(nn.Module):
    """A trunk of two layers, and heads that are one linear map: ten classes, odd, 64 pixels, ink."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.heads = nn.Linear(64, 32), nn.Linear(32, 16), nn.Linear(16, 10 + 1 + 64 + 1)


def features(p: dict[str, Tensor], x: Tensor) -> Tensor:
    """What the tasks share, ``(S, B, 16)``."""
    return _linear(p, "second", _linear(p, "first", x).relu()).relu()


def errors(p: dict[str, Tensor], z: Tensor, rows: Rows) -> list[Tensor]:
    """The four losses ``(S,)``, and the share of wrong classes."""
    label, odd, pixels, ink = _linear(p, "heads", z).split([10, 1, 64, 1], 2)
    runs = len(z)
    return [
        F.cross_entropy(label.flatten(0, 1), rows.label.flatten(), reduction="none").view(runs, -1).mean(1),
        F.binary_cross_entropy_with_logits(odd.squeeze(2), rows.odd, reduction="none").mean(1),
        (pixels - rows.x).square().mean((1, 2)),
        (ink.squeeze(2) - rows.ink).square().mean(1),
        (label.detach().argmax(2) != rows.true).float().mean(1),
    ]


def train(
    weigh: Weigh, parts: Mapping[str, Rows], units: Sequence[float], steps: int, *, needs_gram: bool = False
) -> tuple[dict[str, Tensor], Tensor]:
    """Train every seed at every rate, side by side.

    Returns:
        By part what the runs score, ``(5, rates, seeds)``: log-losses, root mean squared errors, wrong classes; and the
        weights of the losses over time, ``(frames, rates, seeds, 4)``, if they change.
    """
    count = len(parts["train"].x)
    seeds, rates = torch.arange(count).repeat(len(RATES)), torch.tensor(RATES).repeat_interleave(count)
    p, _ = stack_module_state([_network(seed) for seed in seeds.tolist()])
    optimizer = AdamPerRun([*p.values(), *getattr(weigh, "parameters", {}).values()], rates)
    batches = torch.stack([_batches(parts["train"].x.shape[1], steps, seed) for seed in range(count)], 1)
    frames = []
    for step, rows in enumerate(batches):
        batch = parts["train"].pick(seeds, rows[seeds])
        z = features(p, batch.x)
        losses = [unit * loss for unit, loss in zip(units, errors(p, z, batch), strict=False)]
        gram = stacked_gram(losses, [z]) if needs_gram else None
        optimizer.zero_grad()
        weigh(torch.stack(losses, 1), gram).backward()
        optimizer.step_by()
        if isinstance(weigh, Stacked) and step % (steps // FRAMES) == 0:
            frames.append(weigh.state["weights"])
    with torch.no_grad():
        found = {name: _scores(p, parts[name].pick(seeds)) for name in ("validation", "test")}
    return found, torch.stack(frames).view(-1, len(RATES), count, 4) if frames else torch.zeros(0)


class Fixed:
    """Weights that stay: shares of the tasks, in units of 1 / first loss, so that units of measure do not matter."""

    def __init__(self, shares: Sequence[float]) -> None:
        self.shares = torch.tensor(shares)
        self.scale: Tensor | None = None

    def __call__(self, losses: Tensor, gram: Tensor | None) -> Tensor:
        """The weighted sum over all runs."""
        self.scale = losses.detach() if self.scale is None else self.scale
        return (self.shares / self.scale * losses).sum()


def study(methods: Mapping[str, Make], *, seeds: int, steps: int, shown: Sequence[str]) -> dict[str, Any]:
    """Each task alone, fixed weights from a grid, and every method in both units."""
    parts, natural = _parts(seeds), UNITS["natural"]
    alone = [train(partial(_one_task, task), parts, natural, steps)[0] for task in range(4)]
    single = {
        part: torch.stack([_chosen(trials["validation"][k], trials[part][k]) for k, trials in enumerate(alone)])
        for part in ("validation", "test")
    }

    def judged(trials: Mapping[str, Tensor]) -> dict[str, Any]:
        """What the settings score on the test rows that are best on the validation rows, seed by seed."""
        worse = (trials["validation"][:4] / single["validation"].unsqueeze(1)).mean(0)
        scores = torch.stack([_chosen(worse, score) for score in trials["test"]])
        change = 100 * (scores[:4] / single["test"] - 1)
        return {"change": _rounded(change, 2), "wrong": _rounded(scores[4], 4), "setting": _best(worse).tolist()}

    tried = [train(Fixed((1.0, *rest)), parts, natural, steps)[0] for rest in product(SHARES, repeat=3)]
    grid = {part: torch.cat([trials[part] for trials in tried], 1) for part in ("validation", "test")}
    drawn = torch.stack([_drawn(grid["test"].shape[1], seed) for seed in range(seeds)], 1).expand(5, -1, -1)
    few = {part: scores.gather(1, drawn) for part, scores in grid.items()}
    fixed = {"fixed, tuned": judged(grid), "fixed, as few trials": judged(few)}
    found: dict[str, Any] = {units: dict(fixed) for units in UNITS}
    for units, (name, make) in product(UNITS, methods.items()):
        stack = Stacked(make(TASKS), seeds * len(RATES))
        trials, weights = train(stack, parts, UNITS[units], steps, needs_gram=stack.needs_gram)
        found[units][name] = judged(trials)
        if name in shown:
            found[units][name]["weights"] = _rounded(weights[:, found[units][name]["setting"][0], 0], 4)
        print(units, name, np.mean(found[units][name]["change"], 1).round(), flush=True)
    about = {
        "tasks": TASKS,
        "units": UNITS,
        "rates": RATES,
        "steps": steps,
        "trials of the grid": grid["test"].shape[1],
    }
    return {**about, "alone": _rounded(single["test"], 4), "methods": found}


def _one_task(task: int, losses: Tensor, gram: Tensor | None) -> Tensor:
    return losses[:, task].sum()


def _parts(seeds: int) -> dict[str, Rows]:
    """Its own split and its own noise for every seed; pixels and ink in standard deviations."""
    x, y = data.digits()
    ink = x.sum(1)
    x, ink = (x - x.mean()) / x.std(), (ink - ink.mean()) / ink.std()
    found: dict[str, list[dict[str, Tensor]]] = {"train": [], "validation": [], "test": []}
    for seed in range(seeds):
        random = torch.Generator().manual_seed(seed)
        wrong = torch.rand(2, len(y), generator=random) < WRONG
        drawn = torch.randint(10, (2, len(y)), generator=random)
        columns = {
            "x": x,
            "label": torch.where(wrong[0], drawn[0], y),
            "odd": torch.where(wrong[1], drawn[1], y) % 2.0,
            "ink": ink + INK_NOISE * torch.randn(len(y), generator=random),
            "true": y,
        }
        for part, rows in data.split(y, seed=seed)._asdict().items():
            found[part].append({name: column[rows] for name, column in columns.items()})
    return {part: Rows(**{name: torch.stack([o[name] for o in own]) for name in own[0]}) for part, own in found.items()}


def _network(seed: int) -> Network:
    torch.manual_seed(seed)
    return Network()


def _linear(p: Mapping[str, Tensor], name: str, h: Tensor) -> Tensor:
    return torch.baddbmm(p[f"{name}.bias"].unsqueeze(1), h, p[f"{name}.weight"].mT)


def _batches(n: int, steps: int, seed: int) -> Tensor:
    """Rows ``(steps, BATCH_SIZE)`` of shuffled epochs, the last rows of each left out."""
    generator, whole = torch.Generator().manual_seed(seed), n // BATCH_SIZE
    epochs = [torch.randperm(n, generator=generator)[: whole * BATCH_SIZE] for _ in range(-(-steps // whole))]
    return torch.cat(epochs).view(-1, BATCH_SIZE)[:steps]


def _scores(p: Mapping[str, Tensor], rows: Rows) -> Tensor:
    found = torch.stack(errors(p, features(p, rows.x), rows))
    found[2:4] = found[2:4].sqrt()
    return found.nan_to_num(LOST, posinf=LOST).view(5, len(RATES), -1)


def _best(validation: Tensor) -> Tensor:
    """The setting of every seed that is lowest."""
    return validation.argmin(0)


def _chosen(validation: Tensor, test: Tensor) -> Tensor:
    """The test scores of those settings; both ``(settings, seeds)``."""
    return test.gather(0, _best(validation).unsqueeze(0)).squeeze(0)


def _drawn(settings: int, seed: int) -> Tensor:
    """As many settings as other methods try."""
    return torch.randperm(settings, generator=torch.Generator().manual_seed(seed))[: len(RATES)]


def _rounded(tensor: Tensor, digits: int) -> Any:
    return np.round(tensor.double().numpy(), digits).tolist()
