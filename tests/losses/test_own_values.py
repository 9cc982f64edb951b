"""Losses with data of their own: value by the equation, and float32 against float64 far from the origin."""

import torch
from torch import Tensor
from torch.testing import assert_close

from tests.losses.info import OwnInfo
from tests.losses.own_registry import each_own, reduces
from tests.losses.own_samples import Call, calls, example, far_out, value_and_gradients

TINY = 1e-37  # about the smallest normal float32: below it there is nothing to compare


def by_the_equation(call: Call) -> Tensor:
    options = {**call.info.needs, **call.options}
    return torch.tensor([float(v) for v in call.info.reference(*call.data, **options)], dtype=torch.float64)


@each_own()
def test_value_is_that_of_the_equation(info: OwnInfo) -> None:
    for call in calls(info):
        assert_close(call.whole().flatten(), by_the_equation(call), rtol=1e-10, atol=1e-12)


@each_own()
def test_value_far_out_is_that_of_the_equation(info: OwnInfo) -> None:
    for call in far_out(info, torch.float64):
        assert_close(call.whole().flatten(), by_the_equation(call), rtol=1e-9, atol=TINY)


@each_own()
def test_single_precision_is_exact_far_out(info: OwnInfo) -> None:
    """The data of `extreme` are float32, so that both precisions see the same numbers."""
    for single, double in zip(far_out(info), far_out(info, torch.float64), strict=True):
        for found, right in zip(value_and_gradients(single), value_and_gradients(double), strict=True):
            assert_close(found.double(), right, rtol=1e-5, atol=TINY)


@each_own()
def test_nothing_to_learn_from_costs_nothing(info: OwnInfo) -> None:
    for data in info.nothing():
        call = Call(info, data, {})
        moving = call.moving
        loss = call(*moving)
        assert loss == 0
        for gradient in torch.autograd.grad(loss, moving):
            assert (gradient == 0).all()
        for found in value_and_gradients(call):
            assert (found == 0).all()


@each_own(reduces)
def test_mean_is_the_default_and_sum_adds_up_what_none_returns(info: OwnInfo) -> None:
    for call in calls(info):
        losses = call(reduction="none")
        assert_close(call(reduction="sum"), losses.sum())
        assert_close(call(), call(reduction="mean"))
        assert call().dim() == 0


@each_own(lambda info: info.takes("sample_weight"))
def test_sample_weight_scales_its_row_and_enters_the_mean(info: OwnInfo) -> None:
    """Every row of the example counts."""
    for call in calls(info):
        losses = call(reduction="none")
        w = torch.linspace(0.5, 2.0, len(losses), dtype=torch.float64)
        rows = w.view(-1, *[1] * (losses.dim() - 1)).expand_as(losses)
        assert_close(call(sample_weight=w, reduction="none"), rows * losses)
        assert_close(call(sample_weight=w, reduction="sum"), (rows * losses).sum())
        assert_close(call(sample_weight=w), (rows * losses).sum() / rows.sum())
        assert_close(call(sample_weight=torch.full_like(w, 3.0)), call())
        assert_close(call(sample_weight=0 * w), torch.zeros_like(call()))


@each_own(lambda info: info.takes("sample_weight"))
def test_a_row_of_weight_zero_is_as_if_it_were_not_there(info: OwnInfo) -> None:
    call = Call(info, example(info), {})
    w = torch.ones(len(call(reduction="none")), dtype=torch.float64)
    w[0] = 0
    gradient = torch.autograd.grad(call(*(moving := call.moving), sample_weight=w), moving)
    assert all(g.isfinite().all() for g in gradient)
    losses = call(reduction="none")[1:]
    assert_close(call(sample_weight=w), losses.mean())
