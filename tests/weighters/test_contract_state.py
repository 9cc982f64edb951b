"""A weighter remembers all that it needs, saves it, takes it up bit by bit, and can forget it."""

import pickle

import pytest
import torch
from torch.testing import assert_close

from tests.weighters.registry import Options, WeighterInfo, each_case, each_weighter
from tests.weighters.samples import NAMES, Run, equal, seen, snapshot

STEPS = 7  # more than two periods of 3, and more than the window of any weighter here


@each_case()
def test_resumes_bit_by_bit_at_every_step(info: WeighterInfo, options: Options) -> None:
    resumes_bit_by_bit(info, options, period=1)


@each_weighter()
def test_resumes_bit_by_bit_within_a_period(info: WeighterInfo) -> None:
    resumes_bit_by_bit(info, {}, period=3)


def resumes_bit_by_bit(info: WeighterInfo, options: Options, period: int) -> None:
    run, saved, states = Run(info, period=period, **options), [], []
    for _ in range(STEPS):
        saved.append(run.saved())
        run.step()
        states.append(snapshot(run.weighter, without=("_ring", "_ring_steps")) | dict(run.model.named_parameters()))
        states[-1] = {name: tensor.detach().clone() for name, tensor in states[-1].items()}
    for start in range(STEPS):
        again = Run(info, start=1, period=period, **options)
        again.load(saved[start])
        for state in states[start : start + 2]:
            again.step()
            found = snapshot(again.weighter, without=("_ring", "_ring_steps")) | dict(again.model.named_parameters())
            assert equal({name: tensor.detach() for name, tensor in found.items()}, state)
        assert again.weighter.history().steps.tolist() == list(range(start, STEPS))[:2]


@each_case()
@pytest.mark.parametrize("period", [1, 2])
def test_reset_forgets_everything(info: WeighterInfo, options: Options, period: int) -> None:
    weighter, fresh = (info(NAMES, period=period, history=3, **options) for _ in range(2))
    looks = [(v.float(), g) for v, g in seen(info, STEPS)]
    for look in looks:
        weighter.look(*look)
    weighter.reset()
    assert equal(snapshot(weighter, without=("_ring",)), snapshot(fresh, without=("_ring",)))
    assert len(weighter.history().steps) == 0
    for look in looks:
        weighter.look(*look)
        fresh.look(*look)
        assert equal(snapshot(weighter, without=("_ring",)), snapshot(fresh, without=("_ring",)))
    assert torch.equal(weighter.history().weights, fresh.history().weights)


@each_weighter()
def test_refuses_the_state_of_other_losses(info: WeighterInfo) -> None:
    saved = info(["one", "two", "three"]).state_dict()
    for names in (["one", "two", "other"], ["two", "one", "three"]):
        with pytest.raises((ValueError, RuntimeError), match="saved for the losses"):
            info(names).load_state_dict(saved)
    with pytest.raises((ValueError, RuntimeError)):
        info(["one", "two"]).load_state_dict(saved)


@each_case()
def test_pickles(info: WeighterInfo, options: Options) -> None:
    weighter = info(NAMES, **options)
    looks = [(v.float(), g) for v, g in seen(info, 4)]
    for look in looks[:2]:
        weighter.look(*look)
    again = pickle.loads(pickle.dumps(weighter))
    for look in looks[2:]:
        weighter.look(*look)
        again.look(*look)
    assert equal(snapshot(again), snapshot(weighter))
    assert again.names == NAMES


@each_weighter()
def test_history_keeps_the_last_steps_in_order(info: WeighterInfo) -> None:
    weighter = info(NAMES, history=4)
    assert not any("ring" in name for name in weighter.state_dict())
    expected = []
    for values, gram in seen(info, STEPS):
        expected.append((values.float(), weighter.look(values.float(), gram)))
        last, found = expected[-4:], weighter.history()
        assert found.names == NAMES
        assert found.steps.tolist() == list(range(len(expected)))[-4:]
        assert torch.equal(found.losses, torch.stack([v for v, _ in last]))
        assert torch.equal(found.weights, torch.stack([w for _, w in last]))


@each_weighter()
def test_history_may_be_left_out(info: WeighterInfo) -> None:
    run = Run(info, history=0)
    run.step()
    run.step()
    assert run.weighter.history().weights.shape == (0, len(NAMES))


@each_case()
def test_a_period_is_one_look_at_its_mean(info: WeighterInfo, options: Options) -> None:
    often, seldom = info(NAMES, **options).double(), info(NAMES, period=3, **options).double()
    looks = seen(info, 9)
    for start in range(0, 9, 3):
        before = seldom.weights.clone()
        for values, gram in looks[start : start + 3]:
            assert torch.equal(seldom.weights, before)
            seldom.look(values, gram)
        values = torch.stack([values for values, _ in looks[start : start + 3]]).mean(0)
        grams = [gram for _, gram in looks[start : start + 3] if gram is not None]
        often.look(values, torch.stack(grams).mean(0) if grams else None)
        assert_close(seldom.weights, often.weights, rtol=1e-6, atol=1e-9)
    assert (seldom.step, seldom.looks) == (9, 3)
