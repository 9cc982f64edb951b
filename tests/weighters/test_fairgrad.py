"""FairGrad: the equation holds, the fair sum of gains is largest, and its limits are as they should be."""

import pytest
import torch
from hypothesis import given
from torch import Tensor
from torch.testing import assert_close

from companion.weighters import FairGrad
from tests.weighters.gradients import FACTORS, SEEDS, cosines, gradients, weights


def test_by_hand() -> None:
    # Norms 1 and 2, alpha = 2: 4 w = w^(-1/2), w = 4^(-2/3).
    found = torch.diag(torch.tensor([1.0, 2.0], dtype=torch.float64))
    solved = weights(FairGrad, found, alpha=2.0, sum_to=None)
    assert_close(solved, torch.tensor([1.0, 4 ** (-2 / 3)], dtype=torch.float64))


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("losses", [1, 2, 5, 20])
@pytest.mark.parametrize("span", [1.0, 1000.0])
def test_the_equation_holds(alpha: float, losses: int, span: float) -> None:
    for seed in range(8):
        found = gradients(losses, losses + 3, seed, span)
        w = weights(FairGrad, found, alpha=alpha, sum_to=None)
        assert (w > 0).all()
        assert_close(found @ (found.T @ w), w ** (-1 / alpha), rtol=1e-6, atol=0)


def fair_sum(gains: Tensor, alpha: float) -> Tensor:
    return (gains ** (1 - alpha) / (1 - alpha)).sum()


@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_no_direction_is_fairer(alpha: float) -> None:
    for seed in range(10):
        found = gradients(3, 5, seed)
        direction = found.T @ weights(FairGrad, found, alpha=alpha)
        best = fair_sum(found @ direction / direction.norm(), alpha)
        for other in direction / direction.norm() + 0.1 * gradients(50, 5, seed + 1):
            gains = found @ other / other.norm()
            assert (gains <= 0).any() or fair_sum(gains, alpha) <= best + 1e-9


def test_much_fairness_makes_gains_equal() -> None:
    found = gradients(3, 8)
    gains = found @ (found.T @ weights(FairGrad, found, alpha=1000.0))
    assert_close(gains, gains.mean().expand(3), rtol=0.02, atol=0)


@given(seed=SEEDS, factor=FACTORS)
def test_a_common_unit_scales_the_solution(seed: int, factor: float) -> None:
    # G grows by c^2: c^2 G w = w^(-1/2) is solved by c^(-4/3) times the solution before.
    found = gradients(3, 6, seed)
    one, other = (weights(FairGrad, c * found, alpha=2.0, sum_to=None) for c in (1.0, factor))
    assert_close(other * factor ** (4 / 3), one, rtol=1e-6, atol=0)


@given(seed=SEEDS)
def test_every_loss_falls(seed: int) -> None:
    found = gradients(4, 6, seed)
    assert (cosines(found, found.T @ weights(FairGrad, found, alpha=2.0)) > 0).all()
