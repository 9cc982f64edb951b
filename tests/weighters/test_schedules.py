"""Schedules: by hand, at their ends, and as things that can be saved."""

import copy
import math
import pickle

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from companion.weighters import (
    annealing_schedule,
    cosine_schedule,
    curriculum_schedules,
    cyclical_schedule,
    linear_schedule,
    phase_schedule,
)
from companion.weighters.schedules import Schedule

ALL = [
    linear_schedule(steps=7, delay=2),
    cosine_schedule(steps=7, delay=2),
    cyclical_schedule(steps=20, cycles=3),
    annealing_schedule(rate=0.1),
    phase_schedule({0: 1.0, 3: 0.0, 8: 2.0}),
    *curriculum_schedules(["a", "b"], every=4, ramp=2).values(),
]


def at(schedule: Schedule, *steps: int) -> Tensor:
    return torch.stack([schedule(torch.tensor(float(step), dtype=torch.float64)) for step in steps])


def expect(found: Tensor, *expected: float) -> None:
    assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_linear_by_hand() -> None:
    expect(at(linear_schedule(2.0, 0.0, steps=4, delay=10), 0, 10, 11, 13, 14, 99), 2.0, 2.0, 1.5, 0.5, 0.0, 0.0)


def test_cosine_by_hand() -> None:
    third = (1 - math.cos(math.pi / 3)) / 2  # 1/4
    expect(at(cosine_schedule(0.0, 1.0, steps=3), 0, 1, 2, 3, 50), 0.0, third, 0.75, 1.0, 1.0)


def test_cyclical_against_the_paper() -> None:
    # Beta_t = f(tau) for tau <= R, else 1, with tau = mod(t - 1, ceil(T / M)) / (T / M), t from 1; here M divides T.
    total, cycles, rising = 40, 4, 0.5
    expected = []
    for t in range(1, total + 1):
        tau = ((t - 1) % math.ceil(total / cycles)) / (total / cycles)
        expected.append(tau / rising if tau <= rising else 1.0)
    expect(at(cyclical_schedule(steps=total, cycles=cycles, rising=rising), *range(total)), *expected)


def test_cyclical_stays_after_its_last_cycle() -> None:
    expect(at(cyclical_schedule(0.5, 2.0, steps=10, cycles=2, rising=1.0), 4, 5, 9, 10, 12), 1.7, 0.5, 1.7, 2.0, 2.0)


def test_annealing_by_hand() -> None:
    expect(at(annealing_schedule(3.0, rate=math.log(2.0), stop=1.0), 0, 1, 2), 3.0, 2.0, 1.5)


def test_phases_by_hand_in_any_order() -> None:
    schedule = phase_schedule({20: 0.0, 0: 1.0, 10: 0.1})
    expect(at(schedule, 0, 9, 10, 19, 20, 1000), 1.0, 1.0, 0.1, 0.1, 0.0, 0.0)


def test_curriculum_lets_losses_enter_one_after_another() -> None:
    entering = curriculum_schedules(["a", "b", "c"], every=10)
    assert list(entering) == ["a", "b", "c"]
    expect(at(entering["a"], 0, 9, 99), 1.0, 1.0, 1.0)
    expect(at(entering["b"], 0, 9, 10, 99), 0.0, 0.0, 1.0, 1.0)
    expect(at(entering["c"], 0, 19, 20, 99), 0.0, 0.0, 1.0, 1.0)


def test_curriculum_with_a_ramp() -> None:
    entering = curriculum_schedules(["a", "b"], every=10, ramp=4)
    expect(at(entering["b"], 9, 10, 11, 13, 14), 0.0, 0.25, 0.5, 1.0, 1.0)


@pytest.mark.parametrize("schedule", ALL, ids=lambda schedule: schedule.func.__name__)
def test_can_be_saved_and_keeps_type_and_device(schedule: Schedule) -> None:
    for again in (copy.deepcopy(schedule), pickle.loads(pickle.dumps(schedule))):
        assert torch.equal(at(again, *range(30)), at(schedule, *range(30)))
    for dtype in (torch.float32, torch.float64):
        found = schedule(torch.tensor(3.0, dtype=dtype))
        assert found.dtype == dtype
        assert found.shape == ()


@pytest.mark.parametrize("schedule", ALL, ids=lambda schedule: schedule.func.__name__)
def test_many_steps_at_once(schedule: Schedule) -> None:
    steps = torch.arange(30, dtype=torch.float64)
    assert_close(torch.func.vmap(schedule)(steps), at(schedule, *range(30)))


@pytest.mark.as_user
@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: linear_schedule(steps=0), ValueError, "`steps` must be at least 1, got 0"),
        (lambda: linear_schedule(delay=-1), ValueError, "`delay` must be at least 0, got -1"),
        (lambda: cosine_schedule(stop=math.inf), ValueError, "`stop` must be finite, got inf"),
        (lambda: cyclical_schedule(cycles=0), ValueError, "`cycles` must be at least 1"),
        (lambda: cyclical_schedule(rising=0.0), ValueError, r"`rising` must be above 0\.0"),
        (lambda: annealing_schedule(rate=-1.0), ValueError, r"`rate` must be at least 0\.0"),
        (lambda: phase_schedule({5: 1.0}), ValueError, "`weights` must have its first phase at step 0"),
        (lambda: phase_schedule({}), ValueError, "`weights` must have its first phase at step 0"),
        (lambda: phase_schedule({0: 1.0, -3: 1.0}), ValueError, "`weights` must have its first phase at step 0"),
        (lambda: phase_schedule({0: 1.0, 0.5: 1.0}), TypeError, "`weights` must be an int, got float"),
        (lambda: curriculum_schedules(["a", "a"]), ValueError, "`names` must hold at least one name and none twice"),
        (lambda: curriculum_schedules(["a"], every=0), ValueError, "`every` must be at least 1"),
    ],
)
def test_errors(make: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
