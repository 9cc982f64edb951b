"""Aligned-MTL against the singular values of the gradients."""

import pytest
import torch
from hypothesis import given
from torch import Tensor
from torch.testing import assert_close

from companion.weighters import AlignedMTL
from tests.weighters.gradients import SEEDS, gradients, weights


def test_by_hand() -> None:
    # Orthogonal gradients of norms 1 and 3, all made as long as the shortest: weights 1 and 1/3.
    found = torch.diag(torch.tensor([1.0, 3.0], dtype=torch.float64))
    assert_close(weights(AlignedMTL, found, sum_to=None), torch.tensor([1.0, 1 / 3], dtype=torch.float64))
    assert_close(weights(AlignedMTL, found), torch.tensor([1.5, 0.5], dtype=torch.float64))


def by_singular_values(found: Tensor, scale: str) -> Tensor:
    """The sum of the rows of the nearest matrix whose singular values are all equal."""
    left, singular, right = torch.linalg.svd(found, full_matrices=False)
    kept = singular > 1e-6 * singular[0]
    square = singular[kept].square()
    size = {"min": square[-1], "median": square.median(), "rmse": square.mean()}[scale].sqrt()
    return size * (left[:, kept] @ right[kept]).sum(0)


@pytest.mark.parametrize("scale", ["min", "median", "rmse"])
@pytest.mark.parametrize(("losses", "places"), [(1, 3), (2, 3), (5, 7), (20, 40), (4, 2), (3, 1)])
def test_is_the_sum_of_the_aligned_gradients(losses: int, places: int, scale: str) -> None:
    for seed in range(4):
        found = gradients(losses, places, seed, span=10.0)
        direction = found.T @ weights(AlignedMTL, found, scale=scale, sum_to=None)
        assert_close(direction, by_singular_values(found, scale), rtol=1e-6, atol=1e-8)


@given(seed=SEEDS)
def test_orthogonal_gradients_of_equal_norm_are_left_as_they_are(seed: int) -> None:
    found = 3.0 * torch.linalg.qr(gradients(4, 4, seed))[0]
    for scale in ("min", "median", "rmse"):
        assert_close(weights(AlignedMTL, found, scale=scale, sum_to=None), torch.ones(4, dtype=torch.float64))


@given(seed=SEEDS)
def test_the_scale_changes_the_length_only(seed: int) -> None:
    found = gradients(4, 6, seed, span=10.0)
    one, two, three = (weights(AlignedMTL, found, scale=scale) for scale in ("min", "median", "rmse"))
    assert_close(one, two)
    assert_close(one, three)


def test_where_gradients_cancel_weights_are_equal() -> None:
    opposed = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    assert_close(weights(AlignedMTL, opposed), torch.ones(2, dtype=torch.float64))
