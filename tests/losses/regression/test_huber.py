"""Huber's loss against torch and scipy, and what it does to outliers."""

import pytest
import torch
import torch.nn.functional as F
from scipy import special
from torch.testing import assert_close

from companion.losses import huber_loss, smooth_l1_loss
from tests.losses.regression.constants import best_constant, contaminated, efficiency, pull


def test_by_hand() -> None:
    found = huber_loss(torch.tensor([0.5, -3.0]), torch.zeros(2), reduction="none")
    assert_close(found, torch.tensor([0.125, 2.5]))


@pytest.mark.parametrize("delta", [0.25, 1.0, 8.0])
def test_is_that_of_torch_and_of_scipy(delta: float) -> None:
    x, y = 3 * torch.randn(50, dtype=torch.float64), torch.randn(50, dtype=torch.float64)
    found = huber_loss(x, y, delta=delta, reduction="none")
    assert_close(found, F.huber_loss(x, y, delta=delta, reduction="none"), rtol=0, atol=0)
    assert_close(found, torch.as_tensor(special.huber(delta, (x - y).numpy())))
    assert_close(found, delta * smooth_l1_loss(x, y, beta=delta, reduction="none"))


def test_no_outlier_pulls_harder_than_delta() -> None:
    assert pull(huber_loss, [3.0, 1000.0, -1e4]).tolist() == [1.0, 1.0, -1.0]


@pytest.mark.parametrize("far", [3.0, 1e4])
def test_four_outliers_in_ten_move_it_by_two_thirds(far: float) -> None:
    assert best_constant(huber_loss, contaminated(far), -1, 3) == pytest.approx(2 / 3)


def test_efficiency_of_the_usual_delta() -> None:
    assert efficiency(huber_loss, delta=1.345) == pytest.approx(0.95, abs=1e-4)


def test_the_target_may_be_of_integers_and_may_get_a_gradient() -> None:
    assert huber_loss(torch.tensor([0.5]), torch.tensor([0])) == 0.125
    y = torch.zeros(3, requires_grad=True)
    huber_loss(torch.tensor([0.5, 2.0, -2.0]), y, reduction="sum").backward()
    assert_close(y.grad, torch.tensor([-0.5, -1.0, 1.0]))


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"`target` must have the shape of `input`, \(4, 1\), got \(4,\). Did you mean"
    ):
        huber_loss(torch.zeros(4, 1), torch.zeros(4))
    with pytest.raises(ValueError, match=r"`delta` must be above 0.0, got 0.0"):
        huber_loss(torch.zeros(4), torch.zeros(4), delta=0.0)
