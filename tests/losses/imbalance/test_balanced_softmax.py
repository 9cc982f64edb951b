"""Balanced softmax by hand."""

import math

import torch
from torch.testing import assert_close

from companion.losses import balanced_softmax_loss


def test_by_hand() -> None:
    # n e^z = (90, 10) and (90, 10 * 9): shares 9/10, 1/10 and 1/2, 1/2
    logits = torch.tensor([[0.0, 0.0], [0.0, math.log(9.0)]])
    found = balanced_softmax_loss(logits, torch.tensor([1, 1]), counts=torch.tensor([90, 10]), reduction="none")
    assert_close(found, torch.tensor([math.log(10), math.log(2)]))


def test_only_the_ratio_of_the_counts_matters() -> None:
    logits, target = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    few, many = (balanced_softmax_loss(logits, target, counts=k * torch.tensor([9, 3, 1])) for k in (1, 1000))
    assert_close(few, many)
