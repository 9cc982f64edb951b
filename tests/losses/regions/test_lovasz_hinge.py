"""Lovász hinge by hand, beside the Jaccard index of decisions, and its slope away from ties."""

import pytest
import torch
from sklearn.metrics import jaccard_score
from torch.testing import assert_close

from companion.losses import lovasz_hinge_loss
from tests.losses.references import gradient
from tests.losses.region_references import lovasz_hinge


def test_by_hand() -> None:
    # Errors 2, 0 and 1: the miss is half of the region, the false alarm makes the union 3: 2 x 1/2 + 1 x (2/3 - 1/2)
    found = lovasz_hinge_loss(torch.tensor([[[-1.0, 2.0, 0.0]]]), torch.tensor([[[1, 1, 0]]]))
    assert_close(found.item(), 2 / 2 + 1 / 6)


@pytest.mark.parametrize("seed", range(3))
def test_of_logits_of_one_it_is_twice_one_minus_the_score(seed: int) -> None:
    y, guess = torch.randint(2, (2, 50), generator=torch.Generator().manual_seed(seed))
    found = lovasz_hinge_loss(2.0 * guess - 1, y)
    assert_close(found.item(), 2 * (1 - jaccard_score(y, guess)))


def test_a_margin_of_one_is_enough() -> None:
    x = torch.tensor([[[1.0, 3.0, -1.0, -2.0]]], requires_grad=True)
    loss = lovasz_hinge_loss(x, torch.tensor([[[1, 1, 0, 0]]]))
    assert loss == 0
    assert not torch.autograd.grad(loss, x)[0].any()


def test_an_empty_mask_costs_its_largest_error() -> None:
    x = torch.tensor([[[-3.0, 0.5, -0.5]]])
    assert_close(lovasz_hinge_loss(x, torch.zeros(1, 1, 3)).item(), 1.5)
    assert lovasz_hinge_loss(x, torch.zeros(1, 1, 3), absent="skip") == 0


def test_gradient_away_from_ties_is_exact_in_single_precision() -> None:
    x = torch.tensor([20.0, -9e3, 0.25, -30.0, 1e4, 0.5, -0.75], requires_grad=True)
    y = torch.tensor([0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0])
    found = torch.autograd.grad(lovasz_hinge_loss(x, y), x)[0]
    right = gradient(lambda z: lovasz_hinge(z, y.tolist()), x.tolist())
    assert_close(found, torch.tensor([float(v) for v in right]), rtol=1e-5, atol=0)


def test_plain_logits_are_one_region() -> None:
    x, y = torch.randn(6), torch.tensor([1.0, 0.0, 0.0, 1.0, 0.0, 1.0])
    assert lovasz_hinge_loss(x, y, reduction="none").shape == ()
    assert_close(lovasz_hinge_loss(x, y), lovasz_hinge_loss(x.view(1, 1, 6), y.view(1, 1, 6)))


@pytest.mark.as_user
def test_a_single_number_is_a_region_too() -> None:
    assert lovasz_hinge_loss(torch.tensor(0.25), torch.tensor(1)) == 0.75
