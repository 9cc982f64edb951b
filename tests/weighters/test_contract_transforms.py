"""torch.compile and torch.func see the same weights as eager code: one graph, no recompiling, many runs at once."""

import copy
import shutil
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.func import vmap
from torch.testing import assert_close

from companion.weighters._base import State, Weighter
from tests.weighters.registry import Options, WeighterInfo, each_case, each_weighter, of_values
from tests.weighters.samples import NAMES, seen, snapshot

pytestmark = [
    pytest.mark.as_user,  # the shape checks are not traceable
    pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning"),
]
STEPS = 6


@pytest.fixture
def fresh() -> Iterator[None]:
    torch.compiler.reset()
    torch._dynamo.utils.counters.clear()
    yield
    torch.compiler.reset()


def agree_when_compiled(weighter: Weighter, backend: str, info: WeighterInfo) -> None:
    eager, compiled = copy.deepcopy(weighter), torch.compile(weighter, fullgraph=True, backend=backend)
    with torch._dynamo.config.patch(error_on_recompile=True):
        for step, (values, _) in enumerate(seen(info, STEPS)):
            if step in (3, 4):  # a step that is not finite is another value, not another graph
                values[1] = (torch.nan, torch.inf)[step - 3]
            found = []
            for module in (eager, compiled):
                leaves = [value.float().requires_grad_() for value in values]
                total = module(dict(zip(NAMES, leaves, strict=True)))
                found.append((total.detach(), torch.stack(torch.autograd.grad(total, leaves))))
            assert_close(found[1], found[0], rtol=1e-5, atol=1e-6, equal_nan=True)
            assert_close(snapshot(weighter), snapshot(eager), rtol=1e-5, atol=1e-6, equal_nan=True)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1


@each_weighter(of_values)
@pytest.mark.usefixtures("fresh")
def test_compiles_whole(info: WeighterInfo) -> None:
    agree_when_compiled(info(NAMES, **info.sweep[-1]), "aot_eager", info)


@each_weighter(lambda info: info.name == "SoftAdapt")
@pytest.mark.usefixtures("fresh")
def test_compiles_whole_with_a_period(info: WeighterInfo) -> None:
    agree_when_compiled(info(NAMES, period=2), "aot_eager", info)


@each_weighter(lambda info: info.name in ("SoftAdapt", "FAMO"))
@pytest.mark.usefixtures("fresh")
@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler")
@pytest.mark.skipif(" " in torch.__file__, reason="inductor does not quote the path of torch for the compiler")
def test_compiles_to_machine_code(info: WeighterInfo) -> None:
    agree_when_compiled(info(NAMES), "inductor", info)


def stacked(states: list[State]) -> State:
    return {name: torch.stack([state[name] for state in states]) for name in states[0]}


@each_case()
def test_many_runs_at_once(info: WeighterInfo, options: Options) -> None:
    many_runs_at_once(info, options, period=1)


@each_weighter(lambda info: info.name in ("SoftAdapt", "GradNorm"))
def test_many_runs_at_once_with_a_period(info: WeighterInfo) -> None:
    many_runs_at_once(info, {}, period=2)


def many_runs_at_once(info: WeighterInfo, options: Options, period: int) -> None:
    """``torch.func.vmap(weighter.advance)`` over stacked states, as companion.experiments trains many seeds at once."""
    weighter = info(NAMES, period=period, **options)
    initial = weighter.state()
    one_by_one, together = [dict(initial) for _ in range(3)], stacked([initial] * 3)
    looks = [(values.float(), gram) for values, gram in seen(info, 3 * STEPS)]
    for step in range(STEPS):
        values, grams = zip(*looks[3 * step : 3 * step + 3], strict=True)
        if step == 3:  # one run meets a loss that is not finite; the others go on
            values = (values[0], values[1] * torch.inf, values[2])
        gram: Tensor | None = None if grams[0] is None else torch.stack(grams)
        over = (0, None if gram is None else 0, 0)
        together = vmap(weighter.advance, in_dims=over)(torch.stack(values), gram, together)
        one_by_one = [weighter.advance(*args) for args in zip(values, grams, one_by_one, strict=True)]
        assert_close(together, stacked(one_by_one), rtol=1e-4, atol=1e-5)
    assert together["looks"].tolist() == ([6, 5, 6] if period == 1 else [3, 3, 3])
