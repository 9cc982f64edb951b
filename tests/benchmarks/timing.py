"""What the benchmarks share: the time and the peak memory of a forward and a backward pass, in fresh processes."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

Loss = Callable[[Tensor, Tensor], Tensor]


def step(loss: Loss, x: Tensor, t: Tensor) -> float:
    """Seconds for one forward and backward pass."""
    start = time.perf_counter()
    torch.autograd.grad(loss(x, t), x)
    return time.perf_counter() - start


def peak(loss: Loss, x: Tensor, t: Tensor) -> float:
    """Most memory held at once beyond the arguments, in multiples of the logits, the gradient included."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        torch.autograd.grad(loss(x, t), x)
    held = most = 0
    for event in sorted(record.events(), key=lambda e: e.time_range.end):
        held += event.self_cpu_memory_usage
        most = max(most, held)
    return most / (x.numel() * x.element_size())


def in_processes(count: int, script: str | Path, *arguments: str) -> list[Any]:
    """What a script prints last, as JSON, in so many fresh processes: each has its own luck with memory pages."""
    found = []
    for i in range(count):
        print(f"process {i + 1} of {count}", file=sys.stderr, flush=True)
        done = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return found
