"""Nash-MTL: the equation holds, the product of the gains is largest, and units do not matter."""

import pytest
import torch
from hypothesis import given
from torch.testing import assert_close

from companion.weighters import FairGrad, NashMTL
from tests.weighters.gradients import FACTORS, SEEDS, cosines, gradients, weights


def test_by_hand() -> None:
    # (1, 0) and (0, 2): w1 = 1 / w1 and 4 w2 = 1 / w2.
    found = torch.diag(torch.tensor([1.0, 2.0], dtype=torch.float64))
    assert_close(weights(NashMTL, found, sum_to=None), torch.tensor([1.0, 0.5], dtype=torch.float64))


@pytest.mark.parametrize("losses", [1, 2, 5, 10, 20])
@pytest.mark.parametrize("span", [1.0, 1000.0, 1e8])
def test_the_equation_holds(losses: int, span: float) -> None:
    for seed in range(8):
        found = gradients(losses, losses + 3 * (seed % 3), seed, span)
        w = weights(NashMTL, found, sum_to=None)
        assert (w > 0).all()
        assert_close(found @ (found.T @ w), 1 / w, rtol=1e-6, atol=0)
        assert (cosines(found, found.T @ w) > 0).all()


@given(seed=SEEDS)
def test_no_direction_has_a_larger_product_of_gains(seed: int) -> None:
    found = gradients(3, 5, seed)
    direction = found.T @ weights(NashMTL, found)
    best = (found @ direction / direction.norm()).log().sum()
    for other in direction / direction.norm() + 0.1 * gradients(50, 5, seed + 1):
        gains = found @ other / other.norm()
        assert (gains <= 0).any() or gains.log().sum() <= best + 1e-9


@given(seed=SEEDS, factor=FACTORS, other=FACTORS)
def test_units_do_not_matter(seed: int, factor: float, other: float) -> None:
    found, units = gradients(3, 5, seed), torch.tensor([[1.0], [factor], [other]], dtype=torch.float64)
    w = weights(NashMTL, units * found, sum_to=None)
    assert_close(w * units[:, 0], weights(NashMTL, found, sum_to=None), rtol=1e-6, atol=0)


def test_is_fairgrad_at_one() -> None:
    found = gradients(5, 8, span=10.0)
    assert torch.equal(weights(NashMTL, found), weights(FairGrad, found, alpha=1.0))
