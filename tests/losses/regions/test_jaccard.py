"""Jaccard by hand, beside scikit-learn on decisions, beside Dice, and with soft targets."""

import math

import pytest
import torch
from sklearn.metrics import jaccard_score
from torch.testing import assert_close

from companion.losses import binary_jaccard_loss, dice_loss, jaccard_loss

EVEN = torch.zeros(1, 2, 2, 2)  # p = 1/2 in each of four pixels
TARGET = torch.tensor([[[0, 0], [0, 1]]])  # class 0: TP 1.5, FP 0.5, FN 1.5; class 1: TP 0.5, FP 1.5, FN 0.5


def test_by_hand() -> None:
    found = jaccard_loss(EVEN, TARGET, smooth=0.0, reduction="none")
    assert_close(found, torch.tensor([[1 - 1.5 / 3.5, 1 - 0.5 / 2.5]]))
    found = jaccard_loss(EVEN, TARGET, smooth=2.0, reduction="none")
    assert_close(found, torch.tensor([[1 - 3.5 / 5.5, 1 - 2.5 / 4.5]]))


@pytest.mark.parametrize("seed", range(3))
def test_of_decisions_it_is_one_minus_the_score(seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    y, guess = torch.randint(4, (2, 50), generator=draw)
    found = jaccard_loss(1000.0 * torch.nn.functional.one_hot(guess, 4), y, smooth=0.0, reduction="none")
    assert_close(found.double(), 1 - torch.as_tensor(jaccard_score(y, guess, average=None)))


def test_it_follows_from_dice() -> None:
    x, y = torch.randn(2, 3, 30, dtype=torch.float64), torch.randint(3, (2, 30))
    dice = 1 - dice_loss(x, y, smooth=0.0, reduction="none")
    assert_close(jaccard_loss(x, y, smooth=0.0, reduction="none"), 1 - dice / (2 - dice))


def test_soft_targets_are_best_met_exactly() -> None:
    # With the intersection as sum p y, p = y = 0.7 would cost 1 - 0.49 / 0.91.
    y = torch.full((1, 1, 4), 0.7, dtype=torch.float64)
    x = torch.full((1, 1, 4), math.log(7 / 3), dtype=torch.float64)
    assert_close(binary_jaccard_loss(x, y).item(), 0.0)
    assert binary_jaccard_loss(x + 1, y) > 0.01
    assert binary_jaccard_loss(x - 1, y) > 0.01
