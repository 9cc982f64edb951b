"""Calibration against scikit-learn and statsmodels, and on data whose temperature is known."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
import torch
from sklearn.metrics import brier_score_loss, log_loss
from torch import Tensor

from companion import metrics
from companion.diagnostics import calibration


def drawn(classes: int, rows: int, temperature: float = 1.0, shift: float = 0.0) -> tuple[Tensor, Tensor]:
    """Logits of a model, and labels drawn as if they were first divided by a temperature and shifted back."""
    logits = 2 * torch.randn(rows, classes)
    honest = logits / temperature
    target = torch.distributions.Categorical(logits=honest).sample()
    logits[:, 0] += shift
    return logits, target


def test_scores_are_those_of_the_libraries() -> None:
    logits, target = drawn(2, 500)
    z = logits[:, 1] - logits[:, 0]
    found, prob = calibration(z, target), z.double().sigmoid()
    np.testing.assert_allclose(found.brier, brier_score_loss(target, prob))
    np.testing.assert_allclose(found.nll, log_loss(target, prob))
    np.testing.assert_allclose(found.ece, metrics.expected_calibration_error(target, prob))
    assert len(found.bins) == 15


def test_scores_of_several_classes() -> None:
    logits, target = drawn(4, 500)
    found, prob = calibration(logits, target, bins=5), logits.double().softmax(1)
    scores = metrics.classification_scores(target, prob)
    np.testing.assert_allclose([found.brier, found.nll], [scores["brier"], scores["log_loss"]])
    assert found.bins["rows"].sum() == 500
    assert len(found.bins) == 5


def test_the_temperature_is_one_over_the_slope_of_a_logistic_regression() -> None:
    logits, target = drawn(2, 1000, temperature=1.7)
    z = (logits[:, 1] - logits[:, 0]).double()
    found = calibration(z, target)
    slope = sm.Logit(target.numpy(), z.numpy()[:, None]).fit(disp=0)
    np.testing.assert_allclose(found.temperature, 1 / slope.params[0], rtol=1e-5)
    np.testing.assert_allclose(found.nll_after, -slope.llf / 1000, rtol=1e-8)
    high, low = 1 / slope.conf_int()[0]
    np.testing.assert_allclose(found.interval, [low, high], rtol=0.05)


def test_the_interval_is_that_of_refitted_resamples() -> None:
    logits, target = drawn(2, 200, temperature=1.5)
    z = (logits[:, 1] - logits[:, 0]).double()
    generator = torch.Generator().manual_seed(0)
    refitted = []
    for _ in range(500):
        rows = torch.randint(200, (200,), generator=generator)
        refitted.append(1 / sm.Logit(target[rows].numpy(), z[rows].numpy()[:, None]).fit(disp=0).params[0])
    np.testing.assert_allclose(calibration(z, target).interval, np.quantile(refitted, [0.025, 0.975]), rtol=1e-3)


@pytest.mark.parametrize(("temperature", "name"), [(2.0, "overconfident"), (0.5, "underconfident")])
@pytest.mark.parametrize("classes", [2, 10])
def test_a_known_temperature_is_found(classes: int, temperature: float, name: str) -> None:
    logits, target = drawn(classes, 4000, temperature)
    found = calibration(logits, target)
    assert found.report.names == [name]
    assert found.interval[0] < temperature < found.interval[1]
    assert found.interval[0] < found.temperature < found.interval[1]
    assert found.interval[1] / found.interval[0] < 1.3
    assert found.ece_after < 0.03 < found.ece
    assert found.nll_after < found.nll


@pytest.mark.parametrize("classes", [2, 5])
def test_an_honest_model_is_rarely_accused(classes: int) -> None:
    accused = [bool(calibration(*drawn(classes, 300)).report.findings) for _ in range(60)]
    assert sum(accused) <= 9  # about 5 % each for the temperature and for a bias


@pytest.mark.parametrize("wrong", [0, 1])
def test_a_few_rows_accuse_nobody(wrong: int) -> None:
    logits, target = torch.full((20,), 3.0), torch.ones(20)
    target[:wrong] = 0  # sure to 95 %
    assert calibration(logits, target).report.ok


def test_two_rows_that_are_wrong_accuse_nobody() -> None:
    found = calibration(torch.full((2,), 0.4), torch.zeros(2))  # sure to 60 %
    assert found.interval[0] > 1
    assert found.report.ok


def test_every_row_right_has_no_bound() -> None:
    found = calibration(torch.tensor([-1.0, 1.0]).repeat(100), torch.tensor([0, 1]).repeat(100))
    assert found.temperature == pytest.approx(0.01)
    assert found.report.names == ["underconfident"]  # 200 of 200 where 73 % were claimed


def test_a_class_that_is_claimed_too_often() -> None:
    found = calibration(*drawn(4, 2000, shift=1.0))
    biased = next(f for f in found.report.findings if f.name == "biased")
    assert "class 0 is claimed more often" in biased.what
    assert "biased" not in calibration(*drawn(4, 2000, temperature=1.5)).report.names


def test_a_class_that_never_came_is_no_proof() -> None:
    logits = torch.full((100,), math.log(0.005 / 0.995))
    assert calibration(logits, torch.zeros(100)).report.ok
    assert "biased" in calibration(logits + 5, torch.zeros(100)).report.names


def test_two_columns_are_the_binary_case() -> None:
    logits, target = drawn(2, 300, 1.5)
    two, one = calibration(logits.double(), target), calibration((logits[:, 1].double() - logits[:, 0]), target.float())
    assert two[:7] == one[:7]


def test_random_numbers_and_logits_are_untouched() -> None:
    logits, target = drawn(3, 50)
    logits.requires_grad_()
    before, state = logits.detach().clone(), torch.get_rng_state()
    first = calibration(logits, target)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(logits, before)
    assert first[:7] == calibration(logits, target)[:7]


LOGITS, TARGET = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    ("input", "target", "options", "error", "says"),
    [
        (LOGITS.long(), TARGET, {}, TypeError, "`input` must be floating point"),
        (LOGITS[:, :1], TARGET, {}, ValueError, "squeeze"),
        (LOGITS[:0], TARGET[:0], {}, ValueError, "`input` must hold logits"),
        (LOGITS, TARGET[:5], {}, ValueError, r"`target` must be a tensor of shape \(6,\)"),
        (LOGITS, TARGET.tolist(), {}, ValueError, "got list"),
        (LOGITS, TARGET.float(), {}, TypeError, "`target` must hold class indices"),
        (LOGITS[:, 0], torch.rand(6), {}, TypeError, "`target` must hold class indices"),
        (LOGITS, TARGET - 100, {}, ValueError, "Drop ignored rows"),
        (LOGITS[:, 0], TARGET, {}, ValueError, "between 0 and 1, got 0 to 2"),
        (LOGITS / 0, TARGET, {}, ValueError, "`input` must be finite"),
        (LOGITS, TARGET, {"bins": 0}, ValueError, "`bins` must be at least 1"),
    ],
)
@pytest.mark.as_user
def test_errors_name_the_argument(input, target, options, error, says) -> None:
    with pytest.raises(error, match=says):
        calibration(input, target, **options)
