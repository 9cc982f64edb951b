"""Focal loss by hand, its factor per class, and the tail in which others return 0 or NaN."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from companion.losses import binary_focal_loss, focal_loss

SURE = torch.tensor([[math.log(9.0), 0.0]])  # p = (9/10, 1/10)


def test_by_hand() -> None:
    # p = 9/10: 0.1^2 log(10/9) = 0.00105; p = 1/10: 0.9^2 log 10 = 1.8651
    found = focal_loss(SURE.repeat(2, 1), torch.tensor([0, 1]), reduction="none")
    assert_close(found, torch.tensor([0.0010536, 1.8650939]), rtol=1e-5, atol=1e-7)


def test_a_number_for_alpha_is_the_factor_of_class_one() -> None:
    found = focal_loss(torch.zeros(2, 2), torch.tensor([0, 1]), gamma=0.0, alpha=0.25, reduction="none")
    assert_close(found, torch.tensor([0.75, 0.25]) * math.log(2))


def test_alpha_does_not_enter_the_mean_but_weight_does() -> None:
    input, target = torch.zeros(2, 2), torch.tensor([0, 1])
    factors = torch.tensor([1.0, 3.0])
    one = 0.25 * math.log(2)  # (1/2)^2 log 2 for either row
    assert_close(focal_loss(input, target, alpha=factors).item(), (1 + 3) * one / 2)
    assert_close(focal_loss(input, target, weight=factors).item(), (1 + 3) * one / (1 + 3))
    assert_close(focal_loss(input, target, alpha=factors, weight=factors).item(), (1 + 9) * one / (1 + 3))


@pytest.mark.as_user
def test_a_number_for_alpha_needs_two_classes() -> None:
    with pytest.raises(ValueError, match=r"`alpha` must be a tensor of shape \(3,\).*got the number 0.25"):
        focal_loss(torch.zeros(1, 3), torch.tensor([0]), alpha=0.25)
    with pytest.raises(ValueError, match=r"`alpha` must be between 0\.0 and 1\.0, got 1\.5"):
        focal_loss(torch.zeros(1, 2), torch.tensor([0]), alpha=1.5)
    with pytest.raises(ValueError, match=r"`alpha` must have shape \(3,\)"):
        focal_loss(torch.zeros(1, 3), torch.tensor([0]), alpha=torch.ones(2))


def test_easy_examples_fade_a_hundredfold() -> None:
    kept = focal_loss(SURE, torch.tensor([0])) / F.cross_entropy(SURE, torch.tensor([0]))
    assert_close(kept.item(), 0.01)  # (1 - 0.9)^2


@pytest.mark.parametrize("gamma", [0.5, 0.25])
def test_gradient_is_finite_where_p_rounds_to_one(gamma: float) -> None:
    # (1 - p)^gamma has an infinite slope at p = 1; written through log(1 - p) it has none to take.
    logits = torch.tensor([[200.0, 0.0]], requires_grad=True)
    focal_loss(logits, torch.tensor([0]), gamma=gamma).backward()
    assert_close(logits.grad, torch.zeros(1, 2), rtol=0, atol=0)


def test_gamma_learns_alike_for_one_logit_and_for_two() -> None:
    x, y = torch.randn(8, dtype=torch.float64), torch.arange(8).remainder(2)
    gammas = [torch.tensor(2.0, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    binary_focal_loss(x, y, gamma=gammas[0]).backward()
    focal_loss(torch.stack([torch.zeros_like(x), x], dim=1), y, gamma=gammas[1]).backward()
    assert_close(gammas[0].grad, gammas[1].grad)


def test_binary_by_hand() -> None:
    # p = 9/10. y = 1: 0.25 * 0.1^2 * log(10/9); y = 0: 0.75 * 0.9^2 * log 10
    x = torch.tensor([math.log(9.0), math.log(9.0)])
    found = binary_focal_loss(x, torch.tensor([1.0, 0.0]), alpha=0.25, reduction="none")
    assert_close(found, torch.tensor([0.00026340, 1.39882042]), rtol=1e-5, atol=1e-8)


def test_binary_target_between_zero_and_one_mixes_the_two() -> None:
    x = torch.tensor([1.3])
    ends = [binary_focal_loss(x, torch.tensor([y])) for y in (0.0, 1.0)]
    assert_close(binary_focal_loss(x, torch.tensor([0.3])), 0.7 * ends[0] + 0.3 * ends[1])
