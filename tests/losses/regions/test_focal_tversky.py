"""Focal Tversky by hand, where it is raised, and where its slope would be infinite."""

import pytest
import torch
from torch.testing import assert_close

from companion.losses import FocalTverskyLoss, binary_focal_tversky_loss, focal_tversky_loss, tversky_loss

EVEN = torch.zeros(1, 2, 2, 2)  # p = 1/2 in each of four pixels
TARGET = torch.tensor([[[0, 0], [0, 1]]])  # class 0: TP 1.5, FP 0.5, FN 1.5; class 1: TP 0.5, FP 1.5, FN 0.5


def test_by_hand() -> None:
    # Tversky indices 1.5 / 2.7 and 0.5 / 1.3
    found = focal_tversky_loss(EVEN, TARGET, smooth=0.0, reduction="none")
    assert_close(found, torch.tensor([[(1 - 1.5 / 2.7) ** 0.75, (1 - 0.5 / 1.3) ** 0.75]]))


def test_each_region_is_raised_and_then_the_mean_taken() -> None:
    found = focal_tversky_loss(EVEN, TARGET, smooth=0.0, gamma=2.0)
    assert_close(found.item(), ((1 - 1.5 / 2.7) ** 0.5 + (1 - 0.5 / 1.3) ** 0.5) / 2)
    assert found != tversky_loss(EVEN, TARGET, smooth=0.0) ** 0.5


@pytest.mark.parametrize("gamma", [0.5, 4 / 3, 3.0])
@pytest.mark.parametrize("x", [-1e4, -100.0, -60.0, -44.0, -43.0, -20.0])
def test_all_derivatives_are_finite_near_a_perfect_region(gamma: float, x: float) -> None:
    """At 1 - TI = 0 the slope of a power below 1 is infinite, and 0 x inf is NaN."""
    logits = torch.full((1, 1, 4), x, requires_grad=True)
    loss = binary_focal_tversky_loss(logits, torch.zeros(1, 1, 4), gamma=gamma)
    (gradient,) = torch.autograd.grad(loss, logits, create_graph=True)
    assert loss.isfinite()
    assert gradient.isfinite().all()
    if gradient.requires_grad:
        assert torch.autograd.grad(gradient.sum(), logits)[0].isfinite().all()


def test_a_perfect_region_has_no_loss_and_no_gradient() -> None:
    logits = torch.full((1, 1, 4), 1e4, requires_grad=True)
    loss = binary_focal_tversky_loss(logits, torch.ones(1, 1, 4))
    assert loss == 0
    assert not torch.autograd.grad(loss, logits)[0].any()


def test_gamma_below_one_leaves_good_regions_alone() -> None:
    def slope(x: float, gamma: float) -> float:
        logits = torch.full((1, 1, 4), x, requires_grad=True)
        loss = binary_focal_tversky_loss(logits, torch.ones(1, 1, 4), gamma=gamma)
        return torch.autograd.grad(loss, logits)[0].abs().sum().item()

    assert slope(4.0, 0.5) < slope(4.0, 1.0) < slope(4.0, 2.0)


def test_the_level_of_an_absent_region_without_smoothing() -> None:
    """The loss is 1 whatever is imagined: a slope of 0, met to rounding."""
    logits = torch.tensor([[[17.0, -3.0, 5.0, 0.0]]], requires_grad=True)
    loss = binary_focal_tversky_loss(logits, torch.zeros(1, 1, 4), smooth=0.0)
    assert_close(loss.item(), 1.0)
    assert torch.autograd.grad(loss, logits)[0].abs().max() < 1e-7


def test_gamma_must_be_above_zero() -> None:
    for make in (FocalTverskyLoss, lambda gamma: focal_tversky_loss(EVEN, TARGET, gamma=gamma)):
        with pytest.raises(ValueError, match=r"`gamma` must be above 0.0, got 0"):
            make(gamma=0)


@pytest.mark.parametrize("shape", [(2, 3, 4), (5, 3)], ids=str)
def test_a_nan_is_not_taken_for_a_perfect_region(shape: tuple[int, ...]) -> None:
    x = torch.full(shape, float("nan"))
    assert focal_tversky_loss(x, torch.zeros(shape).argmax(dim=1)).isnan()
    assert binary_focal_tversky_loss(x, torch.ones(shape)).isnan()
