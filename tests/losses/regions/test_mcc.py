"""MCC by hand, beside scikit-learn on decisions, and where products of counts overflow."""

import pytest
import torch
from sklearn.metrics import matthews_corrcoef
from torch.testing import assert_close

from companion.losses import binary_mcc_loss, mcc_loss


def test_by_hand() -> None:
    # p = 1/2, sizes 3 and 1: TP 1.5, FP 0.5, FN 1.5, TN 0.5 for class 0; chance, so 1. With one more in TP and TN:
    # (2.5 x 1.5 - 0.75) / sqrt(3 x 4 x 2 x 3)
    logits, target = torch.zeros(1, 2, 4), torch.tensor([[0, 0, 0, 1]])
    assert_close(mcc_loss(logits, target, smooth=0.0, reduction="none"), torch.ones(1, 2))
    assert_close(mcc_loss(logits, target, reduction="none"), torch.full((1, 2), 1 - 3 / 72**0.5))


def test_the_example_of_the_docstring() -> None:
    """Half of a region found that fills half of the picture, and nothing imagined."""
    y, guess = torch.tensor([1, 1, 0, 0]), torch.tensor([1.0, 0.0, 0.0, 0.0])
    found = binary_mcc_loss(1e3 * (2 * guess - 1), y, smooth=0.0)
    assert_close(found.item(), 1 - 0.25 * 0.5 / (0.25 * 0.5 * 0.5 * 0.75) ** 0.5)


@pytest.mark.parametrize("seed", range(4))
def test_of_decisions_it_is_one_minus_the_coefficient(seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    y, guess = torch.rand(50, generator=draw) < 0.3, torch.rand(50, generator=draw) < 0.4
    found = binary_mcc_loss(1000.0 * (2 * guess.double() - 1), y, smooth=0.0)
    assert_close(found.item(), 1 - matthews_corrcoef(y, guess))


def test_the_prediction_turned_round_costs_two() -> None:
    y = torch.tensor([1, 1, 1, 0, 0])
    assert_close(binary_mcc_loss(1000.0 * (1 - 2.0 * y), y, smooth=0.0).item(), 2.0)


def test_region_and_background_count_alike() -> None:
    x, y = torch.randn(1, 1, 30, dtype=torch.float64), torch.randint(2, (1, 1, 30))
    assert_close(binary_mcc_loss(x, y), binary_mcc_loss(-x, 1 - y))


def test_counts_of_large_images_do_not_overflow() -> None:
    """The product of four counts of a quarter of a million is 5e21, and of 2^25 more than the largest float32."""
    x = torch.randn(1, 1, 512, 512)
    y = (x + torch.randn(1, 1, 512, 512)) > 1
    right = binary_mcc_loss(x.double(), y)
    assert_close(binary_mcc_loss(x, y).double(), right, rtol=1e-5, atol=0)
    assert_close(binary_mcc_loss(x.half(), y).double(), binary_mcc_loss(x.half().double(), y), rtol=1e-5, atol=0)


def test_a_nearly_perfect_prediction_keeps_its_digits() -> None:
    y = torch.arange(40).remainder(3).eq(0)
    for sure in (5.0, 15.0, 30.0):
        x = sure * (2 * y.float() - 1)
        assert_close(binary_mcc_loss(x, y).double(), binary_mcc_loss(x.double(), y), rtol=1e-5, atol=0)


def test_what_has_no_correlation_costs_one_without_a_gradient() -> None:
    x = torch.full((1, 1, 4), -1e4, requires_grad=True)
    for y in (torch.zeros(1, 1, 4), torch.tensor([[[1.0, 0.0, 0.0, 0.0]]])):
        loss = binary_mcc_loss(x, y, smooth=0.0)
        assert loss == 1
        assert not torch.autograd.grad(loss, x)[0].any()
    assert binary_mcc_loss(x, torch.zeros(1, 1, 4)) == 0  # smoothed: rightly left empty


@pytest.mark.parametrize("shape", [(2, 3, 4), (5, 3)], ids=str)
def test_a_nan_is_not_taken_for_chance(shape: tuple[int, ...]) -> None:
    x = torch.full(shape, float("nan"))
    assert mcc_loss(x, torch.zeros(shape).argmax(dim=1)).isnan()
    assert binary_mcc_loss(x, torch.ones(shape)).isnan()
