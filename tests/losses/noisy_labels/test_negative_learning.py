"""Negative learning by hand, and the tail in which 1 - p rounds to 0."""

import math

import torch
from torch.testing import assert_close

from companion.losses import negative_learning_loss


def test_by_hand() -> None:
    # The label says "not this": p = 9/10 costs -log 0.1, p = 1/10 costs -log 0.9
    input = torch.tensor([[math.log(9.0), 0.0]]).repeat(2, 1)
    found = negative_learning_loss(input, torch.tensor([0, 1]), reduction="none")
    assert_close(found, torch.tensor([2.3025851, 0.1053605]))


def test_sure_of_what_it_is_not() -> None:
    # 1 - p = 2 e^-1e4 is no number in any format, its logarithm is; the pull is 1, shared by the others
    logits = torch.tensor([[1e4, 0.0, 0.0]], requires_grad=True)
    loss = negative_learning_loss(logits, torch.tensor([0]))
    loss.backward()
    assert_close(loss.item(), 1e4 - math.log(2.0))
    assert_close(logits.grad, torch.tensor([[1.0, -0.5, -0.5]]))


def test_the_same_through_probabilities() -> None:
    input = torch.tensor([[1e4, 0.0, 0.0], [200.0, 0.0, 3.0]])
    one_hot = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    found = negative_learning_loss(input, one_hot, reduction="none")
    assert_close(found, negative_learning_loss(input, torch.tensor([0, 0]), reduction="none"))


def test_a_bounded_gradient_for_a_large_image_in_half_precision() -> None:
    input = torch.zeros(1, 2, 512, 512, dtype=torch.float16)
    input[:, 1] = 2.0  # p = 0.88: -log(1 - p) = 2.127, times 2^18 pixels passes 65504
    target = torch.ones(1, 512, 512, dtype=torch.long)
    found = negative_learning_loss(input, target, reduction="sum").item()
    assert_close(found, 2**18 * math.log1p(math.exp(2.0)), rtol=1e-5, atol=0)


def test_two_classes_not_one_is_the_other() -> None:
    input, target = torch.randn(5, 2), torch.tensor([0, 1, 0, 1, 0])
    assert_close(negative_learning_loss(input, target), torch.nn.functional.cross_entropy(input, 1 - target))
