"""What the errata page says of data, scores and penalties, and no section shows: one test for each such entry."""

import numpy as np
import torch
from sklearn.linear_model import HuberRegressor, Lasso, Ridge
from sklearn.metrics import f1_score, precision_score, recall_score
from torch.testing import assert_close

from companion.losses import binary_focal_loss


def test_a_loss_of_projections_is_blind_to_the_rest() -> None:
    target = torch.randn(50, 6)
    axes = torch.linalg.svd(target - target.mean(0), full_matrices=True)[2]
    input = torch.randn(50, 6, requires_grad=True)
    loss = ((input - target) @ axes[:2].T).square().mean()
    (slope,) = torch.autograd.grad(loss, input)
    assert_close(slope @ axes[2:].T, torch.zeros(50, 4), atol=1e-6, rtol=0)
    assert (slope @ axes[:2].T).abs().max() > 1e-2


def test_no_penalty_on_weights_tames_an_outlier() -> None:
    x = np.linspace(-1, 1, 50)[:, None]
    y = 2 * x[:, 0]
    y[-1] += 100.0
    penalties = [Ridge(alpha=alpha) for alpha in (0.1, 1.0)] + [Lasso(alpha=alpha) for alpha in (0.01, 0.1)]
    slopes = [abs(model.fit(x, y).coef_[0] - 2) for model in penalties]
    assert min(slopes) > 3
    assert abs(HuberRegressor(epsilon=1.35).fit(x, y).coef_[0] - 2) < 0.1


def test_yes_to_everybody_has_half_of_the_simple_average() -> None:
    y, yes = np.arange(100) == 0, np.ones(100, dtype=bool)
    average = (precision_score(y, yes) + recall_score(y, yes)) / 2
    assert average > 0.5
    assert f1_score(y, yes) < 0.02


def test_recall_is_paid_in_false_alarms_and_not_in_misses() -> None:
    y, claim = np.array([1, 0, 1, 0, 0, 1, 0, 0]), np.linspace(0.9, 0.2, 8)
    decided = [claim >= threshold for threshold in (0.85, 0.65, 0.35)]
    assert [int((d & (y == 0)).sum()) for d in decided] == [0, 1, 3]  # false positives
    assert [int((~d & (y == 1)).sum()) for d in decided] == [2, 1, 0]  # false negatives


def test_focal_loss_hears_hard_rows_of_both_classes_alike() -> None:
    wrong = torch.tensor([-2.0, 2.0], requires_grad=True)
    loss = binary_focal_loss(wrong, torch.tensor([1, 0]), reduction="none")
    assert_close(loss[0], loss[1])
    up, down = torch.autograd.grad(loss.sum(), wrong)[0]
    assert_close(up, -down)
