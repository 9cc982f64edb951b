"""Logit adjustment by hand, for rare and for missing classes."""

import math

import torch
from torch.testing import assert_close

from companion.losses import logit_adjusted_loss

PRIOR = torch.tensor([0.9, 0.1])


def test_by_hand() -> None:
    # Bare logits of 0 leave the prior: -log 0.9 and -log 0.1
    found = logit_adjusted_loss(torch.zeros(2, 2), torch.tensor([0, 1]), prior=PRIOR, reduction="none")
    assert_close(found, torch.tensor([-math.log(0.9), math.log(10)]))


def test_tau_by_hand() -> None:
    # tau = 2: 0.81 and 0.01 over 0.82
    found = logit_adjusted_loss(torch.zeros(2, 2), torch.tensor([0, 1]), prior=PRIOR, tau=2.0, reduction="none")
    assert_close(found, torch.tensor([math.log(82 / 81), math.log(82)]))


def test_a_missing_class_is_very_rare() -> None:
    logits = torch.zeros(1, 2, requires_grad=True)
    loss = logit_adjusted_loss(logits, torch.tensor([1]), prior=torch.tensor([1.0, 0.0]))
    assert_close(loss.item(), -math.log(torch.finfo(torch.float32).tiny))  # 87.3
    loss.backward()
    assert_close(logits.grad, torch.tensor([[1.0, -1.0]]))


def test_best_bare_logits_are_those_of_even_classes() -> None:
    # One feature-free problem: 90 and 10 examples. At the minimum softmax(z + log prior) = prior, so z is even.
    logits = torch.zeros(1, 2, requires_grad=True)
    target = torch.tensor([0] * 90 + [1] * 10)
    logit_adjusted_loss(logits.expand(100, 2), target, prior=PRIOR).backward()
    assert_close(logits.grad, torch.zeros(1, 2), rtol=0, atol=1e-7)


def test_a_large_logit_does_not_round_the_prior_away() -> None:
    # At 1e6 neighbouring float32 numbers are 0.06 apart, and log 0.9 = -0.105.
    found = logit_adjusted_loss(torch.full((1, 2), 1e6), torch.tensor([0]), prior=PRIOR)
    assert_close(found.item(), -math.log(0.9), rtol=1e-6, atol=0)
