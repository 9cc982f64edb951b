"""Masks, weights and means, on numbers small enough to add in the head."""

import pytest
import torch
from torch.testing import assert_close

from companion._reduce import on_classes, reduce, reduce_classes, reduce_elements

LOSS = torch.tensor([1.0, 2.0, 6.0])
VALID = torch.tensor([True, False, True])


def test_without_mask_or_weight() -> None:
    assert_close(reduce(LOSS, "none"), LOSS)
    assert reduce(LOSS, "sum") == 9
    assert reduce(LOSS, "mean") == 3


def test_mask() -> None:
    assert_close(reduce(LOSS, "none", valid=VALID), torch.tensor([1.0, 0.0, 6.0]))
    assert reduce(LOSS, "sum", valid=VALID) == 7
    assert reduce(LOSS, "mean", valid=VALID) == 3.5


def test_a_mask_hides_infinity() -> None:
    loss = torch.tensor([1.0, torch.inf, 6.0])
    assert reduce(loss, "mean", valid=VALID) == 3.5


def test_weight_divides() -> None:
    weight = torch.tensor([1.0, 5.0, 3.0])  # the loss carries it already
    assert reduce(LOSS, "mean", weight=weight) == 1  # 9 / 9
    assert reduce(LOSS, "mean", weight=weight, valid=VALID) == 1.75  # 7 / 4


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_nothing_valid_is_zero(reduction: str) -> None:
    none = torch.zeros(3, dtype=torch.bool)
    assert reduce(LOSS, reduction, valid=none) == 0
    assert reduce(LOSS, reduction, weight=torch.ones(3), valid=none) == 0
    assert reduce(torch.zeros(0), reduction) == 0


def test_classes_by_index_and_by_probability() -> None:
    """A loss that is 1 for class 0 and 10 for class 1, whatever the logits."""
    input, price = torch.zeros(2, 2), torch.tensor([1.0, 10.0])

    def of(target: torch.Tensor, **options: object) -> torch.Tensor:
        return reduce_classes(lambda t: price[t], lambda y: price.expand(2, 2), input, target, **options)

    index, mixed = torch.tensor([0, 1]), torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    assert_close(of(index, reduction="none"), torch.tensor([1.0, 10.0]))
    assert_close(of(mixed, reduction="none"), torch.tensor([1.0, 5.5]))
    weight, alpha = torch.tensor([1.0, 3.0]), torch.tensor([2.0, 1.0])
    assert_close(of(index, weight=weight), torch.tensor((1 + 30) / 4))
    assert_close(of(index, alpha=alpha), torch.tensor((2 + 10) / 2))
    assert_close(of(index, weight=weight, alpha=alpha), torch.tensor((2 + 30) / 4))
    assert_close(of(mixed, weight=weight), torch.tensor((1 + 0.5 * 1 + 0.5 * 30) / 2))
    assert_close(of(index, sample_weight=torch.tensor([3.0, 1.0])), torch.tensor((3 + 10) / 4))
    assert_close(of(index, label_smoothing=0.5, reduction="none"), torch.tensor([3.25, 7.75]))  # 3/4 and 1/4


def test_ignored_indices_never_reach_the_loss() -> None:
    seen = []
    target = torch.tensor([1, -100, 7])
    reduce_classes(
        lambda t: seen.append(t) or t.float(), lambda y: y, torch.zeros(3, 2), target, ignore_index=7, reduction="none"
    )
    assert seen[0].tolist() == [1, -100, 0]


def test_elements() -> None:
    loss = torch.tensor([[1.0, 10.0], [2.0, 20.0]])
    valid = torch.tensor([[True, True], [False, True]])
    options = {"weight": torch.tensor([1.0, 3.0]), "sample_weight": torch.tensor([1.0, 2.0]), "valid": valid}
    # Weights 1, 3 and (ignored), 6: (1 + 30 + 120) / 10
    assert_close(reduce_elements(loss, reduction="mean", **options), torch.tensor(15.1))
    assert_close(reduce_elements(loss, reduction="none", **options), torch.tensor([[1.0, 30.0], [0.0, 120.0]]))


def test_per_class_beside_pixels() -> None:
    assert on_classes(torch.ones(3), torch.zeros(2, 3)).shape == (3,)
    assert on_classes(torch.ones(3), torch.zeros(2, 3, 4, 5)).shape == (3, 1, 1)
