"""Forward correction by hand: which way round the matrix is read, and what the noise takes away."""

import math

import pytest
import torch
from torch.testing import assert_close

from companion.losses import cross_entropy, forward_correction_loss

# Class 0 is seen as 1 in a quarter of the cases, class 1 always as itself: rows and columns cannot be confused.
ONE_WAY = torch.tensor([[0.75, 0.25], [0.0, 1.0]])
EVEN = torch.zeros(2, 2)


def test_by_hand() -> None:
    # p = (1/2, 1/2): label 0 is seen with 3/8, label 1 with 1/8 + 1/2 = 5/8
    found = forward_correction_loss(EVEN, torch.tensor([0, 1]), transition=ONE_WAY, reduction="none")
    assert_close(found, torch.tensor([-math.log(3 / 8), -math.log(5 / 8)]))


def test_is_cross_entropy_of_the_prediction_after_the_noise() -> None:
    noise = torch.rand(4, 4, dtype=torch.float64).softmax(1)
    input, target = torch.randn(6, 4, dtype=torch.float64), torch.arange(6) % 4
    slowly = -(input.softmax(1) @ noise).log().gather(1, target[:, None]).squeeze(1)
    assert_close(forward_correction_loss(input, target, transition=noise, reduction="none"), slowly)
    y = torch.rand(6, 4, dtype=torch.float64).softmax(1)
    slowly = -(y * (input.softmax(1) @ noise).log()).sum(1)
    assert_close(forward_correction_loss(input, y, transition=noise, reduction="none"), slowly)


def test_no_noise_is_cross_entropy_to_the_last_digit() -> None:
    input = torch.tensor([[20.0, 0.0, 0.0], [1e4, 0.0, -1e4], [1.0, 2.0, 3.0]], requires_grad=True)
    for target in (torch.tensor([0, 2, 1]), torch.eye(3)):
        ours, plain = (f(input, target, reduction="none", **k) for f, k in CLEAN)
        assert_close(ours, plain, rtol=1e-6, atol=0)
        slopes = (torch.autograd.grad(loss.sum(), input)[0] for loss in (ours, plain))
        assert_close(*slopes, rtol=1e-5, atol=1e-12)


CLEAN = ((forward_correction_loss, {"transition": torch.eye(3)}), (cross_entropy, {}))


def test_minimiser_of_the_noisy_risk_is_the_clean_probability() -> None:
    clean = torch.tensor([[0.6, 0.3, 0.1]], dtype=torch.float64)
    noise = torch.tensor([[0.8, 0.1, 0.1], [0.0, 0.9, 0.1], [0.3, 0.0, 0.7]], dtype=torch.float64)
    x = clean.log().requires_grad_()
    forward_correction_loss(x, clean @ noise, transition=noise).backward()
    assert_close(x.grad, torch.zeros(1, 3, dtype=torch.float64), rtol=0, atol=1e-12)


def test_a_label_never_seen_keeps_a_finite_loss_and_gradient() -> None:
    never = torch.tensor([[1.0, 0.0], [1.0, 0.0]], requires_grad=True)
    logits = torch.zeros(2, 2, requires_grad=True)
    loss = forward_correction_loss(logits, torch.tensor([0, 1]), transition=never, reduction="none")
    loss.sum().backward()
    assert loss[0] == 0
    assert loss.isfinite().all()
    assert logits.grad.isfinite().all()
    assert never.grad.isfinite().all()


def test_the_matrix_can_be_learned() -> None:
    noise = torch.rand(3, 3, dtype=torch.float64).softmax(1).requires_grad_()
    input, target = torch.randn(4, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 0])
    for y in (target, torch.rand(4, 3, dtype=torch.float64)):
        assert torch.autograd.gradcheck(lambda n, y=y: forward_correction_loss(input, y, transition=n), noise)


@pytest.mark.as_user
def test_the_matrix_is_checked() -> None:
    with pytest.raises(ValueError, match=r"`transition` must be square.*got shape \(2, 3\)"):
        forward_correction_loss(EVEN, torch.tensor([0, 1]), transition=torch.ones(2, 3))
    with pytest.raises(ValueError, match=r"`transition` must have shape \(2, 2\), one row and one column per class"):
        forward_correction_loss(EVEN, torch.tensor([0, 1]), transition=torch.eye(3))
    with pytest.raises(TypeError, match=r"`transition` must be a tensor, got list. Did you mean"):
        forward_correction_loss(EVEN, torch.tensor([0, 1]), transition=[[1.0, 0.0], [0.0, 1.0]])
