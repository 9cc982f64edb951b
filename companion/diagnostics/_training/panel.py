"""The picture of a training: losses, gradients, updates and dead units, and the findings where they began."""

from collections.abc import Sequence
from typing import Any

import torch

from companion.diagnostics._training.record import Record, Series
from companion.diagnostics._training.symptom import Symptom

MOST = 6  # lines told apart by colour; of more, those that matter are drawn and the rest is one grey crowd


def panel(record: Record, symptoms: Sequence[Symptom]) -> Any:
    """Four axes over the same steps; dotted lines mark findings, numbered as in the list below them."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(9, 6.2), sharex=True, layout="constrained")
    _losses(axes[0, 0], record)
    _gradients(axes[0, 1], record)
    _updates(axes[1, 0], record)
    _dead(axes[1, 1], record)
    for ax in axes[1]:
        ax.set_xlabel("step")
    marked = [seen for seen in symptoms if seen.finding.severity != "note"]
    for ax in axes.flat:
        for seen in marked:
            ax.axvline(seen.step, color="0.3", linestyle=":", linewidth=1.2, zorder=1)
    last = max((series.steps[-1] for series in record.losses.values()), default=1) + 1
    for number, seen in enumerate(marked, 1):
        others = sum(abs(s.step - seen.step) < 0.03 * last for s in marked[: number - 1])
        axes[0, 0].annotate(
            str(number), (seen.step, 1), (3 + 9 * others, -3), xycoords=("data", "axes fraction"),
            textcoords="offset points", va="top", fontsize=9, color="0.2",
        )  # fmt: skip
    names = [f"{n} {seen.finding.name} since {seen.step}" for n, seen in enumerate(marked, 1)]
    lines = [",   ".join(names[i : i + 4]) for i in range(0, len(names), 4)]
    figure.supxlabel("\n".join(lines) or "no findings", fontsize=10, color="0.2")
    return figure


def _losses(ax: Any, record: Record) -> None:
    for place, (name, series) in enumerate(record.losses.items()):
        steps, values = series.tensors()
        colour = f"C{place % 10}"
        width = max(1, len(values) // 50)
        ax.plot(steps, values, color=colour, alpha=0.3 if width > 2 else 1.0, linewidth=0.8)
        if width > 2:
            ax.plot(steps[width - 1 :], values.unfold(0, width, 1).median(1).values, color=colour, linewidth=1.8)
        ax.plot([], [], color=colour, label=name)
        if name in record.validation:
            steps, values = record.validation[name].tensors()
            ax.plot(steps, values, "o--", color=colour, markersize=4, linewidth=1, label=f"{name}, held out")
    ax.set(title="losses, with running medians", ylabel="loss")
    _scale(ax, [*record.losses.values(), *record.validation.values()])
    if record.losses:
        ax.legend(fontsize=9, framealpha=0.85, edgecolor="none")


def _gradients(ax: Any, record: Record) -> None:
    ax.plot(record.steps, _positive(record.total_gradient), color="black", linewidth=1.8, label="all parameters")
    _lines(ax, record, record.gradient, "gradient norms")


def _updates(ax: Any, record: Record) -> None:
    ax.axhspan(1e-4, 1e-2, color="C2", alpha=0.12, linewidth=0, label="common")
    _lines(ax, record, record.ratio, "size of an update, relative to its weight")


def _lines(ax: Any, record: Record, values: torch.Tensor, title: str) -> None:
    """One line per weight matrix: the first, the last, and those between."""
    shown = [
        i for i, matrix in enumerate(record.matrices.tolist()) if matrix and _positive(values[:, i]).isfinite().any()
    ]
    chosen = shown if len(shown) <= MOST else [shown[0], shown[len(shown) // 2], shown[-1]]
    for i in shown:
        place = chosen.index(i) if i in chosen else None
        label = None if place is None else record.names[i]
        colour = "0.8" if place is None else f"C{place}"
        ax.plot(
            record.steps, _positive(values[:, i]), color=colour, linewidth=1.2, marker=".", markersize=3, label=label
        )
    ax.set(title=title, yscale="log")
    ax.legend(fontsize=9, framealpha=0.85, edgecolor="none")


def _dead(ax: Any, record: Record) -> None:
    worst = sorted(record.dead, key=lambda name: -record.dead[name].values[-1])
    for name in worst[:MOST]:
        steps, values = record.dead[name].tensors()
        ax.plot(steps, 100 * values, marker=".", markersize=3, linewidth=1.2, label=name)
    ax.set(title="units that give one value for every row", ylabel="% of the layer", ylim=(-5, 105))
    if worst:
        ax.legend(fontsize=9, framealpha=0.85, edgecolor="none")
    else:
        ax.text(0.5, 0.5, "no activation module was seen", transform=ax.transAxes, ha="center", color="0.4")


def _positive(values: torch.Tensor) -> torch.Tensor:
    """What a logarithmic axis can show: neither 0 nor infinite."""
    return values.masked_fill(~(values > 0) | values.isinf(), torch.nan)


def _scale(ax: Any, series: Sequence[Series]) -> None:
    """Logarithmic if all losses are positive and span a factor of ten, else linear, without what leaves all bounds."""
    values = torch.tensor([v for s in series for v in s.values], dtype=torch.float64)
    values = values[values.isfinite()]
    if len(values) and values.min() > 0 and values.max() > 10 * values.min():
        ax.set_yscale("log")
