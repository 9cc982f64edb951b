"""Tensors as they come: in any memory layout, shared, few or none."""

import pytest
import torch
from torch.testing import assert_close

from tests.losses.registry import LossInfo, each_loss, multiclass, rowwise
from tests.losses.samples import IMAGES, PLAIN, Case, example, kinds, random_cases


@each_loss()
def test_arguments_are_left_alone(info: LossInfo) -> None:
    for case in random_cases(info):
        options = {**info.needs(3), **case.options}
        tensors = [case.input, case.target, *(v for v in options.values() if isinstance(v, torch.Tensor))]
        before = [t.clone() for t in tensors]
        input = case.input.clone().requires_grad_()
        info(input, case.target, **options).backward()
        assert_close(input.detach(), case.input, rtol=0, atol=0)
        assert_close(tensors, before, rtol=0, atol=0)


@each_loss()
def test_the_same_call_gives_the_same_bits(info: LossInfo) -> None:
    for case in random_cases(info):
        assert torch.equal(case(), case())


@each_loss()
def test_memory_layout_does_not_matter(info: LossInfo) -> None:
    for kind in kinds(info):
        input, target = example(info, kind, IMAGES)
        right = info(input.requires_grad_(), target)
        (gradient,) = torch.autograd.grad(right, input)
        plain = input.detach()
        strided = torch.empty(*IMAGES[:-1], 2 * IMAGES[-1], dtype=plain.dtype)[..., ::2].copy_(plain)
        turned = plain.movedim(1, -1).contiguous().movedim(-1, 1)
        for other in (plain.contiguous(memory_format=torch.channels_last), strided, turned):
            assert not other.is_contiguous()
            other.requires_grad_()
            loss = info(other, target.mT.contiguous().mT)
            assert_close(loss, right)
            assert_close(torch.autograd.grad(loss, other)[0], gradient)


@each_loss()
def test_a_batch_of_views_onto_one_row(info: LossInfo) -> None:
    row, target = example(info, shape=(1, 3))
    many = info(row.expand(4, 3), target.expand(4, *target.shape[1:]))
    assert_close(many, info(row.repeat(4, 1), target.repeat(4, *[1] * (target.dim() - 1))))


@each_loss()
@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 4, 4), (2, 3, 0, 4)], ids=str)
def test_nothing_costs_nothing(info: LossInfo, shape: tuple[int, ...]) -> None:
    for kind in kinds(info):
        input = torch.zeros(shape, requires_grad=True)
        target = (
            torch.zeros(shape) if info.binary or kind == "probability" else torch.zeros(shape[0], *shape[2:]).long()
        )
        for reduction in ("mean", "sum", "none"):
            loss = info(input, target, reduction=reduction).sum()
            loss.backward()
            assert loss == 0
            assert input.grad.shape == shape


@each_loss(rowwise)
def test_a_single_row(info: LossInfo) -> None:
    for kind in kinds(info):
        input, target = example(info, kind, (2, 3))
        alone = [info(x, y, reduction="none") for x, y in zip(input.split(1), target.split(1), strict=True)]
        assert_close(torch.cat(alone), info(input, target, reduction="none"))


@each_loss(multiclass)
def test_many_classes(info: LossInfo) -> None:
    input = torch.randn(4, 300, dtype=torch.float64, requires_grad=True)
    options = {"counts": torch.arange(1, 301), "prior": torch.ones(300), "cost": torch.ones(300, 300)}
    options["transition"] = 0.5 * torch.eye(300) + 0.5 / 300
    target = torch.tensor([0, 7, 299, 150])
    loss = info.function(input, target, **{name: options[name] for name in info.needs(3)})
    (gradient,) = torch.autograd.grad(loss, input)
    assert loss.isfinite()
    assert_close(gradient.sum(dim=1), torch.zeros(4, dtype=torch.float64))  # as after any softmax


@each_loss()
def test_gradient_may_be_taken_twice_through_one_graph(info: LossInfo) -> None:
    input, target = example(info)
    loss = Case(info, input.requires_grad_(), target, {})()
    once, again = (torch.autograd.grad(loss, input, retain_graph=True) for _ in range(2))
    assert_close(once, again, rtol=0, atol=0)


@each_loss()
def test_no_gradient_no_graph(info: LossInfo) -> None:
    input, target = example(info, shape=PLAIN)
    assert not info(input, target).requires_grad
    with torch.inference_mode():
        assert info(input, target).isfinite()
