"""Soft F-beta by hand, and beside the hard score."""

import pytest
import torch
from sklearn.metrics import fbeta_score
from torch.testing import assert_close

from companion.losses import binary_fbeta_loss, fbeta_loss


def test_by_hand() -> None:
    # p = 1/2. Class 0: TP 1.5, FP .5, FN 1.5; class 1: TP .5, FP 1.5, FN .5.
    # F2 = 5 TP / (5 TP + 4 FN + FP): 7.5 / 14 and 2.5 / 6
    logits, target = torch.zeros(4, 2), torch.tensor([0, 0, 0, 1])
    found = fbeta_loss(logits, target, beta=2.0, smooth=0.0, reduction="none")
    assert_close(found, torch.tensor([1 - 7.5 / 14, 1 - 2.5 / 6]))


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_of_hard_predictions_it_is_one_minus_the_score(beta: float) -> None:
    y = torch.tensor([1, 1, 1, 0, 0, 0, 0, 0])
    guess = torch.tensor([1, 0, 1, 1, 0, 0, 0, 0])
    found = binary_fbeta_loss(1000.0 * (2 * guess - 1), y, beta=beta, smooth=0.0)
    assert_close(found.item(), 1 - fbeta_score(y, guess, beta=beta), rtol=1e-6, atol=0)


def test_beta_above_one_favours_recall() -> None:
    y = torch.tensor([1.0, 1.0, 0.0, 0.0])
    all_found = torch.tensor([50.0, 50.0, 50.0, -50.0])  # one false alarm
    half_found = torch.tensor([50.0, -50.0, -50.0, -50.0])  # one miss
    assert binary_fbeta_loss(all_found, y, beta=2.0) < binary_fbeta_loss(half_found, y, beta=2.0)
    assert binary_fbeta_loss(all_found, y, beta=0.25) > binary_fbeta_loss(half_found, y, beta=0.25)


def test_beta_zero_is_precision() -> None:
    # TP / (TP + FP) = 2 / 3
    found = binary_fbeta_loss(torch.tensor([50.0, 50.0, 50.0, -50.0]), torch.tensor([1, 1, 0, 1]), beta=0.0, smooth=0.0)
    assert_close(found.item(), 1 / 3)
