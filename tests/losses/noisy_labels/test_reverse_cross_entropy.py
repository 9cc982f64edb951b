"""Reverse cross entropy by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from companion.losses import mae_loss, reverse_cross_entropy


def test_by_hand() -> None:
    # p = (1/2, 1/4, 1/4): -(p_1 + p_2) A for label 0, -(p_0 + p_2) A for label 1, with A = -4
    input = torch.tensor([[0.5, 0.25, 0.25]]).log().repeat(2, 1)
    assert_close(reverse_cross_entropy(input, torch.tensor([0, 1]), reduction="none"), torch.tensor([2.0, 3.0]))


def test_is_the_cross_entropy_of_the_label_under_the_prediction() -> None:
    # -sum_c p_c log y_c, with log 1 = 0 and log 0 clipped as the authors clip it, at 1e-4
    input, target = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0])
    log_y = F.one_hot(target, 4).float().clamp_min(1e-4).log()
    slowly = -(input.softmax(1) * log_y).sum(1)
    assert_close(reverse_cross_entropy(input, target, A=math.log(1e-4), reduction="none"), slowly)


def test_is_mae_at_minus_two() -> None:
    input, target = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0])
    assert_close(reverse_cross_entropy(input, target, A=-2.0), mae_loss(input, target))


@pytest.mark.as_user
@pytest.mark.parametrize("A", [0.0, 4.0, -math.inf, math.nan])
def test_the_logarithm_of_nothing_is_negative(A: float) -> None:
    with pytest.raises(ValueError, match=r"`A` must be below 0.0, got"):
        reverse_cross_entropy(torch.zeros(1, 2), torch.tensor([0]), A=A)
