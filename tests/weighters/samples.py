"""One small model with a trunk and a head per loss, and a training run of it that can be saved and taken up again."""

import io
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from companion.weighters._base import Weighter
from tests.weighters.registry import Options, WeighterInfo

NAMES = ("data", "boundary", "smooth")
STATE_OF_STEPS = ("step", "_ring", "_ring_steps")  # what a step changes though it taught nothing


class Model(nn.Module):
    """Losses that share a trunk: squared errors of the heads, all positive."""

    def __init__(self, names: Sequence[str] = NAMES) -> None:
        super().__init__()
        self.names = names
        self.trunk = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5), nn.Tanh())
        self.heads = nn.ModuleDict({name: nn.Linear(5, 2) for name in names})

    def forward(self, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        features = self.trunk(rows)
        losses = {}
        for place, name in enumerate(self.names):
            error = self.heads[name](features) - rows.roll(place, 1)[:, :2]
            losses[name] = (1.0 + place) * error.square().mean()
        return losses, features


def batch(step: int, *, rows: int = 8, dtype: torch.dtype = torch.float32) -> Tensor:
    """The batch of a step: the same in every run."""
    generator = torch.Generator().manual_seed(step)
    return torch.randn(rows, 4, generator=generator, dtype=torch.float64).to(dtype)


def shares_parameters(info: WeighterInfo, options: Options) -> bool:
    """Whether this weighter must be given parameters, for it refuses features."""
    return any(set(refused.items()) <= set(options.items()) for refused in info.parameters_only)


class Run:
    """A model, its weighter and its optimiser, trained step by step."""

    def __init__(self, info: WeighterInfo, names: Sequence[str] = NAMES, *, start: int = 0, **options: Any) -> None:
        torch.manual_seed(start)
        self.model = Model(names)
        self.weighter: Weighter = info(names, **options)
        self.by_parameters = shares_parameters(info, options)
        parameters = [*self.model.parameters(), *self.weighter.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=0.01)
        self.done = 0

    def losses(self, rows: Tensor) -> tuple[dict[str, Tensor], Any]:
        """Losses, and what to pass as ``shared``."""
        losses, features = self.model(rows)
        return losses, self.model.trunk if self.by_parameters else features

    def step(self, spoil: dict[str, float] | None = None) -> Tensor:
        """One step of training; ``spoil`` multiplies losses."""
        losses, shared = self.losses(batch(self.done, dtype=next(self.model.parameters()).dtype))
        loss = self.weighter({k: v * (spoil or {}).get(k, 1.0) for k, v in losses.items()}, shared=shared)
        if loss.isfinite():
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        self.done += 1
        return loss.detach()

    def saved(self) -> bytes:
        """All that a checkpoint holds."""
        file = io.BytesIO()
        parts = [self.model.state_dict(), self.weighter.state_dict(), self.optimizer.state_dict(), self.done]
        torch.save(parts, file)
        return file.getvalue()

    def load(self, saved: bytes) -> None:
        model, weighter, optimizer, self.done = torch.load(io.BytesIO(saved), weights_only=True)
        self.model.load_state_dict(model)
        self.weighter.load_state_dict(weighter)
        self.optimizer.load_state_dict(optimizer)


def snapshot(weighter: Weighter, *, without: Sequence[str] = ()) -> dict[str, Tensor]:
    """Every tensor of a weighter, copied, those that are not saved included."""
    tensors = {**dict(weighter.named_buffers()), **dict(weighter.named_parameters())}
    return {name: tensor.detach().clone() for name, tensor in tensors.items() if name not in without}


def equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Bit by bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def seen(info: WeighterInfo, steps: int, tasks: int = len(NAMES)) -> list[tuple[Tensor, Tensor | None]]:
    """Values and inner products of gradients, as a weighter might meet them, float64."""
    generator = torch.Generator().manual_seed(1)
    found = []
    for step in range(steps):
        values = torch.rand(tasks, generator=generator, dtype=torch.float64) + 2.0 / (step + 1)
        jacobian = torch.randn(tasks, 9, generator=generator, dtype=torch.float64)
        found.append((values, jacobian @ jacobian.T if info.of_gradients else None))
    return found
