"""E3, a network that solves a differential equation: how much does the weight of the boundary matter, and who finds it?

The equation is -u'' = f on [0, 1] with u = 0 at both ends. Learning rates, and the fixed weight, are chosen on seeds of
their own; the seeds that are judged were never looked at.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from _stacked import AdamPerRun, Make, Stacked, stacked_gram, stacked_sizes
from torch import Tensor, nn
from torch.func import stack_module_state

from companion.weighters import Static

LOSSES = ("residual", "boundary")
WAVES = {1: 1.0, 4: 0.25}  # the solution: amplitudes of sin(k pi x)
POINTS = 32
RATES = (3e-3, 1e-2, 3e-2)
BOUNDARY = (1.0, 10.0, 100.0, 1000.0, 10000.0)  # fixed weights of the boundary against the residual
WIDTH = 40
FRAMES = 25
LOST = 1000.0  # error of a run that diverged
LARGEST = 1e30  # ratio of two weights of which one may be 0
LAST_BIAS = "layers.3.bias"  # the residual does not depend on it, so it is not shared


class Network(nn.Module):
    """Three hidden layers of tanh."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [1, WIDTH, WIDTH, WIDTH, 1]
        self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in pairwise(sizes)])


def solution(x: Tensor) -> Tensor:
    """The true u."""
    return sum(amplitude * torch.sin(k * math.pi * x) for k, amplitude in WAVES.items())


def source(x: Tensor) -> Tensor:
    """The f that belongs to it."""
    return sum(amplitude * (k * math.pi) ** 2 * torch.sin(k * math.pi * x) for k, amplitude in WAVES.items())


def value_and_bend(p: Mapping[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Solutions and their second derivatives at points ``(N,)``, ``(S, N)`` each; derivatives travel along."""
    value, slope, bend = x.view(1, -1, 1), torch.ones(1, len(x), 1), torch.zeros(1, len(x), 1)
    for layer in range(4):
        weight, bias = p[f"layers.{layer}.weight"].mT, p[f"layers.{layer}.bias"].unsqueeze(1)
        value, slope, bend = (torch.cat([value, slope, bend], 1) @ weight).chunk(3, 1)
        value = value + bias
        if layer < 3:
            value = value.tanh()
            steep = 1 - value**2
            bend = steep * (bend - 2 * value * slope**2)
            slope = steep * slope
    return value.squeeze(2), bend.squeeze(2)


def train(make: Make, seeds: int, steps: int) -> tuple[Tensor, Tensor]:
    """Train every seed at every rate, side by side; the rate falls to 0 along a cosine.

    Returns:
        Relative error of u ``(rates, seeds)``, and the weight of the boundary against that of the residual over time,
        ``(frames, rates, seeds)``.
    """
    rates = torch.tensor(RATES).repeat_interleave(seeds)
    p, _ = stack_module_state([_network(run % seeds) for run in range(len(rates))])
    weighter = make(LOSSES)
    stack = Stacked(weighter, len(rates))
    look = stacked_sizes if getattr(weighter, "rule", None) == "lra" else stacked_gram
    optimizer = AdamPerRun([*p.values(), *stack.parameters.values()], rates)
    x, frames = torch.linspace(0, 1, POINTS), []
    f, shared = source(x), [value for name, value in p.items() if name != LAST_BIAS]
    for step in range(steps):
        value, bend = value_and_bend(p, x)
        losses = [(bend + f).square().mean(1), value[:, [0, -1]].square().mean(1)]
        gram = look(losses, shared) if stack.needs_gram else None
        optimizer.zero_grad()
        stack(torch.stack(losses, 1), gram).backward()
        optimizer.step_by(0.5 * (1 + math.cos(math.pi * step / steps)))
        if step % (steps // FRAMES) == 0 or step == steps - 1:
            frames.append(stack.state["weights"][:, 1] / stack.state["weights"][:, 0])
    with torch.no_grad():
        x = torch.linspace(0, 1, 201)
        error = (value_and_bend(p, x)[0] - solution(x)).norm(dim=1) / solution(x).norm()
    ratio = torch.stack(frames).nan_to_num(0.0).clamp(-LARGEST, LARGEST)
    return error.nan_to_num(LOST, posinf=LOST).view(-1, seeds), ratio.view(-1, len(RATES), seeds)


def study(methods: Mapping[str, Make], *, seeds: int, tuning: int, steps: int, shown: Sequence[str]) -> dict[str, Any]:
    """Errors of every method and of every fixed weight, each at the rate that was best on the tuning seeds."""
    found: dict[str, Any] = {}
    tuned, errors = [], []  # of the fixed weights: (5, rates), and (5, rates, seeds)
    fixed = {f"fixed, {value:g}": _fixed(value) for value in BOUNDARY}
    for name, make in {**fixed, **methods}.items():
        error, weight = train(make, seeds + tuning, steps)
        trials = error[:, seeds:].log().mean(1)
        best = int(trials.argmin())
        found[name] = {"error": _digits(error[best, :seeds]), "rate": RATES[best]}
        found[name]["weight at the end"] = _digits(weight[-1, best, :seeds])
        if name in shown:
            found[name]["weight"] = _digits(weight[:, best, :seeds].log().mean(1).exp())
        if name in fixed:
            tuned.append(trials)
            errors.append(error[:, :seeds])
        print(name, RATES[best], f"{float(error[best, :seeds].log().mean().exp()):.1e}", flush=True)
    trials, error = torch.cat(tuned), torch.cat(errors)
    few = [min(_drawn(len(trials), seed), key=lambda setting: float(trials[setting])) for seed in range(seeds)]
    found["fixed, tuned"] = {"error": _digits(error[trials.argmin()]), "setting": int(trials.argmin())}
    found["fixed, as few trials"] = {"error": _digits(error[few, range(seeds)]), "setting": few}
    about = {"rates": RATES, "boundary": BOUNDARY, "steps": steps, "tuning seeds": tuning}
    return {**about, "trials of the grid": len(trials), "methods": found}


def _drawn(settings: int, seed: int) -> list[int]:
    """As many settings as other methods try."""
    return torch.randperm(settings, generator=torch.Generator().manual_seed(seed))[: len(RATES)].tolist()


def _fixed(boundary: float) -> Make:
    return lambda names: Static(names, [1.0, boundary], sum_to="tasks")


def _network(seed: int) -> Network:
    torch.manual_seed(seed)
    return Network()


def _digits(tensor: Tensor) -> list[float]:
    """Three digits of each number."""
    return [float(f"{value:.3g}") for value in tensor.tolist()]
