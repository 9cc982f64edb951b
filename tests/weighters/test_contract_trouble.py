"""A step that went wrong is seen, and is not remembered: losses and gradients that are not finite, and extreme ones."""

import copy
import math

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from companion.weighters._base import Weighter
from tests.weighters.registry import Options, WeighterInfo, each_case, each_weighter, of_gradients
from tests.weighters.samples import NAMES, STATE_OF_STEPS, Run, batch, equal, seen, snapshot

WRONG = [math.nan, math.inf, -math.inf]


@each_case()
@pytest.mark.parametrize("period", [1, 3])
def test_a_loss_that_is_not_finite_is_seen_and_not_remembered(
    info: WeighterInfo, options: Options, period: int
) -> None:
    run = Run(info, period=period, **options)
    for wrong in WRONG:
        for _ in range(3):
            run.step()
        before, step = snapshot(run.weighter, without=STATE_OF_STEPS), run.weighter.step.clone()
        assert not run.step({"boundary": wrong}).isfinite()
        if (step + 1) % period != 0:  # else a period ends, of which the other steps count
            assert equal(snapshot(run.weighter, without=STATE_OF_STEPS), before)
        assert run.weighter.step == step + 1
        assert run.weighter.history().losses[-1].isfinite().tolist() == [True, False, True]
    assert finite(run.weighter)
    assert run.weighter.history().weights.isfinite().all()


@each_case()
def test_what_follows_is_as_if_the_wrong_step_had_not_been(info: WeighterInfo, options: Options) -> None:
    weighter, spared = (info(NAMES, **options) for _ in range(2))
    looks = [(values.float(), gram) for values, gram in seen(info, 8)]
    for step, (values, gram) in enumerate(looks):
        spared.look(values, gram)
        weighter.look(values, gram)
        for wrong in WRONG[: step % 4]:
            weighter.look(torch.where(torch.arange(len(values)) == 1, wrong, values), gram)
            if gram is not None:
                weighter.look(values, gram * wrong)
    assert equal(
        snapshot(weighter, without=STATE_OF_STEPS),
        snapshot(spared, without=STATE_OF_STEPS),
    )


@each_case(of_gradients)
def test_a_gradient_that_is_not_finite_is_not_remembered(info: WeighterInfo, options: Options) -> None:
    run = Run(info, **options)
    run.step()
    before = snapshot(run.weighter, without=STATE_OF_STEPS)
    losses, shared = run.losses(batch(1))
    kink = next(run.model.trunk.parameters()) if run.by_parameters else shared
    total = run.weighter(losses | {"smooth": losses["smooth"] + (0 * kink).sum().sqrt()}, shared=shared)
    assert total.isfinite()
    assert equal(snapshot(run.weighter, without=STATE_OF_STEPS), before)


EXTREMES = {
    "tiny": [1e-30, 1e-30, 1e-30],
    "huge": [1e30, 1e30, 1e30],
    "far apart": [1e-30, 1.0, 1e30],
    "zero": [0.0, 0.0, 0.0],
    "one zero": [0.0, 1.0, 2.0],
    "negative": [-1.0, -3.0, -2.0],
    "of both signs": [-1.0, 1.0, 0.5],
    "sums to zero": [-1.0, 1.0, 0.0],
}


def finite(weighter: Weighter) -> bool:
    return all(tensor.isfinite().all() for tensor in snapshot(weighter, without=STATE_OF_STEPS).values())


@each_case()
def test_weights_are_finite_whatever_the_losses(info: WeighterInfo, options: Options) -> None:
    weighter = info(NAMES, **options)
    for kind, extreme in EXTREMES.items():
        values = torch.tensor(extreme)
        gram = torch.outer(values.double(), values.double()) if info.of_gradients else None
        weighter.reset()
        for scale in (1.0, 1.0, 0.5, 2.0, 1.0, -1.0):  # constant, falling, rising, of the other sign
            before = weighter.weights.abs().sum()
            weights = weighter.look(scale * values, gram)
            assert finite(weighter), kind
            if weighter.sum_to is not None:
                assert_close(weights.abs().sum(), before, rtol=1e-5, atol=0.0, msg=kind)


@each_case()
def test_learns_again_after_extremes(info: WeighterInfo, options: Options) -> None:
    weighter = info(NAMES, **options)
    for extreme in EXTREMES.values():
        values = torch.tensor(extreme)
        weighter.look(values, torch.outer(values.double(), values.double()) if info.of_gradients else None)
    looks = weighter.looks.clone()
    for values, gram in seen(info, 8):
        weighter.look(values.float(), gram)
    assert finite(weighter)
    assert weighter.looks == looks + 8


class Scaled(Run):
    """A run in float16 with the scaling of the loss that it needs."""

    dtype = torch.float16

    def train(self, scaler: torch.amp.GradScaler, step: int, factor: float = 1.0) -> Tensor:
        with torch.autocast("cpu", dtype=self.dtype):
            losses, shared = self.losses(batch(step))
            loss = self.weighter({k: v * factor for k, v in losses.items()}, shared=shared)
        self.optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(self.optimizer)
        scaler.update()
        return loss.detach()


@each_weighter()
def test_mixed_precision_with_an_overflow(info: WeighterInfo) -> None:
    run, scaler = Scaled(info, **info.sweep[0]), torch.amp.GradScaler("cpu", init_scale=2.0**10)
    for step in range(3):
        assert run.train(scaler, step).isfinite()
    assert run.weighter.weights.dtype == torch.float32
    before, weights = copy.deepcopy(run.model.state_dict()), run.weighter.weights.clone()
    assert not run.train(scaler, 3, factor=math.inf).isfinite()
    assert scaler.get_scale() == 2.0**9
    assert torch.equal(run.weighter.weights, weights)
    assert all(torch.equal(tensor, run.model.state_dict()[name]) for name, tensor in before.items())
    assert run.train(scaler, 4).isfinite()
    assert finite(run.weighter)


@each_weighter()
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_mixed_precision_gives_the_weights_of_full_precision(info: WeighterInfo, dtype: torch.dtype) -> None:
    full, mixed = Run(info), Run(info)
    for step in range(3):
        losses, shared = full.losses(batch(step))
        full.weighter(losses, shared=shared)
        with torch.autocast("cpu", dtype=dtype):
            losses, shared = mixed.losses(batch(step))
            loss = mixed.weighter(losses, shared=shared)
        assert loss.dtype == torch.float32
    assert_close(mixed.weighter.weights, full.weighter.weights, rtol=0.1, atol=0.05)


def test_the_runs_above_are_in_half_precision() -> None:
    class Seen(nn.Identity):
        def forward(self, x: Tensor) -> Tensor:
            assert x.dtype == torch.float16
            return x

    with torch.autocast("cpu", dtype=torch.float16):
        Seen()(nn.Linear(4, 2)(torch.ones(1, 4)))
