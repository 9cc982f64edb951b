"""Healthy trainings have no findings, sick ones have theirs; and each detector at its threshold."""

import math
import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from companion.diagnostics import TrainingMonitor
from companion.diagnostics._training import layer_symptoms as of_layers
from companion.diagnostics._training import loss_symptoms as of_losses
from companion.diagnostics._training.record import Record, Series
from companion.diagnostics._training.symptoms import NAMES, symptoms
from tests.diagnostics.trainings import HEALTHY, SICK

STEPS = torch.arange(200)
NOISE = 0.05 * torch.randn(200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
FALLING = 0.2 + 2 * torch.exp(-STEPS.double() / 40) + NOISE


@pytest.mark.parametrize("name", HEALTHY)
@pytest.mark.parametrize("seed", [0, 1])
def test_healthy_trainings_have_no_findings(name: str, seed: int) -> None:
    torch.manual_seed(seed)
    report = HEALTHY[name]().diagnose()
    assert report.ok, str(report)
    assert {"plateau", "large-update", "no-gradient"} <= set(report.checked)


@pytest.mark.parametrize("name", SICK)
@pytest.mark.parametrize("seed", [0, 1])
def test_sick_trainings_have_theirs(name: str, seed: int) -> None:
    torch.manual_seed(seed)
    run, expected = SICK[name]
    report = run().diagnose()
    assert expected <= set(report.names), str(report)
    assert set(report.names) <= set(NAMES)


def blamed(monitor: TrainingMonitor, name: str) -> str:
    (found,) = (f for f in monitor.diagnose().findings if f.name == name)
    return f"{found.what} {found.where}"


@pytest.mark.parametrize(
    ("training", "name", "where"),
    [
        ("log of zero", "non-finite", r"in the loss entropy"),
        ("detached branch", "no-gradient", r"since step 0: right.weight, right.bias"),
        ("frozen layer", "small-update", r"since step 0: 0.weight, 0.bias"),
        ("dominated part", "idle-part", r"the part classes"),
        ("deep sigmoids", "vanishing-gradient", r"0.weight"),
        ("dead relus", "dead-units", r"100% of 1 \(ReLU\)"),
        ("outlier", "spike", r"since step 7"),
    ],
)
def test_findings_say_what_and_since_when(training: str, name: str, where: str) -> None:
    torch.manual_seed(0)
    text = blamed(SICK[training][0](), name)
    assert re.search(where, text), text


def test_frozen_parameters_are_a_note() -> None:
    torch.manual_seed(0)
    (note,) = HEALTHY["fine-tuned"]().diagnose().notes
    assert note.name == "no-gradient"
    assert "0.weight, 0.bias" in note.where


# The course of a loss.


def test_a_course_that_falls_has_no_symptom() -> None:
    for detect in (of_losses.plateau, of_losses.spike, of_losses.oscillation, of_losses.divergence):
        assert detect(STEPS, FALLING) is None


@pytest.mark.parametrize(("fall", "seen"), [(0.01, True), (0.03, False)])
def test_plateau_is_a_loss_that_never_moved(fall: float, seen: bool) -> None:
    values = 2 - 2 * fall * STEPS / 199 + 0.001 * NOISE
    assert (of_losses.plateau(STEPS, values.double()) is not None) is seen


def test_a_plateau_further_down_is_none() -> None:
    assert of_losses.plateau(STEPS, torch.where(STEPS < 30, 2.0, 0.5).double()) is None


@pytest.mark.parametrize(("height", "seen"), [(5.0, False), (50.0, True)])
def test_spike_begins_where_it_is(height: float, seen: bool) -> None:
    values = FALLING.clone()
    values[120] = height
    found = of_losses.spike(STEPS, values)
    assert (found is not None) is seen
    assert found is None or found.step == 120


@pytest.mark.parametrize(("size", "seen"), [(0.03, False), (0.5, True)])
@pytest.mark.parametrize("period", [2, 7, 20])
def test_oscillation_has_a_size_and_one_frequency(size: float, seen: bool, period: int) -> None:
    values = 1 + NOISE + size * torch.cos(2 * math.pi * STEPS / period)
    assert (of_losses.oscillation(STEPS, values) is not None) is seen


def test_divergence_begins_at_the_best_level() -> None:
    values = torch.where(STEPS < 100, FALLING, FALLING[100] + 0.05 * (STEPS - 100))
    found = of_losses.divergence(STEPS, values)
    assert found is not None
    assert 85 <= found.step <= 100


def test_divergence_is_seen_before_the_numbers_end() -> None:
    values = torch.tensor([1.0, 8.0, 60.0, 4e2, 3e3, math.inf, math.nan], dtype=torch.float64)
    found = of_losses.divergence(torch.arange(7), values)
    assert found is not None
    assert found.step == 0


@pytest.mark.parametrize("detect", [of_losses.plateau, of_losses.spike, of_losses.oscillation, of_losses.divergence])
@pytest.mark.parametrize("values", [torch.zeros(0), torch.ones(3), torch.zeros(100), torch.full((100,), math.nan)])
def test_little_or_nothing_to_judge(detect: Callable[..., object], values: Tensor) -> None:
    detect(torch.arange(len(values)), values.double())  # no error, whatever it says


def recorded(training: list[float], held_out: list[float]) -> Record:
    record = Record(["weight"])
    record.losses["loss"] = Series(list(range(len(training))), training)
    every = len(training) // len(held_out)
    record.validation["loss"] = Series([every * (i + 1) - 1 for i in range(len(held_out))], held_out)
    return record


@pytest.mark.parametrize(
    ("held_out", "seen"),
    [
        ([2.0, 1.0, 0.6, 0.5, 0.7, 0.9, 1.1, 1.2], True),
        ([2.0, 1.0, 0.6, 0.5, 0.52, 0.48, 0.5, 0.51], False),
        ([2.0, 1.0, 0.6, 0.5, 0.4, 0.3, 0.3, 1.2], False),  # the last alone
    ],
)
def test_overfitting_is_a_held_out_loss_that_rises(held_out: list[float], seen: bool) -> None:
    found = of_losses.overfitting(recorded(FALLING.tolist(), held_out))
    assert (found is not None) is seen
    assert found is None or found.step == 99


def test_both_losses_rising_is_no_overfitting() -> None:
    assert of_losses.overfitting(recorded(FALLING.flip(0).tolist(), [1.0, 0.5, 0.7, 0.9, 1.1, 1.3])) is None


def test_the_sum_of_the_others_is_no_part() -> None:
    record = Record([])
    for name, scale in (("total", 3.0), ("a", 1.0), ("b", 2.0)):
        record.losses[name] = Series(STEPS.tolist(), (scale * FALLING).tolist())
    assert list(record.parts()) == ["a", "b"]
    torch.testing.assert_close(record.total()[1], 3 * FALLING)


@pytest.mark.parametrize(("part", "seen"), [(1 + 0.1 * NOISE, True), (0.5 * FALLING, False), (FALLING.flip(0), False)])
def test_idle_is_what_does_not_move_while_others_fall(part: Tensor, seen: bool) -> None:
    record = Record([])
    record.losses = {"task": Series(STEPS.tolist(), FALLING.tolist()), "part": Series(STEPS.tolist(), part.tolist())}
    assert [s.finding.where for s in of_losses.idle_parts(record)] == ["since step 0: the part part"] * seen


# Gradients, updates, units.


def snapshots(gradient: list[list[float]], weight: float = 1.0, update: float = 1e-3) -> Record:
    record = Record([f"{i}.weight" for i in range(len(gradient[0]))])
    for step, row in enumerate(gradient):
        norms = torch.tensor([row, [weight] * len(row), [update] * len(row)])
        record.snapshot(step, 0.1, norms)
    return record


def names(record: Record) -> list[str]:
    return [seen.finding.name for seen in symptoms(record)]


def test_even_gradients_have_no_symptom() -> None:
    assert names(snapshots([[1.0, 0.5]] * 5)) == []


@pytest.mark.parametrize(("low", "seen"), [(1e-5, ["vanishing-gradient"]), (1e-3, [])])
def test_vanishing_is_relative_to_other_layers(low: float, seen: list[str]) -> None:
    assert names(snapshots([[low, 1.0]] * 5)) == seen


@pytest.mark.parametrize(("high", "seen"), [(500.0, 4), (50.0, None)])
def test_exploding_is_relative_to_what_was_usual(high: float, seen: int | None) -> None:
    found = of_layers.exploding_gradient(snapshots([[1.0]] * 4 + [[high]]))
    assert (found and found.step) == seen


@pytest.mark.parametrize(
    ("update", "seen"),
    [(0.5, ["large-update"]), (0.1, []), (1e-4, []), (1e-6, ["small-update"]), (0.0, ["small-update"])],
)
def test_updates_are_relative_to_weights(update: float, seen: list[str]) -> None:
    assert names(snapshots([[1.0]] * 5, update=update)) == seen


def test_weights_that_start_at_zero_may_grow_fast() -> None:
    record = Record(["weight"])
    for step, weight in enumerate([1.0, 2.0, 3.0, 4.0, 5.0]):
        record.snapshot(step, 0.1, torch.tensor([[1.0], [weight], [1.0]]))
    assert names(record) == []


def test_a_missing_gradient_is_dated() -> None:
    found = snapshots([[1.0, 1.0]] * 3 + [[1.0, math.nan]] * 3)
    (seen,) = of_layers.no_gradient(found, frozen=[])
    assert (seen.step, seen.finding.where) == (3, "since step 3: 1.weight")
    assert "missing" in seen.finding.what


def test_all_gradients_ending_at_once_is_an_end() -> None:
    assert names(snapshots([[1.0, 1.0]] * 3 + [[0.0, 0.0]] * 3)) == []


def test_numbers_that_end_in_an_update_name_the_weight() -> None:
    record = snapshots([[1.0, 1.0]] * 3)
    record.snapshot(3, 0.1, torch.tensor([[math.inf, 1.0], [math.inf, 1.0], [math.inf, 1.0]]))
    found = of_losses.non_finite(record)
    assert found is not None
    assert found.finding.where == "since step 3: in the update of 0.weight"
    assert found.finding.severity == "error"


def test_dead_units_are_dated_by_the_last_run() -> None:
    record = Record([])
    record.dead["1 (ReLU)"] = Series(list(range(8)), [0.9, 0.1, 0.1, 0.2, 0.7, 0.8, 0.9, 1.0])
    found = of_layers.dead_units(record)
    assert found is not None
    assert found.step == 4
