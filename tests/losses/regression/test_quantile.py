"""Quantiles against scikit-learn and numpy; several at once and their crossing."""

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_pinball_loss
from torch.testing import assert_close

from companion.losses import QuantileLoss, quantile_loss
from tests.losses.regression.constants import best_constant, contaminated, pull


def test_too_low_is_dear_for_a_high_quantile() -> None:
    found = quantile_loss(torch.tensor([-1.0, 1.0]), torch.zeros(2), tau=0.9, reduction="none")
    assert_close(found, torch.tensor([0.9, 0.1]))


@pytest.mark.parametrize("tau", [0.05, 0.5, 0.875])
def test_is_that_of_scikit_learn(tau: float) -> None:
    x, y = torch.randn(50, dtype=torch.float64), torch.randn(50, dtype=torch.float64)
    assert quantile_loss(x, y, tau=tau).item() == pytest.approx(mean_pinball_loss(y, x, alpha=tau), rel=1e-12)
    assert_close(quantile_loss(x, y, tau=torch.tensor(tau, dtype=torch.float64)), quantile_loss(x, y, tau=tau))


@pytest.mark.parametrize("tau", [0.1, 0.3, 0.9])
def test_the_best_constant_is_the_quantile(tau: float) -> None:
    y = torch.randn(101, dtype=torch.float64)
    found = best_constant(quantile_loss, y, -4, 4, tau=tau)
    assert found == pytest.approx(np.quantile(y, tau, method="inverted_cdf"), abs=1e-6)


def test_four_outliers_in_ten_leave_the_median_alone() -> None:
    assert best_constant(quantile_loss, contaminated(), -1, 3) == pytest.approx(0, abs=1e-6)


def test_a_tie_pulls_nowhere() -> None:
    assert pull(quantile_loss, [0.0, 1e-8, -1e4], tau=0.75).tolist() == [0.0, 0.25, -0.75]


def test_one_level_may_be_learned() -> None:
    tau = torch.tensor(0.25, requires_grad=True)
    quantile_loss(torch.tensor([-2.0, 1.0]), torch.zeros(2), tau=tau, reduction="sum").backward()
    assert tau.grad == 2.0 - 1.0


def test_several_are_each_their_own() -> None:
    x, y, taus = torch.randn(5, 3), torch.randn(5), (0.1, 0.5, 0.9)
    found = quantile_loss(x, y, tau=taus, reduction="none")
    for k, tau in enumerate(taus):
        assert_close(found[:, k], quantile_loss(x[:, k], y, tau=tau, reduction="none"))
    assert_close(quantile_loss(x, y, tau=torch.tensor(taus)), found.mean())
    assert_close(quantile_loss(x, y, tau=list(taus)), found.mean())
    w = torch.rand(5)
    assert_close(quantile_loss(x, y, tau=taus, sample_weight=w), (found.mean(1) * w).sum() / w.sum())


def test_crossing_by_hand() -> None:
    input, target = torch.tensor([[2.0, 1.0, 3.0], [0.0, 1.0, 2.0]]), torch.zeros(2)
    taus = (0.25, 0.5, 0.75)
    plain = quantile_loss(input, target, tau=taus, reduction="none")
    found = quantile_loss(input, target, tau=taus, crossing=10.0, reduction="none")
    assert_close(found - plain, torch.tensor([[0.0, 10.0, 0.0], [0.0, 0.0, 0.0]]))


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    x, y = torch.zeros(4, 3), torch.zeros(4)
    with pytest.raises(ValueError, match=r"`input` must have shape \(4, 2\).* 2 quantiles of `tau`, got \(4, 3\)"):
        quantile_loss(x, y, tau=(0.1, 0.9))
    with pytest.raises(ValueError, match=r"got \(4, 3\). Did you mean `target.squeeze\(-1\)`\?"):
        quantile_loss(x, y.unsqueeze(1), tau=(0.1, 0.5, 0.9))
    with pytest.raises(ValueError, match=r"got \(4, 3, 7\). Did you mean `input.movedim\(1, -1\)`\?"):
        quantile_loss(torch.zeros(4, 3, 7), torch.zeros(4, 7), tau=(0.1, 0.5, 0.9))
    with pytest.raises(TypeError, match=r"`tau` must be a number, or several in a tuple or a tensor, got range"):
        quantile_loss(x, y, tau=range(3))
    with pytest.raises(ValueError, match="`tau` must be quantiles in rising order, at least one, got"):
        quantile_loss(x, y, tau=(0.5, 0.1, 0.9))
    with pytest.raises(ValueError, match="`tau` must be quantiles in rising order, at least one, got"):
        QuantileLoss(tau=())
    with pytest.raises(ValueError, match=r"`tau` must be above 0.0 and below 1.0, got 1.0"):
        quantile_loss(x, y, tau=(0.1, 0.5, 1.0))
    with pytest.raises(ValueError, match=r"`tau` must be above 0.0 and below 1.0, got 0.0"):
        quantile_loss(y, y, tau=0.0)
    with pytest.raises(ValueError, match=r"`tau` must be a number or a 0-d tensor, got shape \(1, 1\)"):
        quantile_loss(y, y, tau=torch.ones(1, 1))
    with pytest.raises(TypeError, match=r"`target` must be real, got dtype torch.complex64"):
        quantile_loss(x, y + 0j, tau=(0.1, 0.5, 0.9))
    with pytest.raises(ValueError, match=r"`crossing` must be 0 for a single `tau`, got 2.0"):
        quantile_loss(y, y, crossing=2.0)
