"""``make bench``: what a TrainingMonitor adds to a step of training; printed, nothing is recorded.

A step is forward pass, loss, ``zero_grad``, backward pass and Adam, on one thread, of a small perceptron, where 3 % are
ten microseconds, and of a small convolutional net. The ways of doing it take turns in this process, for one interval at
a time so that each turn has one snapshot; a ratio is the median over the turns.
"""

import itertools
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from companion.diagnostics import TrainingMonitor

BAR = 1.03
Step = Callable[[], object]


def perceptron() -> tuple[nn.Module, tuple[int, ...]]:
    """64-64-10."""
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)), (64, 64)


def convolutional() -> tuple[nn.Module, tuple[int, ...]]:
    """Two convolutions and a linear layer on 3 x 32 x 32."""
    layers = [nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(512, 10)), (64, 3, 32, 32)


def training(make: Callable[[], tuple[nn.Module, tuple[int, ...]]], *, monitored: bool, parts: int = 1) -> Step:
    """One step of Adam, with a monitor or without."""
    torch.manual_seed(0)
    model, shape = make()
    x, t = torch.randn(shape), torch.randint(10, shape[:1])
    optimizer = torch.optim.Adam(model.parameters())
    monitor = TrainingMonitor(model, optimizer) if monitored else None
    names = [f"part {i}" for i in range(parts)]

    def step() -> None:
        loss = F.cross_entropy(model(x), t)
        optimizer.zero_grad()
        loss.backward()
        if monitor is not None:
            monitor.log(loss if parts == 1 else dict.fromkeys(names, loss))
        optimizer.step()

    return step


def seconds(step: Step, repeats: int) -> float:
    """Of the processor, for others may be using it too."""
    start = time.process_time()
    for _ in itertools.repeat(None, repeats):
        step()
    return (time.process_time() - start) / repeats


def paired(plain: Step, monitored: Step, *, turns: int, repeats: int) -> dict[str, float]:
    """Medians over turns: microseconds of a plain step, those that the monitor adds, and the ratio."""
    found = []
    for turn in range(turns + 3):
        order = (plain, monitored) if turn % 2 else (monitored, plain)
        times = {step: 1e6 * seconds(step, repeats) for step in order}
        found.append((times[plain], times[monitored]))
    found = found[3:]
    return {
        "plain_us": statistics.median(a for a, _ in found),
        "added_us": statistics.median(b - a for a, b in found),
        "ratio": statistics.median(b / a for a, b in found),
    }


def main() -> int:
    """Print the ratios; 1 if a bar is missed."""
    torch.set_num_threads(1)
    interval = TrainingMonitor.__init__.__kwdefaults__["interval"]
    print(f"interval {interval}\n{'':34}{'step us':>10}{'added us':>10}{'ratio':>8}{'bar':>8}")
    missed = 0
    cases = [("perceptron", perceptron, 1, 100), ("perceptron, 3 parts", perceptron, 3, 100)]
    for name, make, parts, turns in [*cases, ("convolutional", convolutional, 1, 15)]:
        plain, monitored = training(make, monitored=False), training(make, monitored=True, parts=parts)
        row = paired(plain, monitored, turns=turns, repeats=interval)
        met = row["ratio"] <= BAR
        missed += not met
        numbers = f"{row['plain_us']:10.1f}{row['added_us']:10.1f}{row['ratio']:8.3f}{BAR:8.2f}"
        print(f"{name:34}{numbers}{'' if met else '  missed'}", flush=True)
    return bool(missed)


if __name__ == "__main__":
    raise SystemExit(main())
