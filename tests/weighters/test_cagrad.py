"""CAGrad against a grid, against SciPy, and by the certificate of the optimum."""

import numpy as np
import pytest
import torch
from hypothesis import given
from scipy.optimize import minimize
from torch import Tensor
from torch.testing import assert_close

from companion.weighters import CAGrad
from tests.weighters.gradients import SEEDS, conflicting, gradients, weights


def test_by_hand() -> None:
    # (1, 0) and (0, 1): g0 = gw = (1/2, 1/2), so d = 3/2 g0 at c = 1/2, which is 3/4 of each; times K = 2.
    assert_close(weights(CAGrad, torch.eye(2, dtype=torch.float64)), torch.full((2,), 1.5, dtype=torch.float64))


def objective(found: Tensor, w: np.ndarray, c: float) -> np.ndarray:
    """What the paper minimises over convex combinations, for the rows of w."""
    places = found.numpy()
    mean, mixed = places.mean(0), w @ places
    return mixed @ mean + c * np.linalg.norm(mean) * np.linalg.norm(mixed, axis=-1)


def paper(found: Tensor, w: np.ndarray, c: float) -> Tensor:
    mean, mixed = found.mean(0), torch.as_tensor(w) @ found
    return mean + c * mean.norm() * mixed / mixed.norm()


@pytest.mark.parametrize("c", [0.1, 0.5, 0.9, 2.0])
def test_two_losses_against_a_grid(c: float) -> None:
    shares = np.linspace(0, 1, 100_001)
    grid = np.stack([shares, 1 - shares], 1)
    for seed in range(10):
        found = conflicting(2, 4, seed)
        best = grid[objective(found, grid, c).argmin()]
        direction = found.T @ weights(CAGrad, found, c=c) / 2
        assert_close(direction, paper(found, best, c), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("c", [0.1, 0.5, 0.9])
def test_five_losses_against_scipy(c: float) -> None:
    for seed in range(6):
        found = conflicting(5, 8, seed)
        best = minimize(
            lambda w, found=found: objective(found, w, c),
            np.full(5, 0.2),
            bounds=[(0, 1)] * 5,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
            options={"ftol": 1e-14, "maxiter": 1000},
        )
        assert_close(found.T @ weights(CAGrad, found, c=c) / 5, paper(found, best.x, c), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("losses", [2, 5, 20])
@pytest.mark.parametrize("span", [1.0, 10.0, 1000.0])
@pytest.mark.parametrize("c", [0.1, 0.5, 0.9])
def test_finds_the_optimum(losses: int, span: float, c: float) -> None:
    for seed in range(6):
        found = gradients(losses, losses + 4, seed, span)
        added = weights(CAGrad, found, c=c) - 1.0
        assert (added >= 0).all()
        w = (added / added.sum()).numpy()
        direction = paper(found, w, c)
        assert_close(found.T @ (added + 1.0) / losses, direction)
        # By duality no direction in the ball is better for the worst-off loss than the objective at any w.
        assert (found @ direction).min() >= (1 - np.sign(objective(found, w, c)) * 1e-6) * objective(found, w, c)


def test_radius_zero_is_the_plain_sum() -> None:
    assert torch.equal(weights(CAGrad, gradients(4, 5), c=0.0), torch.ones(4, dtype=torch.float64))


@given(seed=SEEDS)
def test_small_radii_tend_to_the_plain_sum(seed: int) -> None:
    found = gradients(4, 6, seed)
    turn = found.T @ (weights(CAGrad, found, c=1e-4) - 1.0) / 4
    assert_close(turn.norm(), 1e-4 * found.mean(0).norm(), rtol=1e-6, atol=0)


@pytest.mark.parametrize(("rescale", "divisor"), [("none", 1.0), ("1+c^2", 1.25), ("1+c", 1.5)])
def test_rescale_divides(rescale: str, divisor: float) -> None:
    found = conflicting(3, 5)
    assert_close(weights(CAGrad, found, rescale=rescale) * divisor, weights(CAGrad, found))


def test_where_gradients_cancel_the_plain_sum_is_left() -> None:
    # Of these, half of the first and half of the second minimise the objective, at 0.
    found = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    assert_close(weights(CAGrad, found), torch.ones(3, dtype=torch.float64))
