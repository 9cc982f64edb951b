"""Many seeds at once must be nothing but many seeds; a comparison must be the arithmetic it claims to be."""

import functools
import math

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import nn
from torch.testing import assert_close

from companion.experiments import compare, fit_seeds, tune

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(40, 6, generator=GENERATOR, dtype=torch.float64)
Y = torch.randint(3, (40,), generator=GENERATOR)
IMAGES = torch.randn(12, 1, 8, 8, generator=GENERATOR, dtype=torch.float64)
MASKS = torch.randint(2, (12, 8, 8), generator=GENERATOR)


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).double()


def normed() -> nn.Module:
    # No bias before the norm: its gradient is rounding noise, which Adam would blow up to steps of size lr.
    return nn.Sequential(nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)).double()


def conv() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 1), nn.BatchNorm2d(2)).double()


def one_by_one(make_model, x, y, seed, *, steps, batch_size, lr, optimizer):
    """The training loop of every tutorial, with the batches that `fit_seeds` promises."""
    torch.manual_seed(seed)
    model = make_model()
    updater = optimizer(model.parameters(), lr=lr)
    generator, rows, losses = torch.Generator().manual_seed(seed), torch.empty(0, dtype=torch.long), []
    for _ in range(steps):
        while len(rows) < batch_size:
            rows = torch.cat([rows, torch.randperm(len(x), generator=generator)])
        batch, rows = rows[:batch_size], rows[batch_size:]
        loss = F.cross_entropy(model(x[batch]), y[batch])
        losses.append(loss.item())
        updater.zero_grad()
        loss.backward()
        updater.step()
    return model.eval(), torch.tensor(losses)


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, functools.partial(torch.optim.SGD, momentum=0.9)])
@pytest.mark.parametrize(("make_model", "x", "y"), [(mlp, X, Y), (normed, X, Y), (conv, IMAGES, MASKS)])
def test_equals_training_one_by_one(make_model, x, y, optimizer):
    how = {"steps": 25, "batch_size": 8, "lr": 0.05, "optimizer": optimizer}
    fit = fit_seeds(make_model, F.cross_entropy, x, y, seeds=[3, 0, 7], device="cpu", **how)
    for index, seed in enumerate((3, 0, 7)):
        alone, losses = one_by_one(make_model, x, y, seed, **how)
        assert_close(fit.logits(x)[index], alone(x).detach(), rtol=0, atol=1e-10)
        assert_close(fit.losses[index], losses, rtol=0, atol=1e-6)
        for name, value in alone.state_dict().items():
            assert_close(fit.model(index).state_dict()[name], value, rtol=0, atol=1e-10)


def test_a_seed_does_not_depend_on_the_others():
    how = {"steps": 10, "batch_size": 8, "lr": 0.05}
    together = fit_seeds(mlp, F.cross_entropy, X, Y, seeds=4, **how)
    alone = fit_seeds(mlp, F.cross_entropy, X, Y, seeds=[2], **how)
    assert together.seeds == (0, 1, 2, 3)
    assert_close(together.logits(X)[2], alone.logits(X)[0], rtol=0, atol=1e-10)
    assert not torch.allclose(together.logits(X)[1], together.logits(X)[2])


def test_data_of_their_own_for_every_seed():
    # Different lengths, as a grouped split gives: seed 1 sees only rows 25 to 39.
    how = {"steps": 10, "batch_size": 8, "lr": 0.05}
    fit = fit_seeds(mlp, F.cross_entropy, [X[:25], X[25:]], [Y[:25], Y[25:]], seeds=2, **how)
    alone = fit_seeds(mlp, F.cross_entropy, X[25:], Y[25:], seeds=[1], **how)
    assert_close(fit.losses[1], alone.losses[0])
    logits = fit.logits([X[:3], X[:7]])
    assert [tuple(z.shape) for z in logits] == [(3, 3), (7, 3)]
    assert_close(logits[1], fit.logits(X)[1, :7])


def test_a_large_test_set_goes_through_in_batches():
    fit = fit_seeds(mlp, F.cross_entropy, X, Y, seeds=2, steps=2, batch_size=8, lr=0.05)
    many = X.repeat(70, 1)  # 2800 rows
    assert_close(fit.logits(many), fit.logits(X).repeat(1, 70, 1))


def test_draw_weight_resamples():
    # Only rows of class 2 are ever drawn, so the loss on a constant model is that of class 2.
    def spy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(logits * 0 + torch.tensor([0.0, 0.0, 3.0]), target)

    fit = fit_seeds(mlp, spy, X, Y, seeds=2, steps=5, batch_size=8, lr=0.05, draw_weight=(Y == 2).float())
    assert_close(fit.losses, torch.full((2, 5), math.log(2 + math.e**3) - 3))


def test_weight_decay_reaches_the_optimiser():
    def size(weight_decay: float) -> float:
        how = {"seeds": 2, "steps": 30, "batch_size": 8, "lr": 0.1, "optimizer": torch.optim.SGD}
        fit = fit_seeds(mlp, F.cross_entropy, X, Y, weight_decay=weight_decay, **how)
        return fit.parameters["0.weight"].norm().item()

    assert size(0.3) < 0.5 * size(0.0)


def test_dropout_differs_between_seeds_and_repeats():
    def make() -> nn.Module:
        model = nn.Sequential(nn.Linear(6, 64), nn.Dropout(0.5), nn.Linear(64, 3)).double()
        for parameter in model.parameters():
            nn.init.constant_(parameter, 0.1)
        return model

    def loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return logits.square().mean() + 0 * target.sum()

    how = {"seeds": 2, "steps": 1, "batch_size": 40, "lr": 0.1}  # all rows: only the dropout differs
    first, again = (fit_seeds(make, loss, X, Y, **how).losses for _ in range(2))
    assert_close(first, again)
    assert not torch.allclose(first[0], first[1], rtol=1e-3)


def test_leaves_the_random_stream_alone_and_says_nothing(capfd):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit_seeds(mlp, F.cross_entropy, X, Y, seeds=2, steps=3, batch_size=8, lr=0.1)
    assert torch.equal(torch.rand(3), expected)
    assert capfd.readouterr() == ("", "")
    fit_seeds(mlp, F.cross_entropy, X, Y, seeds=2, steps=3, batch_size=8, lr=0.1, progress=True)
    assert "2 seeds" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": 0}, "`seeds` must hold at least one seed and none twice, got 0"),
        ({"seeds": [1, 1]}, "none twice"),
        ({"x": [X]}, "`x` must hold one tensor per seed, 2 of them, got 1"),
        ({"y": Y[:39]}, "`y` must have one target per row of `x`, got 39 targets for 40 rows"),
        ({"batch_size": 41}, "`batch_size` must lie between 1 and the number of rows, 40, got 41"),
        ({"draw_weight": torch.ones(3)}, r"`draw_weight` must have shape \(40,\)"),
        (
            {"loss": functools.partial(F.cross_entropy, reduction="none")},
            r"`loss` must return a scalar, got shape \(8,\)",
        ),
    ],
)
def test_fit_says_what_is_wrong(change, message):
    how = {"x": X, "y": Y, "loss": F.cross_entropy, "seeds": 2, "steps": 2, "batch_size": 8, "lr": 0.1}
    with pytest.raises(ValueError, match=message):
        fit_seeds(mlp, **(how | change))


def test_comparison_by_hand():
    plain, better = np.array([1.0, 2, 3, 4, 5, 6]), np.array([2.0, 4, 4, 6, 6, 8])
    table = compare({"plain": plain, "better": better}, baseline="plain").set_index("method")
    assert table.loc["plain", "mean"] == 3.5
    assert math.isnan(table.loc["plain", "p_holm"])
    row = table.loc["better"]
    assert (row["seeds"], row["mean"], row["difference"]) == (6, 5.0, 1.5)
    assert row["p"] == pytest.approx(2 / 2**6)  # all six differences positive: the rarest of 64 signs, either way
    assert row["p_holm"] == row["p"]
    assert 1.0 <= row["low"] < 1.5 < row["high"] <= 2.0  # no resample of 1s and 2s leaves [1, 2]


def test_pairing_counts_and_not_the_spread_between_seeds():
    # Seeds differ by hundreds, the methods by 1 within each seed: unpaired, nothing could be seen.
    base = np.arange(10) * 100.0
    noise = np.array([0.1, -0.2, 0.3, 0.0, -0.1, 0.2, -0.3, 0.1, 0.0, -0.1])
    row = compare({"a": base, "b": base + 1 + noise}, baseline="a").iloc[1]
    assert 0.8 < row["low"] < 1.0 < row["high"] < 1.2
    assert row["p"] < 0.01


def test_holm_covers_the_whole_table():
    rng = np.random.default_rng(0)
    base = rng.standard_normal(8)
    scores = {
        "base": {"f1": base, "ece": base},
        "up": {"f1": base + 1 + 0.1 * rng.random(8), "ece": base + rng.standard_normal(8)},
        "down": {"f1": base - 1 - 0.1 * rng.random(8), "ece": base + rng.standard_normal(8)},
    }
    table = compare(scores, baseline="base").dropna()
    assert table["metric"].tolist() == ["f1", "f1", "ece", "ece"]
    p = np.sort(table["p"])  # Holm: the smallest of four times 4, the next times 3, ...; never falling, at most 1
    expected = np.minimum(np.maximum.accumulate(p * [4, 3, 2, 1]), 1)
    assert np.sort(table["p_holm"]).tolist() == pytest.approx(expected.tolist())
    frames = {method: pd.DataFrame(columns) for method, columns in scores.items()}
    pd.testing.assert_frame_equal(compare(frames, baseline="base").dropna(), table)


def test_equal_scores_are_no_difference():
    row = compare({"a": np.arange(6), "b": np.arange(6)}, baseline="a").iloc[1]
    assert row[["difference", "low", "high", "p", "p_holm"]].tolist() == [0, 0, 0, 1, 1]


def test_rounding_does_not_break_ties():
    # Ten differences of one row in 360, equal up to rounding: the interval is a point.
    base = np.arange(10) / 10 + 0.05
    row = compare({"a": base, "b": base + 1 / 360}, baseline="a").iloc[1]
    assert row["low"] == row["high"] == pytest.approx(1 / 360)


def test_interval_covers_as_often_as_it_says():
    # 200 experiments of ten seeds whose true difference is 0. The plain percentile interval covers 0.90 of such.
    rng = np.random.default_rng(0)
    methods = {str(i): rng.standard_normal(10) for i in range(200)}
    table = compare({"zero": np.zeros(10)} | methods, baseline="zero", level=0.95).dropna()
    covered = ((table["low"] < 0) & (table["high"] > 0)).mean()
    assert stats.binom.cdf(round(200 * covered), 200, 0.95) > 0.01
    narrow = compare({"zero": np.zeros(10)} | methods, baseline="zero", level=0.5).dropna()
    assert ((narrow["high"] - narrow["low"]) < (table["high"] - table["low"])).all()


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({"b": np.arange(6)}, "`baseline` must be one of at least two methods, got 'a'"),
        ({"a": np.arange(6)}, "at least two methods"),
        ({"a": np.arange(5), "b": np.arange(5)}, r"`scores` need at least 6 seeds, got shape \(5,\) for 'a'"),
        ({"a": np.arange(6), "b": np.arange(7)}, "`scores` of 'b' must hold the metrics and seeds of the baseline 'a'"),
        ({"a": {"f1": np.arange(6)}, "b": {"ece": np.arange(6)}}, "`scores` of 'b' must hold the metrics"),
        ({"a": np.arange(6), "b": [0, 1, 2, 3, 4, math.nan]}, "`scores` must be finite"),
    ],
)
def test_compare_says_what_is_wrong(scores, message):
    with pytest.raises(ValueError, match=message):
        compare(scores, baseline="a")


def test_tune_tries_everything_within_the_budget():
    best, trials = tune(lambda a, b: a * b, {"a": [1, 2, 3], "b": [-1, 1]}, budget=6)
    assert best == {"a": 3, "b": 1}
    assert trials["score"].tolist() == [3, 2, 1, -1, -2, -3]


def test_tune_spends_no_more_than_the_budget():
    calls = []
    choices = {"a": range(10), "b": range(10)}
    best, trials = tune(lambda **options: calls.append(options) or options["a"], choices, budget=7)
    assert len(calls) == len(trials) == 7
    assert best["a"] == max(options["a"] for options in calls)
    assert len({tuple(options.values()) for options in calls}) == 7
    assert tune(lambda a, b: a, choices, budget=7)[0] == best


def test_tune_survives_a_diverged_trial():
    best, trials = tune(lambda lr: math.nan if lr > 1 else lr, {"lr": [0.1, 1.0, 10.0]}, budget=3)
    assert best == {"lr": 1.0}
    assert math.isnan(trials["score"].iloc[-1])
    with pytest.raises(ValueError, match="`score` must return a number at least once"):
        tune(lambda lr: math.nan, {"lr": [1]}, budget=1)
    with pytest.raises(ValueError, match="`budget` must be at least 1"):
        tune(lambda lr: lr, {"lr": [1]}, budget=0)
