"""Value and gradient against the equation of the paper, computed with 150 digits."""

import torch
from torch import Tensor
from torch.testing import assert_close

from tests.losses.registry import LossInfo, both, each_loss, multiclass, soft
from tests.losses.samples import Case, adversarial_cases, dense, expected, random_cases

TINY = 1e-37  # about the smallest normal float32: below it there is nothing to compare


def found(case: Case) -> tuple[Tensor, Tensor]:
    """As `expected`: every loss, and the gradient of their sum, both flattened."""
    input = case.input.clone().requires_grad_()
    losses = case(input, reduction="none")
    (gradient,) = torch.autograd.grad(losses.sum(), input)
    return losses.detach().flatten().double(), gradient.flatten().double()


@each_loss()
def test_value_and_gradient_are_those_of_the_paper(info: LossInfo) -> None:
    for case in random_cases(info):
        losses, gradient = found(case)
        assert_close(losses, expected(case)[0], rtol=1e-13, atol=1e-15)
        assert_close(gradient, expected(case)[1], rtol=1e-11, atol=1e-15)


@each_loss()
def test_value_is_exact_on_adversarial_logits(info: LossInfo) -> None:
    for case in adversarial_cases(info):
        assert_close(found(case)[0], expected(case)[0], rtol=1e-5, atol=TINY)


@each_loss()
def test_gradient_is_exact_on_adversarial_logits(info: LossInfo) -> None:
    for case in adversarial_cases(info):
        assert_close(found(case)[1], expected(case)[1], rtol=1e-5, atol=TINY)


@each_loss(both(multiclass, lambda info: "test_gradient_is_exact_on_adversarial_logits" in info.excused))
def test_gradient_is_exact_but_for_the_rounding_of_softmax(info: LossInfo) -> None:
    for case in adversarial_cases(info):
        gradient, right = found(case)[1], expected(case)[1]
        p = case.input.softmax(dim=1)
        missed = 1 - (p * dense(case)).sum(dim=1, keepdim=True)
        worst = missed.flatten(1).amax(dim=1)  # of an image, whose pixels a loss of regions ties together
        well = (worst < 0.7).view(-1, *[1] * (p.dim() - 1)).expand_as(p).flatten()
        assert_close(gradient, right, rtol=1e-5, atol=6e-7)
        if info.region or not case.target.is_floating_point():  # a mixture of costs is priced at every class
            assert_close(gradient[well], right[well], rtol=1e-5, atol=1e-15)


@each_loss(multiclass)
def test_all_other_classes_may_be_impossible(info: LossInfo) -> None:
    shape = (1, 3, 1) if info.region else (1, 3)
    input = torch.tensor([0.0, -torch.inf, -torch.inf]).view(shape)
    target = torch.zeros(1, *shape[2:], dtype=torch.long)
    for options in info.sweep:
        if "label_smoothing" in options:  # asks for some probability of the impossible
            continue
        case = Case(info, input, target, options)
        for one, other in zip(found(case), expected(case), strict=True):
            assert_close(one, other, rtol=1e-5, atol=TINY)


@each_loss(soft)
def test_an_impossible_class_that_is_not_wanted_costs_nothing(info: LossInfo) -> None:
    input, target = torch.tensor([[2.0, 1.0, -torch.inf]]), torch.tensor([[0.75, 0.25, 0.0]])
    for options in info.sweep:
        if "label_smoothing" in options:
            continue
        case = Case(info, input, target, options)
        for one, other in zip(found(case), expected(case), strict=True):
            assert_close(one, other, rtol=1e-5, atol=TINY)
