"""Dice by hand, and where it is known to go wrong elsewhere."""

import math

import torch
from torch.testing import assert_close

from companion.losses import binary_dice_loss, dice_loss

EVEN = torch.zeros(1, 2, 2, 2)  # p = 1/2 in each of four pixels
TARGET = torch.tensor([[[0, 0], [0, 1]]])  # sizes 3 and 1


def test_by_hand() -> None:
    # Class 0: TP 1.5, FP 0.5, FN 1.5, so 1 - 1.5 / 2.5. Class 1: TP 0.5, FP 1.5, FN 0.5, so 1 - 0.5 / 1.5.
    found = dice_loss(EVEN, TARGET, smooth=0.0, reduction="none")
    assert_close(found, torch.tensor([[1 - 1.5 / 2.5, 1 - 0.5 / 1.5]]))


def test_smooth_counts_as_overlap() -> None:
    # Two more above and below: 1 - 3.5 / 4.5 and 1 - 2.5 / 3.5
    found = dice_loss(EVEN, TARGET, smooth=2.0, reduction="none")
    assert_close(found, torch.tensor([[1 - 3.5 / 4.5, 1 - 2.5 / 3.5]]))


def test_binary_by_hand() -> None:
    found = binary_dice_loss(torch.zeros(1, 1, 2, 2), TARGET[None], smooth=0.0)
    assert_close(found.item(), 1 - 0.5 / 1.5)


def test_plain_binary_logits_are_one_region() -> None:
    x, y = torch.zeros(4), torch.tensor([0.0, 0.0, 0.0, 1.0])
    assert binary_dice_loss(x, y, reduction="none").shape == ()
    assert_close(binary_dice_loss(x, y, smooth=0.0).item(), 1 - 0.5 / 1.5)


def test_soft_targets_are_best_met_exactly() -> None:
    # With TP as sum p y, as usual, the best p would be 0 or 1 and p = y would cost 1 - 0.49 / 0.7 = 0.3.
    y = torch.full((1, 1, 4), 0.7, dtype=torch.float64)
    x = torch.full((1, 1, 4), math.log(7 / 3), dtype=torch.float64)  # sigmoid(x) = 0.7
    assert_close(binary_dice_loss(x, y).item(), 0.0)
    assert binary_dice_loss(x + 1, y) > 0.01
    assert binary_dice_loss(x - 1, y) > 0.01


def test_an_empty_mask_rightly_left_empty_costs_nothing() -> None:
    x = torch.full((1, 1, 8, 8), -1e4, requires_grad=True)
    for smooth in (0.0, 1.0):
        loss = binary_dice_loss(x, torch.zeros(1, 1, 8, 8), smooth=smooth)
        (gradient,) = torch.autograd.grad(loss, x)
        assert loss == 0
        assert not gradient.any()


def test_gradient_of_a_nearly_empty_region_is_finite_without_smoothing() -> None:
    # At sigmoid(-90) = 8e-40, a subnormal float32, 1 / size would overflow.
    for x in (-80.0, -90.0, -100.0, -110.0):
        logit = torch.full((1, 1, 1), x, requires_grad=True)
        (gradient,) = torch.autograd.grad(binary_dice_loss(logit, torch.zeros(1, 1, 1), smooth=0.0), logit)
        assert gradient.isfinite().all()


def test_false_alarms_in_an_empty_image_have_a_gradient() -> None:
    x = torch.zeros(1, 1, 4, requires_grad=True)
    loss = binary_dice_loss(x, torch.zeros(1, 1, 4))
    # FP = 2: 1 / (1 + 1) and d/dp = 0.5 * 1 / (1 + 1)^2 = 1/8, times p (1 - p) = 1/4
    assert_close(loss.item(), 0.5)
    assert_close(torch.autograd.grad(loss, x)[0], torch.full((1, 1, 4), 1 / 32))


def test_background_does_not_matter() -> None:
    few, many = torch.full((1, 1, 10), -50.0), torch.full((1, 1, 1000), -50.0)
    few[..., 0] = many[..., 0] = 1.0
    small, large = (binary_dice_loss(x, (torch.arange(x.numel()) == 0).float().view_as(x)) for x in (few, many))
    assert_close(small, large)


def test_large_images_keep_their_digits() -> None:
    # A running float32 sum of a million numbers would be off by 1e-5.
    x, y = torch.randn(1, 3, 1024, 1024), torch.randint(3, (1, 1024, 1024))
    assert_close(
        dice_loss(x, y, reduction="none").double(), dice_loss(x.double(), y, reduction="none"), rtol=1e-6, atol=0
    )
