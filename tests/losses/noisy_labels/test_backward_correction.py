"""Backward correction by hand: which way round the matrix is read, and that the noise cancels on average."""

import math

import pytest
import torch
from torch.testing import assert_close

from companion.losses import backward_correction_loss, cross_entropy

# Class 0 is seen as 1 in a quarter of the cases, class 1 always as itself. Inverse: ((4/3, -1/3), (0, 1)).
ONE_WAY = torch.tensor([[0.75, 0.25], [0.0, 1.0]])


def test_by_hand() -> None:
    # p = (1/10, 9/10), losses (log 10, log 10/9): label 0 costs 4/3 log 10 - 1/3 log 10/9, label 1 log 10/9
    input = torch.tensor([[0.1, 0.9]]).log().repeat(2, 1)
    found = backward_correction_loss(input, torch.tensor([0, 1]), transition=ONE_WAY, reduction="none")
    assert_close(found, torch.tensor([4 / 3 * math.log(10) - math.log(10 / 9) / 3, math.log(10 / 9)]))


def test_without_bias() -> None:
    # T l = clean loss: the average over the labels that the true class is seen as
    noise = torch.rand(3, 3, dtype=torch.float64).add(2 * torch.eye(3)).softmax(1)
    input = torch.randn(4, 3, dtype=torch.float64)
    for true in range(3):
        seen = noise[true].expand(4, 3)
        clean = cross_entropy(input, torch.full((4,), true), reduction="none")
        assert_close(backward_correction_loss(input, seen, transition=noise, reduction="none"), clean)


def test_may_be_negative_and_has_no_lower_bound() -> None:
    noise = torch.tensor([[0.8, 0.2], [0.2, 0.8]])
    for size in (10.0, 1e4):  # -1/3 of the loss of the class held impossible
        found = backward_correction_loss(torch.tensor([[size, 0.0]]), torch.tensor([0]), transition=noise)
        assert_close(found.item(), -size / 3, rtol=1e-4, atol=0)


def test_no_noise_is_cross_entropy_to_the_last_digit() -> None:
    input = torch.tensor([[20.0, 0.0, 0.0], [1e4, 0.0, -1e4], [1.0, 2.0, 3.0]], requires_grad=True)
    target = torch.tensor([0, 2, 1])
    ours = backward_correction_loss(input, target, transition=torch.eye(3), reduction="none")
    plain = cross_entropy(input, target, reduction="none")
    assert_close(ours, plain, rtol=1e-6, atol=0)
    slopes = (torch.autograd.grad(loss.sum(), input)[0] for loss in (ours, plain))
    assert_close(*slopes, rtol=1e-5, atol=1e-12)


def test_the_matrix_can_be_learned() -> None:
    noise = (torch.rand(3, 3, dtype=torch.float64) + 2 * torch.eye(3)).requires_grad_()
    input, target = torch.randn(4, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 0])
    assert torch.autograd.gradcheck(lambda n: backward_correction_loss(input, target, transition=n), noise)


def test_a_singular_matrix_shows() -> None:
    loss = backward_correction_loss(torch.zeros(1, 2), torch.tensor([0]), transition=torch.full((2, 2), 0.5))
    assert not loss.isfinite()


@pytest.mark.as_user
def test_the_matrix_is_checked() -> None:
    with pytest.raises(ValueError, match=r"`transition` must have shape \(2, 2\), one row and one column per class"):
        backward_correction_loss(torch.zeros(1, 2), torch.tensor([0]), transition=torch.eye(3))
