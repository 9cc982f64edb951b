"""Truncated GCE: what it keeps, what it cuts, and where."""

import math

import pytest
import torch
from torch.testing import assert_close

from companion.losses import generalized_cross_entropy, truncated_gce_loss

ROWS = torch.tensor([[0.9, 0.1], [0.3, 0.7], [0.1, 0.9]]).log()  # p of class 0: 0.9, 0.3, 0.1
ZERO = torch.zeros(3, dtype=torch.long)


def test_by_hand() -> None:
    # q = 0.5: 2 - 2 sqrt(0.9), and 2 - 2 sqrt(1/2) = 0.5857864 for both that lie below k = 1/2
    found = truncated_gce_loss(ROWS, ZERO, q=0.5, reduction="none")
    assert_close(found, torch.tensor([0.1026334, 0.5857864, 0.5857864]))


def test_is_gce_above_k_and_constant_below() -> None:
    x = ROWS.clone().requires_grad_()
    cut, whole = (
        f(x, ZERO, reduction="none", **k)
        for f, k in ((truncated_gce_loss, {"k": 0.2}), (generalized_cross_entropy, {}))
    )
    assert_close(cut[:2], whole[:2])
    slopes = torch.autograd.grad(cut.sum(), x, retain_graph=True)[0]
    assert_close(slopes[:2], torch.autograd.grad(whole.sum(), x)[0][:2])
    assert not slopes[2].any()


def test_no_k_no_cut() -> None:
    input, target = 30 * torch.randn(20, 3), torch.arange(20) % 3
    assert_close(truncated_gce_loss(input, target, k=0.0), generalized_cross_entropy(input, target))


@pytest.mark.as_user
@pytest.mark.parametrize("k", [-0.1, 1.0, math.nan])
def test_k_must_be_a_probability_below_one(k: float) -> None:
    with pytest.raises(ValueError, match=r"`k` must be at least 0.0 and below 1.0, got"):
        truncated_gce_loss(ROWS, ZERO, k=k)
