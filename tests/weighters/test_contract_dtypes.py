"""Float64 stays float64, half precision never rounds the statistics, and nothing waits for a GPU or leaves it."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.waiting import NoWaiting
from tests.weighters.registry import Options, WeighterInfo, each_case, each_weighter
from tests.weighters.samples import NAMES, Run, batch, equal, seen, snapshot

STEPS = 6


class Precise(TorchDispatchMode):
    """Refuses every operation that makes less than float64 of float64."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        given, made = ({x.dtype for x in tree_leaves(y) if isinstance(x, Tensor)} for y in (args, found))
        if torch.float64 in given and any(dtype.is_floating_point and dtype != torch.float64 for dtype in made):
            raise AssertionError(f"{func} makes {made} of {given}")
        return found


def test_rounding_is_noticed() -> None:
    x = torch.ones(3, dtype=torch.float64)
    with pytest.raises(AssertionError, match="makes"), Precise():
        x.float().double()


@each_case()
def test_double_stays_double(info: WeighterInfo, options: Options) -> None:
    run = Run(info, period=2, **options)
    run.model.double()
    run.weighter.double()
    for step in range(STEPS):
        losses, shared = run.losses(batch(step, dtype=torch.float64))
        with Precise():
            total = run.weighter(losses, shared=shared)
        assert total.dtype == torch.float64
    if run.weighter.sum_to is not None:
        assert run.weighter.weights.abs().sum().item() == pytest.approx(run.weighter.sum_to, rel=1e-12)
    assert run.weighter.history().weights.dtype == torch.float64


@each_case()
def test_made_in_double_is_double_throughout(info: WeighterInfo, options: Options) -> None:
    """Constants of a method, such as a table of slopes, carry no rounding of float32 where float64 is the default."""
    torch.set_default_dtype(torch.float64)
    try:
        weighter = info(NAMES, **options)
    finally:
        torch.set_default_dtype(torch.float32)
    tensors = snapshot(weighter).values()
    assert {tensor.dtype for tensor in tensors if tensor.is_floating_point()} == {torch.float64}
    with Precise():
        for values, gram in seen(info, STEPS):
            weighter.look(values, gram)


@each_weighter()
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_of_the_model_leaves_the_statistics(info: WeighterInfo, dtype: torch.dtype) -> None:
    class System(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.run = Run(info)
            self.model, self.weighter = self.run.model, self.run.weighter

    system = System()
    system.run.step()
    before = snapshot(system.weighter)
    system.to(dtype)
    assert equal(snapshot(system.weighter), before)
    losses, shared = system.run.losses(batch(1, dtype=dtype))
    assert next(iter(losses.values())).dtype == dtype
    total = system.weighter(losses, shared=shared)
    assert total.dtype == torch.float32
    assert total.isfinite()
    assert system.weighter.looks == 2


@each_case()
def test_nothing_waits_for_the_gpu(info: WeighterInfo, options: Options) -> None:
    run = Run(info, period=2, **options)
    for step in range(3):
        losses, shared = run.losses(batch(step))
        with NoWaiting():
            run.weighter(losses, shared=shared).backward()
            run.weighter.reset() if step == 1 else None
    losses, _ = run.losses(batch(3))
    with NoWaiting():
        run.weighter.eval()(losses)


@each_case()
def test_every_tensor_stays_on_the_device(info: WeighterInfo, options: Options) -> None:
    """The meta device stands for a GPU: it refuses to be mixed with the CPU, and has no values to look at."""
    run = Run(info, period=2, **options)
    run.model.to("meta")
    run.weighter.to("meta")
    for step in range(2):
        losses, shared = run.losses(batch(step).to("meta"))
        total = run.weighter(losses, shared=shared)
        total.backward()
        assert total.device.type == "meta"
    run.weighter.reset()
    assert {tensor.device.type for tensor in snapshot(run.weighter).values()} == {"meta"}
