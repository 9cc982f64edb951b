"""Generalised Dice by hand, beside Dice, and with classes that are not there."""

import pytest
import torch
from torch.testing import assert_close

from companion.losses import binary_dice_loss, binary_generalized_dice_loss, dice_loss, generalized_dice_loss

EVEN = torch.zeros(1, 2, 2, 2)  # p = 1/2 in each of four pixels
TARGET = torch.tensor([[[0, 0], [0, 1]]])  # class 0: TP 1.5, FP 0.5, FN 1.5; class 1: TP 0.5, FP 1.5, FN 0.5


def test_by_hand() -> None:
    # Weights (1/3)^2 and 1: wrong 1/9 + 1, right 1.5/9 + 0.5
    found = generalized_dice_loss(EVEN, TARGET, smooth=0.0)
    assert_close(found.item(), (1 / 9 + 1) / (1.5 / 9 + 0.5 + 1 / 9 + 1))
    assert_close(generalized_dice_loss(EVEN, TARGET, smooth=2.0).item(), (1 / 9 + 1) / (1.5 / 9 + 0.5 + 1 / 9 + 1 + 2))


def test_the_example_of_the_docstring() -> None:
    """Regions of 100 and 10 elements, all found, each with 5 elements too many."""
    x = torch.full((1, 2, 200), -1e3)
    y = torch.zeros(1, 2, 200)
    y[0, 0, :100] = y[0, 1, :10] = 1.0
    x[0, 0, :105] = x[0, 1, :15] = 1e3
    assert_close(binary_generalized_dice_loss(x, y, smooth=0.0).item(), 1 - (1 + 10) / (1.025 + 12.5))


def test_of_one_region_it_is_dice() -> None:
    x, y = torch.randn(3, 1, 20), torch.randint(2, (3, 1, 20))
    assert_close(binary_generalized_dice_loss(x, y, power=1.5), binary_dice_loss(x, y))


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_of_regions_of_one_size_it_is_the_dice_of_all_counts_together(power: float) -> None:
    x, y = torch.randn(1, 4, 20, dtype=torch.float64), torch.arange(20).remainder(4).unsqueeze(0)
    p = x.softmax(dim=1)
    tp = p.gather(1, y.unsqueeze(1)).sum()
    assert_close(generalized_dice_loss(x, y, power=power, smooth=0.0), 1 - 2 * tp / (p.sum() + 20))


def test_a_class_that_is_not_there_weighs_as_much_as_the_smallest() -> None:
    # p = 1/3 everywhere; sizes 3, 1 and 0: weights 1/9, 1 and 1 by the paper's rule 1/9, 1 and infinity.
    x = torch.zeros(1, 3, 4, requires_grad=True)
    wrong = (1 / 9) * (1 / 3 + 2) / 2 + (1 + 2 / 3) / 2 + (4 / 3) / 2
    right = (1 / 9) * 1 + 1 / 3
    loss = generalized_dice_loss(x, TARGET.flatten(1), smooth=0.0)
    assert_close(loss.item(), wrong / (wrong + right))
    assert torch.autograd.grad(loss, x)[0].isfinite().all()
    skipped = generalized_dice_loss(x, TARGET.flatten(1), smooth=0.0, absent="skip")
    assert_close(skipped.item(), (wrong - 2 / 3) / (wrong - 2 / 3 + right))


def test_nothing_there_at_all() -> None:
    x, y = torch.zeros(2, 3, 4, requires_grad=True), torch.zeros(2, 3, 4)
    # FP 2 in each of three channels: 3 / (3 + 1)
    assert_close(binary_generalized_dice_loss(x, y).item(), 0.75)
    loss = binary_generalized_dice_loss(x, y, absent="skip")
    assert loss == 0
    assert not torch.autograd.grad(loss, x)[0].any()


def test_the_small_region_counts() -> None:
    """One pixel of ten thousand is missed: Dice averages over the classes, generalised Dice does much the same."""
    x = torch.zeros(1, 2, 100, 100)
    x[:, 0] = 50.0
    y = torch.zeros(1, 100, 100, dtype=torch.long)
    y[0, 0, 0] = 1
    assert dice_loss(x, y, smooth=0.0) > 0.49
    assert generalized_dice_loss(x, y, smooth=0.0) > 0.99
    assert generalized_dice_loss(x, y, smooth=0.0, power=0.0) < 0.001
