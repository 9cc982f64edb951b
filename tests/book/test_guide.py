"""What the errata page says and no section shows: one test for each such entry."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_score, recall_score
from torch.testing import assert_close

from companion import data, experiments
from companion.losses import binary_fbeta_loss, cross_entropy, focal_loss, mae_loss


def test_mean_f1_of_batches_is_not_f1_of_the_set() -> None:
    # Batches with (TP, FP) = (1, 0) and (1, 3): F1 of 2 / 2 and 2 / 5, mean 0.7; of the set 4 / 7.
    y, said_yes = torch.tensor([1, 1, 0, 0, 0]), torch.full((5,), 1000.0)

    def f1(rows: slice) -> float:
        return 1 - binary_fbeta_loss(said_yes[rows], y[rows], smooth=0.0).item()

    assert_close((f1(slice(0, 1)) + f1(slice(1, 5))) / 2, 0.7)
    assert_close(f1(slice(0, 5)), 4 / 7)


def test_precision_may_fall_as_the_threshold_rises() -> None:
    y, claim = np.array([0, 1, 1]), np.array([0.9, 0.8, 0.7])
    decided = [claim >= threshold for threshold in (0.6, 0.75, 0.85)]
    assert [round(precision_score(y, d), 2) for d in decided] == [0.67, 0.5, 0.0]
    assert [recall_score(y, d) for d in decided] == [1.0, 0.5, 0.0]


def test_even_classes_do_not_make_groups_alike() -> None:
    # One feature: in group A it is the label, in group B it agrees with the label three times in five.
    y = np.tile([0, 1], 100)
    flipped = np.where(np.arange(100) % 10 < 4, 1 - y[:100], y[:100])
    x = np.concatenate([y[:100], flipped])[:, None]
    decided = LogisticRegression(class_weight="balanced").fit(x, y).predict(x)
    assert recall_score(y[:100], decided[:100]) == 1.0
    assert recall_score(y[100:], decided[100:]) == 0.6


def test_two_factors_on_the_rare_class_are_one() -> None:
    logits, target = torch.randn(20, 2), torch.arange(20) % 2
    miss = torch.where(target == 1, 3.0, 1.0)
    twice = miss * focal_loss(logits, target, alpha=torch.tensor([1.0, 5.0]), reduction="none")
    assert_close(twice, focal_loss(logits, target, alpha=torch.tensor([1.0, 15.0]), reduction="none"))
    # Applied to rows on the wrong side alone, the factor makes the loss jump where the two logits are equal.
    near = torch.tensor([[0.0, -1e-6], [0.0, 1e-6]])
    missed = near.argmax(1) == 0
    below, above = focal_loss(near, torch.ones(2, dtype=torch.long), reduction="none") * torch.where(missed, 3.0, 1.0)
    assert_close((below / above).item(), 3.0, rtol=1e-4, atol=0)


def test_huber_loss_of_probabilities_is_the_squared_error() -> None:
    p, y = torch.randn(50, 3).softmax(1), F.one_hot(torch.arange(50) % 3, 3).float()
    assert_close(F.huber_loss(p, y, delta=1.0), F.mse_loss(p, y) / 2)


def test_one_sided_noise_moves_the_best_answer_of_mean_absolute_error() -> None:
    # Of rows of class 0, 60 % are labelled 1: fewer than the 2 / 3 that three classes bear if the noise is even.
    sure = 1000.0 * torch.eye(3)
    one_sided, even = torch.tensor([0.4, 0.6, 0.0]), torch.tensor([0.4, 0.3, 0.3])
    costs = [mae_loss(sure, labels.expand(3, 3), reduction="none") for labels in (one_sided, even)]
    assert [cost.argmin().item() for cost in costs] == [1, 0]


def test_label_smoothing_is_even_noise_on_average() -> None:
    logits, target = torch.randn(8, 4), torch.arange(8) % 4
    one_in_five_drawn_anew = 0.8 * F.one_hot(target, 4) + 0.2 / 4
    assert_close(cross_entropy(logits, target, label_smoothing=0.2), cross_entropy(logits, one_in_five_drawn_anew))


def test_scattered_wrong_labels_do_little_harm_at_first() -> None:
    images, digits = data.digits()
    part = data.split(digits, seed=0)
    wrong = torch.rand(len(digits)) < 0.4
    scattered = torch.where(wrong, (digits + torch.randint(1, 10, digits.shape)) % 10, digits)
    one_way = torch.where(wrong & (digits % 2 == 0), digits + 1, digits)

    def accuracy(labels: torch.Tensor, steps: int) -> float:
        def network() -> torch.nn.Module:
            return torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10))

        plan = {"seeds": 3, "steps": steps, "batch_size": 64, "lr": 0.005}
        fit = experiments.fit_seeds(network, cross_entropy, images[part.train], labels[part.train], **plan)
        return (fit.logits(images[part.test]).argmax(2) == digits[part.test]).float().mean().item()

    early = accuracy(scattered, 60)
    assert early > accuracy(digits, 60) - 0.05
    assert accuracy(scattered, 1000) < early - 0.1
    assert accuracy(one_way, 60) < early - 0.05  # though half as many labels are wrong


def test_loss_scaling_saves_small_gradients_and_changes_no_other() -> None:
    slope = torch.tensor([1e-9, 0.5])  # of the loss; a half knows nothing below 6e-8
    assert slope.half().tolist() == [0.0, 0.5]
    scale = 2.0**14
    assert_close((scale * slope).half().float() / scale, slope, rtol=1e-2, atol=0)


def test_tasks_that_share_too_little_are_all_learned_worse() -> None:
    # Two targets with correlation 0.8, each a linear function of x; one shared unit must carry both.
    x = torch.randn(1000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = x @ torch.tensor([[1.0, 0.8], [0.0, 0.6]], dtype=torch.float64)

    def errors(targets: torch.Tensor) -> torch.Tensor:
        u, s, v = torch.linalg.svd(targets, full_matrices=False)  # the best a single unit can do
        return (targets - s[0] * u[:, :1] @ v[:1]).square().mean(0)

    assert errors(y[:, :1]).max() < 1e-20
    assert errors(y[:, 1:]).max() < 1e-20
    assert errors(y).min() > 0.05
