"""The plots that many pages share, in one readable style. Every function draws on ``ax`` and returns it."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from sklearn.metrics import confusion_matrix

from companion.weighters._base import History

Array = npt.ArrayLike | torch.Tensor


def style() -> None:
    """Set the house style: readable on a phone, safe for colour-blind readers, on an opaque white ground.

    Example:
        >>> style()
        >>> plt.rcParams["figure.facecolor"]
        'white'
    """
    sns.set_theme(
        style="whitegrid",
        palette="colorblind",
        rc={
            "figure.figsize": (5.6, 3.6),  # a phone shows it 360 pixels wide: 13 points become 11 pixels
            "figure.dpi": 150,
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "font.size": 13,
            "axes.labelsize": 13,
            "axes.titlesize": 13,
            "xtick.labelsize": 12,
            "ytick.labelsize": 12,
            "legend.fontsize": 12,
            "legend.title_fontsize": 12,
            "axes.edgecolor": "0.3",
            "grid.color": "0.88",
            "image.cmap": "gray",
        },
    )


def intervals(table: pd.DataFrame, *, metric: str | None = None, ax: Axes | None = None) -> Axes:
    """Forest plot of :func:`companion.experiments.compare`: what each method gains over the baseline.

    A filled marker has ``p_holm`` below 0.05, a hollow one does not.

    Args:
        table: What ``compare`` returned.
        metric: Which metric to show; may be left out if there is one.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, methods from top to bottom in the order of the table.

    Raises:
        ValueError: If ``metric`` is not in the table, or left out where there are several.

    Example:
        >>> from companion.experiments import compare
        >>> table = compare({"plain": [1, 2, 3, 4, 5, 6], "better": [2, 4, 4, 6, 6, 8]}, baseline="plain")
        >>> intervals(table).get_xlabel()
        'score, difference from plain'
    """
    found = list(table["metric"].unique())
    if metric is None and len(found) == 1:
        metric = found[0]
    if metric not in found:
        raise ValueError(f"`metric` must be one of {', '.join(map(repr, found))}, got {metric!r}.")
    ax = _axes(ax)
    rows = table[table["metric"] == metric]
    baseline = rows.loc[rows["difference"].isna(), "method"].item()
    rows = rows[rows["method"] != baseline]
    colour = sns.color_palette("colorblind")[0]
    for place, row in enumerate(rows.itertuples()):
        ax.plot([row.low, row.high], [place, place], color=colour, linewidth=2)
        face = colour if row.p_holm < 0.05 else "white"
        ax.plot(row.difference, place, "o", markersize=8, color=colour, markerfacecolor=face, markeredgewidth=2)
    ax.axvline(0, color="0.3", linewidth=1.5, zorder=1)
    ax.set(ylim=(len(rows) - 0.5, -0.5), xlabel=f"{metric}, difference from {baseline}", ylabel="")
    ax.set_yticks(range(len(rows)), rows["method"])
    ax.grid(visible=False, axis="y")
    return ax


def reliability(tables: pd.DataFrame | Mapping[str, pd.DataFrame], *, ax: Axes | None = None) -> Axes:
    """Reliability diagram: on the diagonal a model is right as often as it claims, below it claims too much.

    Args:
        tables: What :func:`companion.metrics.reliability` returned, or one such table per name. Vertical bars are
            its intervals.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, with the same limits both ways.

    Example:
        >>> from companion.metrics import reliability as bins
        >>> reliability(bins([0, 1, 1, 1], [0.5, 0.5, 1.0, 1.0])).get_xlabel()
        'claimed probability'
    """
    ax = _axes(ax)
    named = {"": tables} if isinstance(tables, pd.DataFrame) else tables
    for (name, table), marker in zip(named.items(), "osD^vPX*" * len(named), strict=False):
        bars = np.abs(table[["low", "high"]].to_numpy().T - table["observed"].to_numpy())
        ax.errorbar(table["claimed"], table["observed"], bars, marker=marker, label=name, elinewidth=1, markersize=5)
    top = 1.05 * max(table[["claimed", "observed"]].to_numpy().max() for table in named.values())
    ax.plot([0, top], [0, top], color="0.3", linestyle="--", linewidth=1.5, zorder=1)
    ax.set(xlim=(0, top), ylim=(0, top), xlabel="claimed probability", ylabel="observed share")
    ax.set_aspect("equal")
    ax.locator_params(nbins=5)
    if len(named) > 1:
        ax.legend()
    return ax


def curves(
    values: Mapping[str, Array],
    *,
    x: Array | None = None,
    xlabel: str = "step",
    ylabel: str = "training loss",
    ax: Axes | None = None,
) -> Axes:
    """Mean over the seeds as a line, the range of all seeds as a band.

    Args:
        values: One array ``(seeds, points)`` per name, such as ``Fit.losses``.
        x: Positions of the points; by default 1, 2, ...
        xlabel: What ``x`` is, with its unit.
        ylabel: What the values are, with their unit.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        ValueError: If an array is not two-dimensional.

    Example:
        >>> curves({"focal": torch.rand(10, 50)}, ylabel="loss in nats").get_ylabel()
        'loss in nats'
    """
    ax = _axes(ax)
    long = []
    for name, array in values.items():
        table = _numpy(array)
        if table.ndim != 2:
            raise ValueError(f"`values` must hold arrays of shape (seeds, points), got {table.shape} for {name!r}.")
        at = np.arange(1, table.shape[1] + 1) if x is None else _numpy(x)
        long.append(pd.DataFrame({"x": np.tile(at, len(table)), "y": table.ravel(), "name": name}))
    data = pd.concat(long, ignore_index=True)
    sns.lineplot(data, x="x", y="y", hue="name", style="name", errorbar=("pi", 100), legend=len(values) > 1, ax=ax)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if len(values) > 1:
        ax.legend(title=None)
    return ax


def confusion(target: Array, decision: Array, *, names: Sequence[str] | None = None, ax: Axes | None = None) -> Axes:
    """Confusion matrix: counts in the cells (empty where 0), colours by the share of the true class.

    Args:
        target: Class indices ``(N,)``.
        decision: Predicted class indices ``(N,)``.
        names: One name per class; by default the indices.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, true classes as rows.

    Example:
        >>> confusion([0, 0, 1], [0, 1, 1], names=["benign", "malignant"]).get_ylabel()
        'true class'
    """
    ax = _axes(ax)
    y, d = _numpy(target), _numpy(decision)
    classes = range(len(names) if names is not None else int(max(y.max(), d.max())) + 1)
    counts = confusion_matrix(y, d, labels=list(classes))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    ticks = list(names) if names is not None else list(map(str, classes))
    labels = np.where(counts > 0, counts.astype(str), "")
    size = {"fontsize": 13 if len(ticks) < 8 else 11}
    sns.heatmap(shares, annot=labels, annot_kws=size, fmt="", vmin=0, vmax=1, cmap="Blues", cbar=False, ax=ax)
    ax.set_xticks(np.arange(len(ticks)) + 0.5, ticks)
    ax.set_yticks(np.arange(len(ticks)) + 0.5, ticks, rotation=0)
    ax.set(xlabel="predicted class", ylabel="true class")
    return ax


def shares(table: Mapping[str, Mapping[str, float]], *, xlabel: str = "share", ax: Axes | None = None) -> Axes:
    """Stacked bars that show how each total is divided; parts of at least 10 % are labelled.

    Args:
        table: Per bar the size of each part, in any unit, not negative.
        xlabel: What is divided.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, bars from top to bottom in the order of ``table``.

    Raises:
        ValueError: If a size is negative or not finite, or all sizes of a bar are 0.

    Example:
        >>> shares({"rows": {"rare": 1, "common": 99}, "gradient": {"rare": 40, "common": 60}}).get_xlabel()
        'share'
    """
    sizes = pd.DataFrame(table).T.fillna(0.0)
    if not (np.isfinite(sizes).all(axis=None) and (sizes >= 0).all(axis=None) and (sizes.sum(axis=1) > 0).all()):
        raise ValueError("`table` must hold finite sizes of at least 0, not all of a bar 0.")
    ax = _axes(ax)
    parts = 100 * sizes.div(sizes.sum(axis=1), axis=0)
    left = np.zeros(len(parts))
    palette = "colorblind" if parts.shape[1] <= 6 else "viridis"
    for name, colour in zip(parts, sns.color_palette(palette, parts.shape[1]), strict=True):
        bars = ax.barh(parts.index, parts[name], left=left, color=colour, edgecolor="white", label=name)
        ink = "white" if np.dot(colour, [0.299, 0.587, 0.114]) < 0.4 else "black"
        ax.bar_label(bars, [f"{v:.0f} %" if v >= 10 else "" for v in parts[name]], label_type="center", color=ink)
        left += parts[name].to_numpy()
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    ax.xaxis.set_major_formatter(PercentFormatter())
    ax.set(xlim=(0, 100), xlabel=xlabel)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(parts.shape[1], 4), frameon=False)
    return ax


def weights(history: History, *, losses: bool = False, ax: Axes | None = None) -> Axes:
    """What a weighter did, step by step: one line per loss, told apart without colour too.

    Args:
        history: What ``weighter.history()`` returned. A step whose loss is not finite leaves a gap.
        losses: Whether to show the values of the losses, on a logarithmic axis if all are positive, instead of weights.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, the legend in the order of the lines at the last step.

    Raises:
        ValueError: If the history is empty.

    Example:
        >>> from companion.weighters.static import Static
        >>> weighter = Static(["task", "penalty"])
        >>> total = weighter([torch.tensor(2.0), torch.tensor(0.5)])
        >>> weights(weighter.history()).get_ylabel()
        'weight'
    """
    if len(history.steps) == 0:
        raise ValueError("`history` must hold at least one step. Was the weighter in train mode, with `history` > 0?")
    ax = _axes(ax)
    table = pd.DataFrame(_numpy(history.losses if losses else history.weights), columns=list(history.names))
    table = table.where(np.isfinite)
    palette = sns.color_palette("colorblind" if len(history.names) <= 6 else "viridis", len(history.names))
    dashes = ["-", (0, (4, 1.5)), (0, (1, 1)), (0, (3, 1, 1.5, 1)), (0, (6, 1, 1, 1, 1, 1))]
    for place, (name, column) in enumerate(table.items()):
        ax.plot(_numpy(history.steps), column, label=name, color=palette[place], linestyle=dashes[place % len(dashes)])
    ax.set(xlabel="step", ylabel="loss" if losses else "weight")
    if losses and table.min(axis=None) > 0:
        ax.set_yscale("log")
    last = table.ffill().iloc[-1].sort_values(ascending=False, kind="stable").index
    lines = {line.get_label(): line for line in ax.lines}
    ax.legend([lines[name] for name in last], last, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return ax


def _axes(ax: Axes | None) -> Axes:
    return plt.subplots()[1] if ax is None else ax


def _numpy(values: Array) -> npt.NDArray[np.generic]:
    return np.asarray(values.detach().cpu() if isinstance(values, torch.Tensor) else values)
