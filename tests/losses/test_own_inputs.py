"""Losses with data of their own: tensors as they come, in any layout, precision and on any device."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.losses.info import OwnInfo
from tests.losses.own_registry import each_own, reduces
from tests.losses.own_samples import Call, calls, cast, example, value_and_gradients
from tests.waiting import NoWaiting

HALF = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)


@each_own()
def test_data_are_left_alone(info: OwnInfo) -> None:
    for call in calls(info):
        before = [t.clone() for t in call.data]
        value_and_gradients(call)
        assert_close(list(call.data), before, rtol=0, atol=0)


@each_own()
def test_the_same_call_has_the_same_bits(info: OwnInfo) -> None:
    for call in calls(info):
        for one, other in zip(value_and_gradients(call), value_and_gradients(call), strict=True):
            assert torch.equal(one, other)


def scattered(t: Tensor) -> Tensor:
    """The same numbers, every second place in memory."""
    return torch.stack([t, t], dim=-1)[..., 0]


@each_own()
def test_layout_in_memory_does_not_matter(info: OwnInfo) -> None:
    for call in calls(info):
        other = Call(info, tuple(map(scattered, call.data)), call.options)
        assert_close(value_and_gradients(other), value_and_gradients(call))


@each_own()
@HALF
def test_half_is_computed_in_single_precision(info: OwnInfo, dtype: torch.dtype) -> None:
    for options in info.sweep:
        half = Call(info, example(info, dtype=dtype), options)
        single = Call(info, cast(half.data, torch.float32), options)
        moving, wide = half.moving, single.moving
        loss, right = half(*moving), single(*wide)
        assert loss.dtype == torch.float32
        assert_close(loss, right, rtol=1e-6, atol=0)
        slopes = zip(torch.autograd.grad(loss, moving), torch.autograd.grad(right, wide), strict=True)
        for gradient, exact in slopes:
            assert gradient.dtype == dtype
            assert_close(gradient, exact.to(dtype), rtol=2 * torch.finfo(dtype).eps, atol=1e-6)


@each_own()
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_single_and_double_are_kept(info: OwnInfo, dtype: torch.dtype) -> None:
    for options in info.sweep:
        assert Call(info, example(info, dtype=dtype), options)().dtype == dtype


@each_own()
@HALF
def test_under_autocast_nothing_changes(info: OwnInfo, dtype: torch.dtype) -> None:
    for call in (Call(info, example(info, dtype=torch.float32), options) for options in info.sweep):
        plain = value_and_gradients(call)
        with torch.autocast("cpu", dtype=dtype):
            assert_close(value_and_gradients(call), plain, rtol=1e-6, atol=1e-7)


@each_own()
def test_the_host_never_waits(info: OwnInfo) -> None:
    for call in calls(info):
        moving = call.moving
        with NoWaiting():
            loss = call(*moving)
            gradients = torch.autograd.grad(loss, moving, create_graph=True)
            total = sum(g.sum() for g in gradients)
            if total.requires_grad:
                total.backward()


@each_own()
def test_all_stays_on_the_device(info: OwnInfo) -> None:
    """The meta device stands for a GPU: it refuses to be mixed with the CPU, and has no values to look at."""
    for call in calls(info):
        given = {**info.needs, **call.options}
        options = {name: v.to("meta") if isinstance(v, Tensor) else v for name, v in given.items()}
        moved = Call(info, tuple(t.to("meta") for t in call.data), options)
        moving = moved.moving
        loss = moved(*moving)
        for gradient, m in zip(torch.autograd.grad(loss, moving), moving, strict=True):
            assert gradient.device == loss.device == m.device
            assert gradient.shape == m.shape


@each_own(reduces)
def test_a_single_row(info: OwnInfo) -> None:
    call = Call(info, example(info, rows=1), {})
    for found in value_and_gradients(call):
        assert found.isfinite().all()
