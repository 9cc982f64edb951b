"""MGDA against the shortest combination, found by an active-set method, and by the certificate of the optimum."""

import numpy as np
import pytest
import torch
from hypothesis import given
from scipy.optimize import nnls
from torch import Tensor
from torch.testing import assert_close

from companion.weighters import MGDA
from tests.weighters.gradients import FACTORS, SEEDS, cosines, gradients, weights


def test_by_hand() -> None:
    # (1, 0) and (0, 2): |w1 g1 + w2 g2|^2 = w1^2 + 4 w2^2 with w1 + w2 = 1 is least at w1 = 4/5.
    found = weights(MGDA, torch.diag(torch.tensor([1.0, 2.0], dtype=torch.float64)))
    assert_close(found, torch.tensor([1.6, 0.4], dtype=torch.float64))


def test_by_hand_on_the_border() -> None:
    # (1, 0) and (2, 1): the shortest combination is (1, 0) itself.
    found = weights(MGDA, torch.tensor([[1.0, 0.0], [2.0, 1.0]], dtype=torch.float64))
    assert_close(found, torch.tensor([2.0, 0.0], dtype=torch.float64), atol=1e-8, rtol=0)


def shortest(found: Tensor) -> np.ndarray:
    """Lawson and Hanson's active set: the minimum of |J'w|^2 + (sum w - 1)^2 is a multiple of ours."""
    w, _ = nnls(np.vstack([found.T.numpy(), np.ones(len(found))]), np.eye(found.shape[1] + 1)[-1])
    return w / w.sum()


@pytest.mark.parametrize("losses", [2, 5, 10, 20])
@pytest.mark.parametrize("span", [1.0, 10.0, 100.0, 1000.0])
def test_finds_the_optimum(losses: int, span: float) -> None:
    for seed in range(8):
        found = gradients(losses, losses + 1 + 10 * (seed % 3), seed, span)
        w = weights(MGDA, found, sum_to=1.0)
        square = (found.T @ w).square().sum()
        least = np.square(found.T.numpy() @ shortest(found)).sum()
        assert square <= (1 + 1e-3) * least
        # No combination is shorter than the least inner product with ours: the gap bounds the error from above.
        assert square - (found @ (found.T @ w)).min() <= 1e-3 * square


@pytest.mark.parametrize("losses", [3, 10])
def test_gradients_that_can_cancel_do(losses: int) -> None:
    for seed in range(8):
        found = gradients(losses, losses // 2, seed)
        found = torch.cat([found, -found.mean(0, keepdim=True)])
        assert (found.T @ weights(MGDA, found, sum_to=1.0)).norm() < 1e-3 * found.norm(dim=1).min()


@given(seed=SEEDS, factor=FACTORS)
def test_no_loss_rises(seed: int, factor: float) -> None:
    found = torch.stack([*gradients(3, 5, seed), factor * gradients(1, 5, seed + 1)[0]])
    assert (cosines(found, found.T @ weights(MGDA, found)) > -1e-6).all()


@pytest.mark.parametrize("normalize", ["l2", "loss", "loss+"])
def test_normalising_divides_the_gradients(normalize: str) -> None:
    found, values = gradients(4, 6, span=10.0), torch.tensor([1.0, 4.0, 0.5, 2.0], dtype=torch.float64)
    divisors = {"l2": found.norm(dim=1), "loss": values, "loss+": values * found.norm(dim=1)}[normalize]
    divided = found / divisors.unsqueeze(1)
    direction = found.T @ weights(MGDA, found, values, normalize=normalize, sum_to=None)
    assert_close(direction, divided.T @ weights(MGDA, divided, sum_to=None))


@given(seed=SEEDS, factor=FACTORS)
def test_with_unit_gradients_the_units_do_not_matter(seed: int, factor: float) -> None:
    found = gradients(3, 5, seed)
    units = torch.tensor([1.0, factor, 1.0], dtype=torch.float64)
    one = found.T @ weights(MGDA, found, normalize="l2", sum_to=None)
    other = (units.unsqueeze(1) * found).T @ weights(MGDA, units.unsqueeze(1) * found, normalize="l2", sum_to=None)
    assert_close(other, one, rtol=1e-6, atol=1e-8)


def test_a_loss_without_a_gradient_does_not_end_training() -> None:
    found = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    assert_close(weights(MGDA, found), torch.ones(3, dtype=torch.float64))
