"""Scheduled: the clock, the names, and nothing else."""

import copy

import pytest
import torch
from torch.testing import assert_close

from companion.weighters import (
    Scheduled,
    annealing_schedule,
    cosine_schedule,
    curriculum_schedules,
    cyclical_schedule,
    linear_schedule,
    phase_schedule,
)
from tests.weighters.walk import derivatives, walk

ONES = [1.0, 1.0]


def test_by_hand() -> None:
    weighter = Scheduled(["a", "b"], {"b": linear_schedule(0.0, 2.0, steps=4), "a": 3.0})
    assert_close(weighter.weights, torch.tensor([3.0, 0.0]))
    found = walk(weighter, [ONES] * 6)
    assert_close(found, torch.tensor([[3.0, b] for b in (0.0, 0.5, 1.0, 1.5, 2.0, 2.0)]))


def test_pairs_by_name_or_place_and_counts_the_others_as_one() -> None:
    fading = annealing_schedule(2.0, rate=1.0)
    by_name, by_place = Scheduled(["a", "b"], {"b": fading}), Scheduled(["a", "b"], [1.0, fading])
    assert torch.equal(walk(by_name, [ONES] * 3), walk(by_place, [ONES] * 3))
    assert_close(Scheduled(["a", "b"]).weights, torch.ones(2))


def test_logged_weights_are_the_derivatives() -> None:
    weighter = Scheduled(["a", "b"], curriculum_schedules(["a", "b"], every=2))
    for expected in ([1.0, 0.0], [1.0, 0.0], [1.0, 1.0]):
        total, slopes = derivatives(weighter, [2.0, 5.0])
        assert_close(slopes, torch.tensor(expected))
        assert_close(weighter.weights, slopes)
        assert_close(total.item(), 2.0 + 5.0 * expected[1])


def test_own_function_and_a_total() -> None:
    weighter = Scheduled(["a", "b"], {"a": lambda step: step + 1}, sum_to="tasks")
    # 1 : 1, 2 : 1, 3 : 1, of a sum of 2
    assert_close(walk(weighter, [ONES] * 3), torch.tensor([[1.0, 1.0], [4 / 3, 2 / 3], [1.5, 0.5]]))


def test_a_step_that_is_not_finite_counts_and_keeps_the_weights() -> None:
    weighter = Scheduled(["a", "b"], {"a": linear_schedule(0.0, 4.0, steps=4)})
    found = walk(weighter, [ONES, [float("nan"), 1.0], ONES])
    assert_close(found[:, 0], torch.tensor([0.0, 0.0, 2.0]))


def test_a_period_sets_the_weights_in_its_last_step() -> None:
    weighter = Scheduled(["a"], {"a": linear_schedule(0.0, 8.0, steps=8)}, period=3)
    assert_close(walk(weighter, [[1.0]] * 7)[:, 0], torch.tensor([0.0, 0.0, 2.0, 2.0, 2.0, 5.0, 5.0]))


def test_copies_run_on_from_where_they_are() -> None:
    weighter = Scheduled(["a", "b"], {"a": linear_schedule(steps=5)})
    walk(weighter, [ONES] * 2)
    again = copy.deepcopy(weighter)
    fresh = Scheduled(["a", "b"], {"a": linear_schedule(steps=5)})
    fresh.load_state_dict(weighter.state_dict())
    expected = walk(weighter, [ONES] * 4)
    assert torch.equal(walk(again, [ONES] * 4), expected)
    assert torch.equal(walk(fresh, [ONES] * 4), expected)


@pytest.mark.as_user
def test_compiled_once_for_all_steps() -> None:
    schedules = [
        annealing_schedule(rate=0.1),
        linear_schedule(steps=3),
        cosine_schedule(steps=3),
        cyclical_schedule(steps=6, cycles=2),
        phase_schedule({0: 1.0, 2: 0.5}),
    ]
    plain, fast = (Scheduled(list("abcde"), schedules) for _ in range(2))
    losses = [torch.tensor(1.0)] * 5
    step = torch.compile(fast, fullgraph=True, backend="aot_eager")
    assert_close(step(losses), plain(losses))
    with torch.compiler.set_stance("fail_on_recompile"):
        for _ in range(3):
            assert_close(step(losses), plain(losses))
    assert_close(fast.weights, plain.weights)


@pytest.mark.as_user
@pytest.mark.parametrize(
    ("schedules", "error", "message"),
    [
        ({"c": 1.0}, ValueError, "`schedules` must hold one entry for each of"),
        ([1.0], ValueError, "`schedules` must hold 2 entries, one per loss, got 1"),
        ({"a": "linear"}, TypeError, r"`schedules\['a'\]` must be a number, got str"),
        ({"a": float("nan")}, ValueError, r"`schedules\['a'\]` must be finite, got nan"),
        ({"a": lambda step: 1 / step}, ValueError, "`schedules` must give finite weights in step 0"),
    ],
)
def test_errors(schedules: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Scheduled(["a", "b"], schedules)


@pytest.mark.as_user
def test_a_total_cannot_be_made_of_zeros() -> None:
    with pytest.raises(ValueError, match="with a sum that is not 0"):
        Scheduled(["a"], {"a": linear_schedule()}, sum_to=1)
