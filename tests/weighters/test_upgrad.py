"""UPGrad against projections by an active-set method, and against what it promises."""

import numpy as np
import pytest
import torch
from hypothesis import given
from scipy.optimize import nnls
from torch import Tensor
from torch.testing import assert_close

from companion.weighters import PCGrad, UPGrad
from tests.weighters.gradients import FACTORS, SEEDS, conflicting, cosines, gradients, weights


def test_by_hand() -> None:
    # (1, 0) opposes (-1, 1); projected on its normal plane it is (1/2, 1/2) = g1 + g2/2, and g2 + g1 = (0, 1).
    found = weights(UPGrad, torch.tensor([[1.0, 0.0], [-1.0, 1.0]], dtype=torch.float64))
    assert_close(found, torch.tensor([2.0, 1.5], dtype=torch.float64))


def by_active_sets(found: Tensor) -> Tensor:
    """Moreau: the projection of g on the cone is g + J'z for the z >= 0 that makes it shortest."""
    places = found.T.numpy()
    return torch.as_tensor(sum(g + places @ nnls(places, -g)[0] for g in found.numpy()))


@pytest.mark.parametrize("losses", [2, 5, 20])
@pytest.mark.parametrize("span", [1.0, 10.0, 1000.0])
def test_is_the_sum_of_projections(losses: int, span: float) -> None:
    for seed in range(6):
        found = gradients(losses, losses + 3, seed, span)
        direction = found.T @ weights(UPGrad, found)
        assert_close(direction, by_active_sets(found), rtol=1e-5, atol=1e-6)
        assert (cosines(found, direction) > -1e-7).all()


@pytest.mark.parametrize("losses", [3, 10])
def test_opposes_none_even_if_gradients_depend_on_each_other(losses: int) -> None:
    for seed in range(6):
        found = conflicting(losses, losses - 1, seed)
        direction = found.T @ weights(UPGrad, found)
        assert (found @ direction >= -1e-5 * found.norm(dim=1) * found.norm(dim=1).max()).all()


@given(seed=SEEDS)
def test_no_conflict_is_the_plain_sum(seed: int) -> None:
    assert_close(weights(UPGrad, gradients(4, 6, seed).abs()), torch.ones(4, dtype=torch.float64))


@given(seed=SEEDS, factor=FACTORS)
def test_two_losses_are_pcgrad(seed: int, factor: float) -> None:
    found = gradients(2, 4, seed) * torch.tensor([[1.0], [factor]], dtype=torch.float64)
    direction = found.T @ weights(UPGrad, found)
    assert_close(direction / direction.norm(), (lambda d: d / d.norm())(found.T @ weights(PCGrad, found)))


@given(seed=SEEDS, factor=FACTORS)
def test_each_projection_scales_with_its_gradient(seed: int, factor: float) -> None:
    found, units = gradients(3, 5, seed), np.array([1.0, factor, 1.0])
    scaled = found * torch.as_tensor(units).unsqueeze(1)
    parts = [torch.as_tensor(g + found.T.numpy() @ nnls(found.T.numpy(), -g)[0]) for g in found.numpy()]
    expected = sum(unit * part for unit, part in zip(units, parts, strict=True))
    direction = scaled.T @ weights(UPGrad, scaled)
    assert_close(direction, expected, rtol=1e-5, atol=1e-6 * float(expected.norm()))
