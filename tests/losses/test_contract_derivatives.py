"""First and second derivatives, backward and forward, and their size far from the origin."""

import pytest
import torch
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.testing import assert_close

from tests.losses.registry import LossInfo, each_loss
from tests.losses.samples import PLAIN, Case, adversarial_cases, example, kinds, random_cases

LEARNED = {
    "gamma": 1.5,
    "tau": 0.75,
    "epsilon": 0.5,
    "alpha": 0.25,
    "beta": 0.75,
    "q": 0.5,
}  # options that may be tensors
SMALL = (2, 3)

# torch's own: it scripts its decompositions when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")


def small_cases(info: LossInfo) -> list[Case]:
    """Every setting of the options on plain logits, and the default one on probabilities and on pixels."""
    cases = [Case(info, *example(info, shape=SMALL, seed=1), options) for options in info.sweep]
    cases += [Case(info, *example(info, kind, SMALL, seed=2), {}) for kind in kinds(info)[1:]]
    return [*cases, Case(info, *example(info, shape=(1, 3, 2)), {})]


@each_loss()
def test_gradient_backward_forward_and_batched(info: LossInfo) -> None:
    for case in small_cases(info):
        input = case.input.requires_grad_()
        assert gradcheck(case, input, check_forward_ad=True, check_batched_grad=True)


@each_loss()
def test_second_derivatives_backward_and_forward_over_backward(info: LossInfo) -> None:
    for case in small_cases(info):
        input = case.input.requires_grad_()
        assert gradgradcheck(case, input, check_fwd_over_rev=True)


@each_loss()
def test_forward_mode_agrees_with_backward_mode(info: LossInfo) -> None:
    for case in random_cases(info):
        input, direction = case.input.clone().requires_grad_(), torch.randn_like(case.input)
        (gradient,) = torch.autograd.grad(case(input), input)
        with forward_ad.dual_level():
            slope = forward_ad.unpack_dual(case(forward_ad.make_dual(case.input, direction))).tangent
        assert_close(slope, (gradient * direction).sum())


@each_loss(lambda info: any(info.takes(option) for option in LEARNED) and info.name != "class_balanced_loss")
def test_options_can_be_learned(info: LossInfo) -> None:
    input, target = example(info)
    for option, value in LEARNED.items():
        if not info.takes(option) or (option == "alpha" and info.name == "focal_loss"):  # there a vector: see below
            continue
        learned = torch.tensor(value, dtype=torch.float64, requires_grad=True)
        assert gradcheck(lambda v, option=option: info(input, target, **{option: v}), learned)
        assert_close(info(input, target, **{option: learned}), info(input, target, **{option: value}))


@each_loss(lambda info: info.probabilities)
def test_probabilities_get_a_gradient(info: LossInfo) -> None:
    input, target = example(info, "probability")
    assert gradcheck(lambda y: info(input, y), target.requires_grad_())


@each_loss(lambda info: any(info.takes(option) for option in ("weight", "sample_weight")))
def test_weights_get_a_gradient(info: LossInfo) -> None:
    input, target = example(info)
    for option, length in (("weight", PLAIN[1]), ("sample_weight", PLAIN[0])):
        if info.takes(option):
            weight = torch.linspace(0.5, 2.0, length, dtype=torch.float64, requires_grad=True)
            assert gradcheck(lambda w, option=option: info(input, target, **{option: w}), weight)


@each_loss()
def test_all_is_finite_up_to_ten_thousand(info: LossInfo) -> None:
    """Value, gradient and the product of the Hessian with a vector."""
    for case in adversarial_cases(info):
        input = case.input.clone().requires_grad_()
        loss = case(input)
        (gradient,) = torch.autograd.grad(loss, input, create_graph=True)
        assert loss.isfinite()
        assert gradient.isfinite().all()
        if gradient.requires_grad:  # not where the loss is linear
            (product,) = torch.autograd.grad((gradient * torch.randn_like(gradient)).sum(), input)
            assert product.isfinite().all()
