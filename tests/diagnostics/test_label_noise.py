"""Confident learning against a slow reading of its equations, and on noise that is known."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from companion.diagnostics import label_noise

LABELS = torch.tensor([0, 0, 0, 1, 1, 1])
PROB = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.1, 0.9], [0.2, 0.8]])


def by_hand(labels: Sequence[int], prob: Sequence[Sequence[float]]) -> tuple[list[int], list[list[float]]]:
    """Equations (1) to (3) of the paper, row by row."""
    classes = range(len(prob[0]))
    of_class = [[i for i, y in enumerate(labels) if y == j] for j in classes]
    usual = [sum(prob[i][j] for i in of_class[j]) / len(of_class[j]) for j in classes]
    counts = [[0.0 for _ in classes] for _ in classes]
    believed = []
    for y, p in zip(labels, prob, strict=True):
        sure = [j for j in classes if p[j] >= usual[j]]
        best = max(sure, key=lambda j: p[j]) if sure else y
        believed.append(best)
        if sure:
            counts[y][best] += 1
    joint = [[n / sum(row) * len(of_class[y]) for n in row] for y, row in enumerate(counts)]
    totals = [sum(row[j] for row in joint) for j in classes]
    return believed, [[joint[i][j] / totals[j] for i in classes] for j in classes]


def noisy(classes: int, rows: int, transition: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """True classes, labels, and the probabilities that an honest model of them would give."""
    generator = torch.Generator().manual_seed(0)
    true = torch.arange(rows) % classes
    labels = torch.multinomial(transition[true], 1, generator=generator).squeeze(1)
    sure = 1 - 0.2 * torch.rand(rows, 1, generator=generator, dtype=torch.float64)
    seen = 0.9 * torch.nn.functional.one_hot(true, classes).double() + 0.1 / classes
    return true, labels, sure * (seen @ transition.double()) + (1 - sure) / classes


SYMMETRIC = 0.7 * torch.eye(4) + 0.1 * (1 - torch.eye(4))
SWAPPED = torch.eye(4)[[0, 1, 2, 3]] * 0.75 + torch.eye(4)[[1, 0, 3, 2]] * 0.25


@pytest.mark.parametrize("transition", [SYMMETRIC, SWAPPED])
def test_equals_the_equations_read_row_by_row(transition: Tensor) -> None:
    _, labels, prob = noisy(4, 400, transition)
    found = label_noise(labels, prob)
    believed, expected = by_hand(labels.tolist(), prob.tolist())
    assert found.believed.tolist() == believed
    torch.testing.assert_close(found.transition, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("transition", [SYMMETRIC, SWAPPED])
def test_finds_noise_that_is_known(transition: Tensor) -> None:
    true, labels, prob = noisy(4, 8000, transition)
    found = label_noise(labels, prob)
    assert (found.transition - transition).abs().max() < 0.05
    assert (found.prior - 0.25).abs().max() < 0.05
    wrong = labels != true
    assert (found.suspect & wrong).sum() > 0.9 * wrong.sum()
    assert (found.suspect & wrong).sum() > 0.9 * found.suspect.sum()


def test_rows_of_the_transition_are_the_true_class() -> None:
    found = label_noise(LABELS, PROB)
    # Given 0: two look like 0, one like 1. Given 1: all three look like 1. So of four in class 1, one is called 0.
    torch.testing.assert_close(found.transition, torch.tensor([[1.0, 0.0], [0.25, 0.75]]))
    torch.testing.assert_close(found.prior, torch.tensor([1 / 3, 2 / 3]))
    assert found.suspect.tolist() == [False, False, True, False, False, False]


def test_a_class_that_no_row_seems_to_have_is_free_of_noise() -> None:
    # Usual are 0.6 for class 0 and 0.3 for class 1: both rows reach both, and class 0 is the more probable.
    found = label_noise(torch.tensor([0, 1]), torch.tensor([[0.6, 0.4], [0.7, 0.3]]))
    assert found.believed.tolist() == [0, 0]
    torch.testing.assert_close(found.transition, torch.tensor([[0.5, 0.5], [0.0, 1.0]]))


def test_a_row_that_reaches_no_class_keeps_its_label() -> None:
    found = label_noise(torch.tensor([0, 0, 1, 1]), torch.tensor([[0.9, 0.1], [0.5, 0.5], [0.0, 1.0], [0.4, 0.6]]))
    assert found.believed.tolist() == [0, 0, 1, 1]  # usual are 0.7 and 0.8: the second and last row reach neither


@pytest.mark.parametrize(
    ("labels", "prob", "error", "says"),
    [
        (LABELS.float(), PROB, TypeError, "`labels` must hold integer"),
        (LABELS, PROB.long(), TypeError, "`prob` must hold floating-point"),
        (LABELS, PROB[:, :1], ValueError, "at least two classes"),
        (LABELS[:5], PROB, ValueError, r"`labels` must have shape \(6,\)"),
        (LABELS + 1, PROB, ValueError, "between 0 and 1, got 1 to 2"),
        (LABELS * 0, PROB, ValueError, r"at least once, got none of \[1\]"),
    ],
)
@pytest.mark.as_user
def test_errors_name_the_argument(labels: Tensor, prob: Tensor, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        label_noise(labels, prob)
