"""LDAM by hand: whose logit the margin is taken from, and how large it is."""

import math

import torch
from torch.testing import assert_close

from companion.losses import cross_entropy, ldam_loss

COUNTS = torch.tensor([16, 1])  # n^(1/4) is 2 and 1: margins 0.25 and 0.5


def test_by_hand() -> None:
    # Even logits: the margin is the lead still missing, log(1 + e^margin).
    found = ldam_loss(torch.zeros(2, 2), torch.tensor([0, 1]), counts=COUNTS, scale=1.0, reduction="none")
    assert_close(found, torch.tensor([math.log1p(math.exp(0.25)), math.log1p(math.exp(0.5))]))


def test_scale_stretches_logits_and_margin() -> None:
    # s (z_t - margin - z_other) = 10 (0.3 - 0.5) = -2
    found = ldam_loss(torch.tensor([[0.0, 0.3]]), torch.tensor([1]), counts=COUNTS, scale=10.0)
    assert_close(found.item(), math.log1p(math.exp(2.0)))


def test_it_is_cross_entropy_with_the_margin_off_the_true_logit() -> None:
    logits, target = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 1, 0])
    counts = torch.tensor([81, 16, 1])  # n^(1/4) is 3, 2, 1: margins 0.3 / 3, 0.3 / 2, 0.3
    margins = torch.tensor([0.1, 0.15, 0.3])
    shifted = logits.clone()
    shifted[torch.arange(6), target] -= margins[target]
    found = ldam_loss(logits, target, counts=counts, max_margin=0.3, scale=5.0)
    assert_close(found, cross_entropy(5 * shifted, target))


def test_an_empty_class_counts_as_one_example() -> None:
    logits, target = torch.randn(2, 2), torch.tensor([0, 1])
    assert_close(ldam_loss(logits, target, counts=torch.tensor([16, 0])), ldam_loss(logits, target, counts=COUNTS))
