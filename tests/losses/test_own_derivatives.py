"""Losses with data of their own: first and second derivatives, backward and forward, and their size far out."""

import pytest
import torch
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.testing import assert_close

from tests.losses.info import OwnInfo
from tests.losses.own_registry import each_own
from tests.losses.own_samples import Call, calls, example, far_out

# torch's own: it scripts its decompositions when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")


@each_own()
def test_gradient_is_that_of_finite_differences(info: OwnInfo) -> None:
    for call in calls(info):
        assert gradcheck(call, call.moving)


@each_own()
def test_gradients_of_a_batch_of_directions(info: OwnInfo) -> None:
    for call in calls(info)[:1]:
        assert gradcheck(call.whole, call.moving, check_batched_grad=True)


@each_own()
def test_second_derivatives_are_those_of_finite_differences(info: OwnInfo) -> None:
    for call in calls(info):
        assert gradgradcheck(call, call.moving)


@each_own()
def test_slope_by_forward_mode(info: OwnInfo) -> None:
    for call in calls(info):
        moving = call.moving
        directions = [torch.randn_like(m) for m in moving]
        gradients = torch.autograd.grad(call(*moving), moving)
        with forward_ad.dual_level():
            dual = [forward_ad.make_dual(m.detach(), d) for m, d in zip(moving, directions, strict=True)]
            slope = forward_ad.unpack_dual(call(*dual)).tangent
        assert_close(slope, sum((g * d).sum() for g, d in zip(gradients, directions, strict=True)))


@each_own(lambda info: bool(info.learned))
def test_learned_options_get_a_gradient(info: OwnInfo) -> None:
    data = example(info)
    for name, value in info.learned.items():
        learned = torch.as_tensor(value, dtype=torch.float64).clone().requires_grad_()
        assert gradcheck(lambda v, name=name: info(*data, **{name: v}), learned)
        assert_close(info(*data, **{name: learned}), info(*data, **{name: value}))


@each_own()
def test_value_gradient_and_curvature_are_finite_far_out(info: OwnInfo) -> None:
    """The curvature as the product of the Hessian with a vector."""
    for call in far_out(info):
        moving = call.moving
        loss = call(*moving)
        gradients = torch.autograd.grad(loss, moving, create_graph=True)
        assert loss.isfinite()
        assert all(g.isfinite().all() for g in gradients)
        along = sum((g * torch.randn_like(g)).sum() for g in gradients)
        if along.requires_grad:  # not where the loss is linear
            products = torch.autograd.grad(along, moving, allow_unused=True)
            assert all(p is None or p.isfinite().all() for p in products)


def test_a_call_replaces_only_what_moves() -> None:
    info = OwnInfo(torch.sub, None, lambda rows, draw: (torch.ones(rows), torch.zeros(rows)), list, list, slopes=(1,))
    call = Call(info, example(info), {})
    assert_close(call(torch.full((4,), 3.0, dtype=torch.float64)), torch.full((4,), -2.0, dtype=torch.float64))
