"""Generalised Jensen-Shannon loss by hand, its ends, and the term for two predictions."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from companion.losses import GeneralizedJSLoss, cross_entropy, generalized_js_loss, mae_loss

X, OTHER = torch.randn(2, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).unbind()
TARGET = torch.arange(5) % 4


def entropy(p: Tensor) -> Tensor:
    return -torch.special.xlogy(p, p).sum(1)


def slowly(predictions: list[Tensor], target: Tensor, pi: float) -> Tensor:
    """The paper's definition: the entropy of the mixture less the mixture of the entropies, over Z."""
    label = F.one_hot(target, 4).double()
    weights = [pi, *[(1 - pi) / len(predictions)] * len(predictions)]
    parts = [label, *predictions]
    mixture = sum(w * p for w, p in zip(weights, parts, strict=True))
    divergence = entropy(mixture) - sum(w * entropy(p) for w, p in zip(weights, parts, strict=True))
    return divergence / (-(1 - pi) * math.log(1 - pi))


def test_by_hand() -> None:
    # p = (1/2, 1/2), pi = 1/2: the mixture is (3/4, 1/4), H = 0.5623351, less log 2 / 2, over log 2 / 2
    found = generalized_js_loss(torch.zeros(1, 2), torch.tensor([0]))
    assert_close(found.item(), (0.5623351 - 0.3465736) / 0.3465736, rtol=1e-6, atol=0)


@pytest.mark.parametrize("pi", [0.1, 0.5, 0.9])
def test_is_the_divergence_of_two_or_three_distributions(pi: float) -> None:
    p, q = X.softmax(1), OTHER.softmax(1)
    assert_close(generalized_js_loss(X, TARGET, pi=pi, reduction="none"), slowly([p], TARGET, pi))
    found = generalized_js_loss(X, TARGET, OTHER, pi=pi, reduction="none")
    assert_close(found, slowly([p, q], TARGET, pi))


def test_cross_entropy_at_one_end_and_half_of_mae_at_the_other() -> None:
    assert_close(generalized_js_loss(X, TARGET, pi=1e-7), cross_entropy(X, TARGET), rtol=1e-5, atol=0)
    small = 1 - 1e-12  # slow to come: like one over the logarithm
    assert_close(generalized_js_loss(X, TARGET, pi=small), mae_loss(X, TARGET) / 2, rtol=0.1, atol=0)


def test_a_second_view_that_agrees_changes_nothing_and_one_that_does_not_costs() -> None:
    assert_close(generalized_js_loss(X, TARGET, X), generalized_js_loss(X, TARGET))
    assert_close(generalized_js_loss(X, TARGET, OTHER), generalized_js_loss(OTHER, TARGET, X))
    here, there = torch.tensor([[1.0, 0.0]]), torch.tensor([[-1.0, 0.0]])  # even odds on average
    assert generalized_js_loss(here, TARGET[:1], there) > generalized_js_loss(torch.zeros(1, 2), TARGET[:1])


def test_both_views_learn_and_the_second_derivative_is_right() -> None:
    views = [X.clone().requires_grad_(), OTHER.clone().requires_grad_()]
    for target in (TARGET, OTHER.softmax(1).detach()):

        def loss(a: Tensor, b: Tensor, y: Tensor = target) -> Tensor:
            return generalized_js_loss(a, y, b, pi=0.3)

        assert torch.autograd.gradcheck(loss, views)
        assert torch.autograd.gradgradcheck(loss, views)


def test_extremes_with_two_views() -> None:
    a = torch.tensor([[1e4, 0.0, 0.0], [1e4, -1e4, 0.0], [30.0, 0.0, 0.0]], requires_grad=True)
    b = torch.tensor([[0.0, 1e4, 0.0], [1e4, -1e4, 0.0], [28.0, 0.0, 0.0]], requires_grad=True)
    target = torch.tensor([0, 1, 0])
    loss = generalized_js_loss(a, target, b, reduction="none")
    slopes = torch.autograd.grad(loss.sum(), (a, b), create_graph=True)
    again = torch.autograd.grad(sum((s * torch.randn_like(s)).sum() for s in slopes), (a, b))
    assert all(v.isfinite().all() for v in (loss, *slopes, *again))
    exact = generalized_js_loss(a.double(), target, b.double(), reduction="none").float()
    assert_close(loss, exact, rtol=1e-5, atol=0)


@pytest.mark.as_user
def test_module_takes_the_second_view_where_the_function_does() -> None:
    module = GeneralizedJSLoss(pi=0.3)
    assert_close(module(X, TARGET, OTHER), generalized_js_loss(X, TARGET, OTHER, pi=0.3))
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    assert_close(compiled(X, TARGET, OTHER), module(X, TARGET, OTHER))
    many = torch.vmap(lambda x: module(x, TARGET, OTHER))(torch.stack([X, OTHER]))
    assert_close(many, torch.stack([module(X, TARGET, OTHER), module(OTHER, TARGET, OTHER)]))


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    with pytest.raises(ValueError, match=r"`other` must have the shape of `input`, \(5, 4\), got \(5, 3\)"):
        generalized_js_loss(X, TARGET, OTHER[:, :3])
    with pytest.raises(TypeError, match=r"`other` must be floating point"):
        generalized_js_loss(X, TARGET, OTHER.long())
    for pi in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match=r"`pi` must be above 0.0 and below 1.0, got"):
            generalized_js_loss(X, TARGET, pi=pi)
