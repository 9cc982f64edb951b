"""What a training leaves behind: losses of every step, norms and dead units of some."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

KEPT = 4096  # entries of a series, and snapshots, beyond which every second of the older half is dropped


@dataclass
class Series:
    """Values by step, oldest first; a step may have several, of which the mean counts."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    called: int = -1  # steps taken when the last value came, which may be late

    def add(self, step: int, value: float) -> None:
        self.steps.append(step)
        self.values.append(value)
        if len(self.steps) > 16 * KEPT:
            thin(self.steps, self.values)

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Steps ``(T,)``, each once, and values ``(T,)``."""
        steps, place = torch.unique_consecutive(torch.tensor(self.steps, dtype=torch.long), return_inverse=True)
        values = torch.tensor(self.values, dtype=torch.float64)
        count = torch.zeros(len(steps), dtype=torch.float64).index_add_(0, place, torch.ones_like(values))
        return steps, torch.zeros_like(count).index_add_(0, place, values) / count


@dataclass
class Record:
    """All that a monitor has seen.

    Norms have one row per snapshot and one column per parameter. A gradient that is missing is NaN, and everything
    that is not finite is infinite.
    """

    names: list[str]
    losses: dict[str, Series] = field(default_factory=dict)
    validation: dict[str, Series] = field(default_factory=dict)
    dead: dict[str, Series] = field(default_factory=dict)
    steps: list[int] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)  # the largest learning rate
    norms: list[Tensor] = field(default_factory=list)  # (3, P): gradient, weight and update after the step
    stale: list[bool] = field(default_factory=list)  # whether its gradient was there when the next was added

    def snapshot(self, step: int, rate: float, norms: Tensor) -> None:
        for column, value in zip(self._columns(), (step, rate, norms, False), strict=True):
            column.append(value)
        if len(self.steps) > KEPT:
            thin(*self._columns())

    def _columns(self) -> tuple[list[Any], ...]:
        return self.steps, self.rates, self.norms, self.stale

    def _norm(self, row: int) -> Tensor:
        return torch.stack(self.norms)[:, row].double() if self.norms else torch.zeros(0, len(self.names))

    @property
    def gradient(self) -> Tensor:
        return self._norm(0)

    @property
    def weight(self) -> Tensor:
        return self._norm(1)

    @property
    def update(self) -> Tensor:
        return self._norm(2)

    @property
    def total_gradient(self) -> Tensor:
        """Norm over all parameters that have a gradient, ``(S,)``."""
        return self.gradient.nan_to_num(nan=0.0, posinf=torch.inf).square().sum(1).sqrt()

    @property
    def ratio(self) -> Tensor:
        """Norm of the update over that of the weight, ``(S, P)``; NaN where the weight is 0."""
        return torch.where(self.weight > 0, self.update / self.weight, torch.nan)

    @property
    def matrices(self) -> Tensor:
        """Which parameters have a size that says something, ``(P,)``: a bias may be 0, a weight is not."""
        weights = torch.tensor([not name.endswith("bias") for name in self.names], dtype=torch.bool)
        return weights & (self.weight > 0).any(0) if self.norms else weights

    def parts(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Steps and values of the losses; without one that is the sum of the others."""
        series = {name: s.tensors() for name, s in self.losses.items()}
        sums = [name for name in series if len(series) > 2 and _is_sum(name, series)]
        return {name: pair for name, pair in series.items() if name not in sums[:1]}

    def total(self) -> tuple[Tensor, Tensor]:
        """Steps and the sum of the parts, where all of them were logged."""
        found = list(self.parts().values())
        if not found:
            return torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.float64)
        steps = found[0][0]
        for other, _ in found[1:]:
            steps = steps[torch.isin(steps, other)]
        return steps, torch.stack([v[torch.isin(s, steps)] for s, v in found]).sum(0)

    def rows(self) -> Iterator[tuple[int, str, float]]:
        """Step, quantity and value of everything, for a table or a writer."""
        for kind, group in (("loss", self.losses), ("validation", self.validation), ("dead", self.dead)):
            for name, series in group.items():
                yield from ((s, f"{kind}/{name}", v) for s, v in zip(series.steps, series.values, strict=True))
        for at in range(len(self.steps)):
            yield from self.snapshot_rows(at)

    def snapshot_rows(self, at: int) -> Iterator[tuple[int, str, float]]:
        """The same of one snapshot."""
        step, norms = self.steps[at], self.norms[at]
        yield step, "learning rate", self.rates[at]
        yield step, "gradient", float(torch.linalg.vector_norm(norms[0].nan_to_num(nan=0.0, posinf=torch.inf)))
        for kind, values in zip(("gradient", "weight", "update"), norms.tolist(), strict=True):
            yield from ((step, f"{kind}/{name}", value) for name, value in zip(self.names, values, strict=True))

    def state(self) -> dict[str, Any]:
        """Tensors, names and dicts, which ``torch.load`` reads with ``weights_only=True``."""
        groups = {"losses": self.losses, "validation": self.validation, "dead": self.dead}
        saved: dict[str, Any] = {
            kind: {
                name: (torch.tensor(s.steps, dtype=torch.long), torch.tensor(s.values, dtype=torch.float64))
                for name, s in group.items()
            }
            for kind, group in groups.items()
        }
        norms = torch.stack(self.norms) if self.norms else torch.zeros(0, 3, len(self.names))
        return saved | {
            "names": list(self.names),
            "steps": torch.tensor(self.steps, dtype=torch.long),
            "rates": torch.tensor(self.rates, dtype=torch.float64),
            "norms": norms,
            "stale": torch.tensor(self.stale, dtype=torch.bool),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Record":
        record = cls(list(state["names"]))
        for kind, group in (("losses", record.losses), ("validation", record.validation), ("dead", record.dead)):
            for name, (steps, values) in state[kind].items():
                group[name] = Series(steps.tolist(), values.tolist())
        record.steps, record.rates, record.stale = (state[name].tolist() for name in ("steps", "rates", "stale"))
        record.norms = list(state["norms"].unbind())
        return record


def _is_sum(name: str, series: dict[str, tuple[Tensor, Tensor]]) -> bool:
    others = [pair for other, pair in series.items() if other != name]
    steps, values = series[name]
    if any(not torch.equal(steps, s) for s, _ in others):
        return False
    return torch.allclose(values, torch.stack([v for _, v in others]).sum(0), rtol=1e-3, equal_nan=True)


def thin(*columns: list[Any]) -> None:
    """Drop every second entry of the older half."""
    for column in columns:
        del column[1 : len(column) // 2 : 2]
