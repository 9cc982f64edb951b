"""GCE by hand, its two ends, and both tails."""

import math

import mpmath as mp
import pytest
import torch
from torch.testing import assert_close

from companion.losses import cross_entropy, generalized_cross_entropy, mae_loss

SURE = torch.tensor([[math.log(9.0), 0.0]])  # p = (9/10, 1/10)


def test_by_hand() -> None:
    # (1 - 0.9^0.5) / 0.5 = 2 - 2 * 0.948683; (1 - 0.1^0.5) / 0.5 = 2 - 2 * 0.316228
    found = generalized_cross_entropy(SURE.repeat(2, 1), torch.tensor([0, 1]), q=0.5, reduction="none")
    assert_close(found, torch.tensor([0.1026334, 1.3675445]))


def test_small_q_is_cross_entropy_and_one_is_half_of_mae() -> None:
    input, target = torch.randn(6, 4, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 0, 1])
    assert_close(generalized_cross_entropy(input, target, q=1e-9), cross_entropy(input, target), rtol=1e-7, atol=0)
    assert_close(generalized_cross_entropy(input, target, q=1.0), mae_loss(input, target) / 2)


def test_pull_is_that_of_cross_entropy_times_a_power_of_p() -> None:
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([0, 1, 2, 0, 1])
    (ours,) = torch.autograd.grad(generalized_cross_entropy(x, target, reduction="sum"), x)
    (plain,) = torch.autograd.grad(cross_entropy(x, target, reduction="sum"), x)
    p = x.detach().softmax(1).gather(1, target[:, None])
    assert_close(ours, plain * p**0.7)


@pytest.mark.parametrize("q", [0.1, 0.7, 1.0])
@pytest.mark.parametrize("m", [-60.0, -30.0, -1.0, 1.0, 20.0, 60.0])
def test_value_and_slope_are_right_far_out_on_both_sides(m: float, q: float) -> None:
    logits = torch.tensor([[m, 0.0]], requires_grad=True)
    loss = generalized_cross_entropy(logits, torch.tensor([0]), q=q)
    loss.backward()
    with mp.workdps(50):
        p = 1 / (1 + mp.exp(-mp.mpf(m)))
        value, slope = float((1 - p ** mp.mpf(q)) / mp.mpf(q)), float(-(p ** mp.mpf(q)) * (1 - p))
    assert_close(loss.item(), value, rtol=2e-6, atol=0)
    assert_close(logits.grad[0, 0].item(), slope, rtol=5e-6, atol=0)


def test_what_is_wrong_with_expm1_alone() -> None:
    u = torch.tensor(21.0, requires_grad=True)  # q = 0.7 at m = -30
    (-torch.expm1(-u)).backward()
    assert abs(u.grad.item() / math.exp(-21.0) - 1) > 0.9  # result + 1, rounded; the truth is 7.6e-10


def test_a_label_held_impossible_still_has_a_gradient_where_others_clamp() -> None:
    # Clamped at 1e-7, p has slope 0 here; truly it is p^q (1 - p) = e^-14 for q = 0.7 at m = -20.
    logits = torch.tensor([[-20.0, 0.0]], requires_grad=True)
    generalized_cross_entropy(logits, torch.tensor([0])).backward()
    assert_close(logits.grad[0, 0].item(), -math.exp(-14.0), rtol=1e-5, atol=0)


@pytest.mark.as_user
@pytest.mark.parametrize("q", [0.0, -0.5, 1.5, math.nan])
def test_q_must_be_above_0_and_at_most_1(q: float) -> None:
    with pytest.raises(ValueError, match=r"`q` must be above 0.0 and at most 1.0, got"):
        generalized_cross_entropy(SURE, torch.tensor([0]), q=q)


def test_q_can_be_learned() -> None:
    q = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: generalized_cross_entropy(SURE.double(), torch.tensor([0]), q=v), q)
