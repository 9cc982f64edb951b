"""Smooth L1 against torch; where it differs from Huber's loss."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from companion.losses import huber_loss, smooth_l1_loss
from tests.losses.regression.constants import pull


def test_by_hand() -> None:
    three, zero = torch.tensor(3.0), torch.tensor(0.0)
    assert smooth_l1_loss(three, zero, beta=2.0) == 2.0
    assert huber_loss(three, zero, delta=2.0) == 4.0


@pytest.mark.parametrize("beta", [0.0, 0.25, 1.0])
def test_is_that_of_torch(beta: float) -> None:
    x, y = torch.randn(50), torch.randn(50)
    assert_close(smooth_l1_loss(x, y, beta=beta), F.smooth_l1_loss(x, y, beta=beta), rtol=1e-6, atol=0)


def test_beta_zero_is_the_absolute_error() -> None:
    x, y = torch.randn(50), torch.randn(50)
    assert_close(smooth_l1_loss(x, y, beta=0.0), (x - y).abs().mean())
    assert pull(smooth_l1_loss, [0.0, 1e-9, -5.0], beta=0.0).tolist() == [0.0, 1.0, -1.0]


def test_the_curvature_is_one_over_beta() -> None:
    assert_close(pull(smooth_l1_loss, [0.01, 1.0], beta=0.125).tolist(), [0.08, 1.0])
