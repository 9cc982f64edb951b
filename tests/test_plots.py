"""Plots: what is drawn is what was given, every axis says what it shows, and the page they land on is white."""

import matplotlib

matplotlib.use("agg")

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from companion import metrics, plots
from companion.experiments import compare
from companion.weighters._base import History


@pytest.fixture(autouse=True)
def _house_style():
    with plt.rc_context():
        plots.style()
        yield
        plt.close("all")


BASE, UP, MIXED = np.arange(6.0), np.array([1, 2, 1, 2, 1, 2]), np.array([1, -2, 1, -1, 1, 0])
TABLE = compare(
    {
        "plain": {"f1": BASE, "ece": BASE},
        "better": {"f1": BASE + UP, "ece": BASE},
        "noisy": {"f1": BASE + MIXED, "ece": BASE},
    },
    baseline="plain",
)


def draw_intervals(ax=None):
    return plots.intervals(TABLE, metric="f1", ax=ax)


def draw_reliability(ax=None):
    return plots.reliability({"a": metrics.reliability([0, 1, 1, 1], [0.5, 0.5, 0.9, 0.9])} | {"b": RARE}, ax=ax)


def draw_curves(ax=None):
    return plots.curves({"a": torch.rand(6, 20, requires_grad=True), "b": np.ones((6, 20))}, ax=ax)


def draw_confusion(ax=None):
    return plots.confusion(torch.tensor([0, 0, 1, 2]), [0, 1, 1, 0], ax=ax)


def draw_shares(ax=None):
    return plots.shares({"rows": {"rare": 1, "common": 99}, "gradient": {"rare": 3, "common": 1}}, ax=ax)


def history(tasks, steps=30):
    generator = torch.Generator().manual_seed(0)
    values, weights = (torch.rand(steps, tasks, generator=generator) + 0.1 for _ in range(2))
    return History(tuple(f"loss {place}" for place in range(tasks)), torch.arange(5, 5 + steps), values, weights)


def draw_weights(ax=None):
    return plots.weights(history(10), ax=ax)


RARE = metrics.reliability([0, 0, 0, 1], [0.01, 0.02, 0.02, 0.03], bins=2)
PLOTS = [draw_intervals, draw_reliability, draw_curves, draw_confusion, draw_shares, draw_weights]
EVERY_PLOT = pytest.mark.parametrize("draw", PLOTS, ids=lambda f: f.__name__)


@EVERY_PLOT
def test_draws_on_the_axes_it_is_given_or_on_new_ones(draw):
    _, (left, right) = plt.subplots(1, 2)
    assert draw(right) is right
    assert not left.has_data()
    assert draw() not in (left, right)


@EVERY_PLOT
def test_axes_are_labelled_and_text_is_legible(draw):
    ax = draw()
    assert ax.get_xlabel()
    assert ax.get_ylabel() or all(tick.get_text() for tick in ax.get_yticklabels())
    ax.figure.canvas.draw()
    texts = [text for text in ax.findobj(matplotlib.text.Text) if text.get_visible() and text.get_text()]
    # On a phone 5.6 inches become 360 pixels, so 11 points become 9.8 pixels.
    assert min(text.get_fontsize() for text in texts) >= 11


@EVERY_PLOT
def test_the_same_call_draws_the_same_picture(draw):
    torch.manual_seed(0)
    first, again = (np.asarray(draw_on_canvas(draw)) for _ in range(2))
    assert np.array_equal(first, again)
    assert to_hex(first[0, 0, :3] / 255) == "#ffffff"
    assert first[..., 3].min() == 255  # opaque: dark pages must not shine through


def draw_on_canvas(draw):
    torch.manual_seed(0)
    ax = draw()
    ax.figure.canvas.draw()
    return ax.figure.canvas.buffer_rgba()


def test_intervals_show_the_table():
    ax = draw_intervals()
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["better", "noisy"]
    assert ax.get_xlabel() == "f1, difference from plain"
    bars, points = ax.lines[0:4:2], ax.lines[1:4:2]
    row = TABLE[(TABLE["metric"] == "f1") & (TABLE["method"] == "better")].iloc[0]
    assert list(bars[0].get_xdata()) == [row["low"], row["high"]]
    assert list(points[0].get_xdata()) == [1.5]
    # Holm over four comparisons: 4 x 0.031 is not below 0.05, so both are hollow.
    assert {point.get_markerfacecolor() for point in points} == {"white"}
    clear = compare({"plain": np.arange(10), "better": np.arange(10) + 1}, baseline="plain")
    assert plots.intervals(clear).lines[1].get_markerfacecolor() != "white"


def test_reliability_fits_rare_events():
    ax = plots.reliability(RARE)
    assert ax.get_xlim() == ax.get_ylim()
    assert ax.get_xlim()[1] == pytest.approx(1.05 * RARE[["claimed", "observed"]].to_numpy().max())
    line = ax.lines[0]
    assert line.get_xdata().tolist() == RARE["claimed"].tolist()
    assert line.get_ydata().tolist() == RARE["observed"].tolist()
    assert ax.get_legend() is None


def test_curves_are_means_and_ranges():
    values = np.array([[0.0, 4.0], [2.0, 8.0]])
    ax = plots.curves({"loss": values}, x=[10, 20], xlabel="epoch", ylabel="loss in nats")
    assert ax.lines[0].get_xdata().tolist() == [10, 20]
    assert ax.lines[0].get_ydata().tolist() == [1, 6]
    band = ax.collections[0].get_paths()[0].get_extents()
    assert (band.y0, band.y1) == (0, 8)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss in nats")
    assert ax.get_legend() is None


def test_confusion_counts():
    ax = draw_confusion()
    assert [text.get_text() for text in ax.texts] == ["1", "1", "", "", "1", "", "1", "", ""]
    assert ax.collections[0].get_array().reshape(3, 3)[0].tolist() == [0.5, 0.5, 0]
    named = plots.confusion([0, 1], [0, 1], names=["benign", "malignant"])
    assert [tick.get_text() for tick in named.get_yticklabels()] == ["benign", "malignant"]


def test_shares_add_up_and_small_parts_have_no_label():
    ax = draw_shares()
    widths = [bar.get_width() for bar in ax.patches]
    assert widths == [1, 75, 99, 25]  # part by part, in per cent
    assert [text.get_text() for text in ax.texts] == ["", "75 %", "99 %", "25 %"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["rare", "common"]


def test_weights_are_those_of_the_history():
    told = history(3)
    ax = plots.weights(told)
    for line, name, column in zip(ax.lines, told.names, told.weights.T, strict=True):
        assert line.get_label() == name
        assert line.get_xdata().tolist() == told.steps.tolist()
        assert line.get_ydata().tolist() == column.tolist()
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == [told.names[place] for place in told.weights[-1].argsort(descending=True)]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("step", "weight", "linear")


def test_weights_can_show_the_losses_and_leave_a_gap():
    told = history(2)
    assert plots.weights(told, losses=True).get_yscale() == "log"
    told.losses[7, 0] = torch.inf
    told.losses[3, 1] = -1.0
    ax = plots.weights(told, losses=True)
    assert (ax.get_ylabel(), ax.get_yscale()) == ("loss", "linear")
    assert np.isnan(ax.lines[0].get_ydata()).nonzero()[0].tolist() == [7]


def test_ten_weights_are_told_apart_by_colour_and_dashes():
    lines = draw_weights().get_legend().get_lines()
    assert len(lines) == 10
    dashes = [str(line._unscaled_dash_pattern) for line in draw_weights().lines]
    assert all(dashes.count(dash) == 2 for dash in dashes)
    assert len({line.get_color() for line in lines}) == 10


def test_palette_tells_curves_apart_without_colour():
    styles = [line.get_linestyle() for line in draw_curves().lines[:2]]
    assert styles[0] != styles[1]


@pytest.mark.as_user
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plots.intervals(TABLE), "`metric` must be one of 'f1', 'ece', got None"),
        (lambda: plots.intervals(TABLE, metric="auc"), "`metric` must be one of 'f1', 'ece', got 'auc'"),
        (lambda: plots.curves({"a": np.ones(5)}), r"`values` must hold arrays of shape \(seeds, points\), got \(5,\)"),
        (lambda: plots.shares({"a": {"x": -1, "y": 2}}), "`table` must hold finite sizes of at least 0"),
        (lambda: plots.shares({"a": {"x": 0}}), "not all of a bar 0"),
        (lambda: plots.weights(history(2, steps=0)), "`history` must hold at least one step"),
    ],
)
def test_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_takes_what_metrics_and_compare_return():
    assert isinstance(TABLE, pd.DataFrame)
    assert list(RARE) == ["claimed", "observed", "low", "high", "rows"]
