"""Bi-tempered loss by hand, the normaliser, and the gradient that does not go through its solver."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from companion.losses import bi_tempered_loss, cross_entropy
from companion.losses.noisy_labels.bi_tempered import _log_tempered_softmax

# torch's own: it scripts its decompositions when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")


def tempered_softmax(x: Tensor, t: float) -> Tensor:
    """exp_t(x - lambda) with lambda by bisection: between max x, where the sum is too large, and far above it."""
    low, high = x.amax(1, keepdim=True), x.amax(1, keepdim=True) + (x.shape[1] ** (t - 1) - 1) / (t - 1)
    for _ in range(200):
        middle = (low + high) / 2
        small = ((1 + (t - 1) * (middle - x)) ** (-1 / (t - 1))).sum(1, keepdim=True) < 1
        low, high = torch.where(small, low, middle), torch.where(small, middle, high)
    return (1 + (t - 1) * (low - x)) ** (-1 / (t - 1))


def test_by_hand() -> None:
    # p = (1/2, 1/2) at any t2; t1 = 1/2: (1 - sqrt(1/2)) / (1/2) - (1 - 2 (1/2)^1.5) / 1.5 = 0.5857864 - 0.1952621
    found = bi_tempered_loss(torch.zeros(1, 2), torch.tensor([0]), t1=0.5, t2=1.7)
    assert_close(found.item(), 0.3905243, rtol=1e-6, atol=0)


@pytest.mark.parametrize("t2", [1.0001, 1.2, 1.5, 2.0, 4.0, 5.0])
@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_probabilities_solve_the_equation(t2: float, classes: int) -> None:
    for spread in (0.1, 3.0, 100.0):
        x = spread * torch.randn(20, classes, dtype=torch.float64)
        p = _log_tempered_softmax(x, t2).exp()
        assert_close(p.sum(1), torch.ones(20, dtype=torch.float64), rtol=1e-12, atol=0)
        assert_close(p, tempered_softmax(x, t2), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("t2", [1.01, 1.2, 1.5, 1.51, 4.0, 5.0])
def test_float32_reaches_its_rounding(t2: float) -> None:
    for spread in (0.01, 3.0, 1e4):
        p = _log_tempered_softmax(spread * torch.randn(20, 10_000), t2).exp()
        assert_close(p.sum(1), torch.ones(20), rtol=2e-6, atol=0)


def test_ties_far_above_the_label_share_its_pull() -> None:
    # Each of the two gets half of what the label loses. Autograd through lambda leaves 5 % of rounding.
    x = torch.tensor([[1e4, 1e4, 0.0]], requires_grad=True)
    (slope,) = torch.autograd.grad(bi_tempered_loss(x, torch.tensor([2])), x)
    assert_close(slope, slope[0, 2] * torch.tensor([[-0.5, -0.5, 1.0]]), rtol=1e-6, atol=0)


def test_the_paper_written_out() -> None:
    x, target = 3 * torch.randn(8, 5, dtype=torch.float64), torch.arange(8) % 5
    t1, t2 = 0.7, 1.3
    p = tempered_softmax(x, t2)
    y = torch.nn.functional.one_hot(target, 5).double()

    def log_t(v: Tensor) -> Tensor:
        return (v ** (1 - t1) - 1) / (1 - t1)

    slowly = (y * (log_t(y) - log_t(p)) - (y ** (2 - t1) - p ** (2 - t1)) / (2 - t1)).sum(1)
    assert_close(bi_tempered_loss(x, target, t1=t1, t2=t2, reduction="none"), slowly)


def test_gradient_is_the_implicit_one() -> None:
    # dp_i / dx_j = p_i^t2 (delta_ij - w_j) with the escort distribution w = p^t2 / sum p^t2
    x = torch.randn(6, 4, dtype=torch.float64, requires_grad=True)
    target, t1, t2 = torch.arange(6) % 4, 0.6, 1.8
    (found,) = torch.autograd.grad(bi_tempered_loss(x, target, t1=t1, t2=t2, reduction="sum"), x)
    p = tempered_softmax(x.detach(), t2)
    w = p**t2 / (p**t2).sum(1, keepdim=True)
    pull = p ** (t2 - t1) * (p - torch.nn.functional.one_hot(target, 4))
    assert_close(found, pull - w * pull.sum(1, keepdim=True))


def test_the_solver_is_not_in_the_graph() -> None:
    def nodes(t2: float) -> int:
        seen, todo = set(), [bi_tempered_loss(torch.zeros(1, 3, requires_grad=True), torch.tensor([0]), t2=t2).grad_fn]
        while todo:
            node = todo.pop()
            if node is not None and node not in seen:
                seen.add(node)
                todo += [parent for parent, _ in node.next_functions]
        return len(seen)

    assert nodes(1.5) == nodes(4.0)  # 4 steps and 8


def test_third_derivatives_are_right_too() -> None:
    x = torch.randn(1, 3, dtype=torch.float64, requires_grad=True)

    def curvature(z: Tensor) -> Tensor:
        (slope,) = torch.autograd.grad(bi_tempered_loss(z, torch.tensor([0])), z, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), z, create_graph=True)[0]

    assert torch.autograd.gradcheck(curvature, x)


@pytest.mark.as_user
def test_functorch_sees_the_same_hessian() -> None:
    x, target = torch.randn(1, 3, dtype=torch.float64), torch.tensor([1])

    def loss(z: Tensor) -> Tensor:
        return bi_tempered_loss(z, target)

    right = torch.autograd.functional.hessian(loss, x)
    assert_close(torch.func.hessian(loss)(x), right)  # forward over reverse
    assert_close(torch.func.jacrev(torch.func.jacrev(loss))(x), right)
    assert_close(torch.func.jacfwd(torch.func.jacfwd(loss))(x), right)


def test_one_and_one_is_cross_entropy() -> None:
    input, target = 10 * torch.randn(6, 4), torch.arange(6) % 4
    assert_close(bi_tempered_loss(input, target, t1=1.0, t2=1.0), cross_entropy(input, target))
    near = bi_tempered_loss(input.double(), target, t1=1 - 1e-7, t2=1 + 1e-7)
    assert_close(near, cross_entropy(input.double(), target), rtol=1e-5, atol=0)


def test_bounded_by_one_over_one_less_t1() -> None:
    for t1 in (0.0, 0.5, 0.8):
        found = bi_tempered_loss(torch.tensor([[-1e30, 0.0]]), torch.tensor([0]), t1=t1).item()
        assert found <= 1 / (1 - t1)
        assert_close(found, 1 / (1 - t1), rtol=1e-2, atol=0)


def test_the_series_meets_the_closed_form() -> None:
    # Where the others have 5 %, one takes over from the other: no step, in value or slope.
    m = torch.linspace(3.24, 3.64, 401, dtype=torch.float64).unsqueeze(1)
    x = torch.cat([m, torch.zeros_like(m)], 1).requires_grad_()
    loss = bi_tempered_loss(x, torch.zeros(401, dtype=torch.long), t2=1.1, reduction="none")
    p = tempered_softmax(x.detach(), 1.1)[:, 0]
    assert p[0] < 0.95 < p[-1]
    slopes = torch.autograd.grad(loss.sum(), x)[0][:, 0]
    for curve in (loss.detach(), slopes):
        assert curve.diff().diff().diff().abs().max() < 1e-8


@pytest.mark.as_user
def test_temperatures_are_checked() -> None:
    for t1 in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match=r"`t1` must be between 0.0 and 1.0, got"):
            bi_tempered_loss(torch.zeros(1, 2), torch.tensor([0]), t1=t1)
    for t2 in (0.9, 5.1):
        with pytest.raises(ValueError, match=r"`t2` must be between 1.0 and 5.0, got"):
            bi_tempered_loss(torch.zeros(1, 2), torch.tensor([0]), t2=t2)
