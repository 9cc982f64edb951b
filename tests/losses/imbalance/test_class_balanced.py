"""Class-balanced loss by hand, and how its weights enter the mean."""

import math

import torch
from torch.testing import assert_close

from companion.losses import class_balanced_loss

# beta = 0.5: (1 - 0.5) / (1 - 0.5^n) is 1 for n = 1 and 2/3 for n = 2; scaled to mean 1, 6/5 and 4/5.
COUNTS = torch.tensor([1, 2])
EVEN = torch.zeros(3, 2)


def test_by_hand() -> None:
    found = class_balanced_loss(EVEN[:2], torch.tensor([0, 1]), counts=COUNTS, beta=0.5, reduction="none")
    assert_close(found, torch.tensor([1.2, 0.8]) * math.log(2))


def test_focusing_by_hand() -> None:
    found = class_balanced_loss(EVEN[:1], torch.tensor([0]), counts=COUNTS, beta=0.5, gamma=2.0, reduction="sum")
    assert_close(found.item(), 1.2 * 0.25 * math.log(2))


def test_mean_divides_by_the_weights() -> None:
    logits, target = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0, 1])
    none = class_balanced_loss(logits, target, counts=COUNTS, beta=0.5, reduction="none")
    assert_close(class_balanced_loss(logits, target, counts=COUNTS, beta=0.5), none.sum() / (1.2 + 1.2 + 0.8))


def test_sample_weight_multiplies_the_class_weight_in_the_mean() -> None:
    logits, target = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0, 1])
    rows = torch.tensor([1.0, 0.0, 2.0])
    none = class_balanced_loss(logits, target, counts=COUNTS, beta=0.5, reduction="none")
    found = class_balanced_loss(logits, target, counts=COUNTS, beta=0.5, sample_weight=rows)
    assert_close(found, (rows * none).sum() / (1.2 + 2 * 0.8))


def test_double_precision_reaches_the_weights() -> None:
    found = class_balanced_loss(EVEN[:1].double(), torch.tensor([0]), counts=COUNTS, beta=0.5, reduction="sum")
    assert_close(found.item(), 1.2 * math.log(2), rtol=1e-15, atol=0)
