"""Metrics against numbers worked out by hand, and the rules where something is missing or zero."""

import math

import numpy as np
import pytest
import torch

from companion.metrics import (
    best_threshold,
    classification_scores,
    dice_score,
    expected_calibration_error,
    expected_cost,
    g_mean,
    reliability,
)

# Four negatives, two positives; at 0.5: TP 1, FN 1, FP 1, TN 3.
TARGET = [0, 0, 0, 0, 1, 1]
PROB = [0.1, 0.2, 0.3, 0.8, 0.4, 0.9]


def test_binary_scores_by_hand():
    found = classification_scores(TARGET, PROB)
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["balanced_accuracy"] == pytest.approx((3 / 4 + 1 / 2) / 2)
    # F1 of class 0: 2*3 / (2*3 + 1 + 1) = 3/4; of class 1: 2 / (2 + 1 + 1) = 1/2.
    assert found["macro_f1"] == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert found["g_mean"] == pytest.approx(math.sqrt(3 / 4 * 1 / 2))
    # From the top: 0.9 positive (precision 1), 0.8 negative, 0.4 positive (precision 2/3).
    assert found["pr_auc"] == pytest.approx((1 + 2 / 3) / 2)
    # Of 8 pairs only (0.4, 0.8) is in the wrong order.
    assert found["roc_auc"] == pytest.approx(7 / 8)
    assert found["brier"] == pytest.approx((0.01 + 0.04 + 0.09 + 0.64 + 0.36 + 0.01) / 6)
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.8, 0.7, 0.2, 0.4, 0.9]).mean())
    assert all(type(value) is float for value in found.values())


def test_the_threshold_moves_decisions_and_nothing_else():
    low, high = (classification_scores(TARGET, PROB, threshold=t) for t in (0.4, 0.85))
    assert low["balanced_accuracy"] == pytest.approx((3 / 4 + 1) / 2)
    assert high["accuracy"] == pytest.approx(5 / 6)
    for score in ("pr_auc", "roc_auc", "brier", "log_loss", "ece"):
        assert low[score] == high[score]


def test_two_columns_are_the_binary_case():
    columns = np.stack([1 - np.array(PROB), PROB], 1)
    assert classification_scores(TARGET, columns) == pytest.approx(classification_scores(TARGET, PROB))


def test_three_classes_by_hand():
    prob = [[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]
    found = classification_scores([0, 1, 1, 2], prob)  # decided: 0, 1, 0, 2
    assert found["accuracy"] == pytest.approx(3 / 4)
    assert found["balanced_accuracy"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert found["g_mean"] == pytest.approx(0.5 ** (1 / 3))
    assert found["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    # Class 0: 0.6 first of all; class 1: 0.5 first, then a tie of 0.3 with class 0 (2 of 3 right); class 2: 0.7 first.
    assert found["pr_auc"] == pytest.approx((1 + (1 + 2 / 3) / 2 + 1) / 3)
    # Class 1: of 2 x 2 pairs three in order and one tied.
    assert found["roc_auc"] == pytest.approx((1 + 3.5 / 4 + 1) / 3)
    assert found["brier"] == pytest.approx((0.26 + 0.38 + 0.78 + 0.14) / 4)
    assert found["log_loss"] == pytest.approx(-np.log([0.6, 0.5, 0.3, 0.7]).mean())


def test_absent_and_unpredicted_classes():
    # Class 2 never occurs: left out, although one row is taken for it. Class 1 is never predicted: recall, F1 are 0.
    found = classification_scores([0, 0, 1], [[0.8, 0.1, 0.1], [0.2, 0.1, 0.7], [0.5, 0.4, 0.1]])
    assert found["balanced_accuracy"] == pytest.approx((1 / 2 + 0) / 2)
    assert found["macro_f1"] == pytest.approx((2 / 4 + 0) / 2)  # class 0: TP 1, FP 1, FN 1
    assert found["g_mean"] == 0.0
    # Class 0 by 0.8 (right), 0.5 (wrong), 0.2 (right): (1 + 2/3) / 2. Class 1 by 0.4, first of all.
    assert found["pr_auc"] == pytest.approx(((1 + 2 / 3) / 2 + 1) / 2)


def test_one_class_alone_has_no_ranking():
    found = classification_scores([0, 0], [0.1, 0.2])
    assert math.isnan(found["pr_auc"])
    assert math.isnan(found["roc_auc"])
    assert found["balanced_accuracy"] == 1.0
    assert found["brier"] == pytest.approx(0.025)


def test_certain_and_wrong_stays_finite():
    assert classification_scores([0, 1], [1.0, 1.0])["log_loss"] == pytest.approx(-np.log(2.2e-16) / 2, rel=1e-2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_torch_tensors_are_welcome(dtype):
    prob = torch.randn(50, 4, generator=torch.Generator().manual_seed(0), requires_grad=True).to(dtype).softmax(-1)
    found = classification_scores(torch.arange(50) % 4, prob)
    assert all(map(math.isfinite, found.values()))


def test_g_mean_by_hand():
    assert g_mean([0, 0, 1, 1], [0, 1, 1, 1]) == pytest.approx(math.sqrt(1 / 2))
    assert g_mean([0, 0, 1], [0, 0, 0]) == 0.0


def test_calibration_by_hand():
    # Two bins of two: claims 0.2, come true 0; claims 0.7, come true 1/2.
    target, prob = [0, 0, 0, 1], [0.1, 0.3, 0.6, 0.8]
    assert expected_calibration_error(target, prob, bins=2) == pytest.approx((0.2 + 0.2) / 2)
    # Bins of equal width: [0, 1/3) holds 0.1 and 0.3, [1/3, 2/3) holds 0.6, the last 0.8.
    assert expected_calibration_error(target, prob, bins=3, spacing="width") == pytest.approx((2 * 0.2 + 0.6 + 0.2) / 4)


def test_a_claim_on_an_edge_belongs_to_the_upper_bin():
    assert reliability([0, 1], [0.2, 0.5], bins=2, spacing="width")["rows"].tolist() == [1, 1]


def test_calibration_of_several_classes_is_that_of_the_decision():
    prob = [[0.6, 0.3, 0.1], [0.2, 0.6, 0.2]]
    assert expected_calibration_error([0, 0], prob) == pytest.approx(0.1)  # claims 0.6, right half the time


def test_equal_claims_share_a_bin():
    # The base rate claimed for everybody is perfectly calibrated, whatever the order of the rows.
    assert expected_calibration_error([1, 0, 0, 0] * 25, [0.25] * 100) == pytest.approx(0.0)


def test_noise_floor_of_calibration_is_as_documented():
    rng = np.random.default_rng(0)
    prob = rng.uniform(0.3, 0.7, 1500)
    found = np.mean([expected_calibration_error(rng.random(1500) < prob, prob) for _ in range(50)])
    assert found == pytest.approx(0.8 * math.sqrt(0.25 * 15 / 1500), rel=0.15)


def test_reliability_table():
    table = reliability([0, 0, 0, 1], [0.1, 0.3, 0.6, 0.8], bins=2)
    assert table["rows"].tolist() == [2, 2]
    assert table["claimed"].tolist() == pytest.approx([0.2, 0.7])
    assert table["observed"].tolist() == pytest.approx([0.0, 0.5])
    # Wilson at 1 of 2, z = 1.96: centre 1/2, half width z / (n + z^2) * sqrt(n / 4 + z^2 / 4) = 0.405.
    assert table.loc[1, "low"] == pytest.approx(0.0945, abs=1e-3)
    assert table.loc[1, "high"] == pytest.approx(0.9055, abs=1e-3)


@pytest.mark.parametrize("metric", ["f1", "g_mean", "balanced_accuracy", "accuracy"])
def test_best_threshold_beats_every_other(metric):
    rng = np.random.default_rng(1)
    target = rng.random(200) < 0.2
    prob = np.round(np.clip(0.2 + 0.2 * target + 0.15 * rng.standard_normal(200), 0, 1), 2)

    def score(threshold: float) -> float:
        scores = classification_scores(target, prob, threshold=threshold)
        recall = np.mean(prob[target] >= threshold)
        precision = np.mean(target[prob >= threshold]) if (prob >= threshold).any() else 0.0
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        return {"f1": f1, **scores}[metric]

    best = score(best_threshold(target, prob, metric))
    assert best == pytest.approx(max(score(t) for t in [*np.unique(prob), 1.1]))


def test_best_threshold_by_cost():
    # A miss costs 10: worth two false alarms to catch the positive at 0.4.
    assert best_threshold(TARGET, PROB, lambda tp, fp, fn, tn: -(10 * fn + fp)) == pytest.approx(0.35)
    assert best_threshold(TARGET, PROB, lambda tp, fp, fn, tn: -(fn + 10 * fp)) == pytest.approx(0.85)


def test_best_threshold_can_decide_all_alike():
    assert best_threshold([1, 0], [0.0, 0.3], lambda tp, fp, fn, tn: tp) == 0.0
    assert best_threshold([1, 0], [0.1, 1.0], lambda tp, fp, fn, tn: -fp - tp) > 1.0


def test_expected_cost_by_hand():
    cost = [[0.0, 1.0, 2.0], [5.0, 0.0, 1.0], [9.0, 3.0, 0.0]]
    assert expected_cost([0, 1, 2, 2], [2, 1, 1, 2], cost) == pytest.approx((2 + 0 + 3 + 0) / 4)


def test_dice_by_hand():
    target = torch.tensor([[[1, 1], [0, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 0], [0, 0]]])
    found = torch.tensor([[[1, 0], [1, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 0]], [[0, 1], [0, 0]]])
    # One of two and two pixels shared: 2 / 4; both empty: 1; one of them empty: 0.
    assert dice_score(target, found).tolist() == [0.5, 1.0, 0.0, 0.0]


@pytest.mark.as_user
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: classification_scores([0, 1], [0.5]), ValueError, r"`prob` must have shape \(2,\) or \(2, C\)"),
        (lambda: classification_scores([0, 1], [-1.0, 2.0]), ValueError, r"-1.0 to 2.0. Did you mean `logits.softmax"),
        (lambda: classification_scores([0, 1], [float("nan"), 0.5]), ValueError, r"`prob` must lie in \[0, 1\]"),
        (lambda: classification_scores([0, 1], [[0.5, 0.6], [0.1, 0.9]]), ValueError, "rows that sum to 1"),
        (lambda: classification_scores([0, 2], [0.5, 0.5]), ValueError, "`target` must hold class indices below 2"),
        (lambda: classification_scores([0, -100], [0.5, 0.5]), ValueError, "got -100. Drop ignored rows"),
        (lambda: classification_scores([0.0, 1.0], [0.5, 0.5]), TypeError, "`target` must hold integer class indices"),
        (lambda: classification_scores([], []), ValueError, "N at least 1"),
        (lambda: g_mean([0, 1], [0]), ValueError, "`decision` must have the shape of `target`"),
        (lambda: reliability([0, 1], [0.5, 0.5], spacing="log"), ValueError, "`spacing` must be 'mass' or 'width'"),
        (lambda: reliability([0, 1], [0.5, 0.5], bins=0), ValueError, "`bins` must be at least 1, got 0"),
        (lambda: best_threshold([0, 0], [0.5, 0.5]), ValueError, "`target` must hold both 0 and 1"),
        (lambda: best_threshold([0, 1], [0.5, 0.5], "auc"), ValueError, "`metric` must be a function or one of f1"),
        (
            lambda: expected_cost([0, 2], [0, 0], np.eye(2)),
            ValueError,
            r"`cost` must have shape \(C, C\) with C at lea",
        ),
        (lambda: dice_score(np.ones((1, 4)), np.ones((1, 5))), ValueError, "`pred_mask` must have the shape"),
    ],
)
def test_says_what_is_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call()
