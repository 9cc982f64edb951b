"""Tversky by hand: which of alpha and beta is which."""

import torch
from torch.testing import assert_close

from companion.losses import binary_tversky_loss, tversky_loss

EVEN = torch.zeros(1, 2, 2, 2)  # p = 1/2 in each of four pixels
TARGET = torch.tensor([[[0, 0], [0, 1]]])  # class 0: TP 1.5, FP 0.5, FN 1.5; class 1: TP 0.5, FP 1.5, FN 0.5


def test_by_hand() -> None:
    # alpha 0.3 on FP, beta 0.7 on FN: 1 - 1.5 / (1.5 + 0.15 + 1.05) and 1 - 0.5 / (0.5 + 0.45 + 0.35)
    found = tversky_loss(EVEN, TARGET, smooth=0.0, reduction="none")
    assert_close(found, torch.tensor([[1 - 1.5 / 2.7, 1 - 0.5 / 1.3]]))


def test_alpha_prices_false_alarms_and_beta_misses() -> None:
    everything, nothing = torch.full((1, 1, 4), 50.0), torch.full((1, 1, 4), -50.0)
    y = torch.tensor([[[0.0, 0.0, 1.0, 1.0]]])
    # All found, two false alarms: 1 - 2 / (2 + 2 alpha). All missed: 1.
    assert_close(binary_tversky_loss(everything, y, alpha=0.25, beta=9.0, smooth=0.0).item(), 1 - 2 / 2.5)
    assert_close(binary_tversky_loss(nothing, y, alpha=9.0, beta=0.25, smooth=0.0).item(), 1.0)
    # All missed, smoothed by 1: 1 - 1 / (1 + 2 beta)
    assert_close(binary_tversky_loss(nothing, y, alpha=9.0, beta=0.25).item(), 1 - 1 / 1.5)


def test_one_and_one_is_jaccard() -> None:
    # Intersection over union of class 1: 0.5 / (0.5 + 1.5 + 0.5)
    found = tversky_loss(EVEN, TARGET, alpha=1.0, beta=1.0, smooth=0.0, reduction="none")
    assert_close(found[0, 1].item(), 1 - 0.5 / 2.5)


def test_prices_may_be_zero() -> None:
    x = torch.randn(1, 1, 4, requires_grad=True)
    loss = binary_tversky_loss(x, torch.ones(1, 1, 4), alpha=1.0, beta=0.0, smooth=0.0)
    loss.backward()
    assert loss == 0  # no false alarm is possible, and misses are free
    assert not x.grad.any()
