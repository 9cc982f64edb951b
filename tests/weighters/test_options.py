"""Options that all weighters check alike."""

import math

import pytest
import torch

from companion.weighters._options import check_total, per_loss, shares

NAMES = ("a", "b")


def test_one_number_per_loss() -> None:
    assert per_loss("base", None, NAMES).tolist() == [1, 1]
    assert per_loss("base", {"b": 3, "a": 2}, NAMES).tolist() == [2, 3]
    assert per_loss("base", [2, 3], NAMES).tolist() == [2, 3]
    given = torch.tensor([2.0, 3.0], requires_grad=True)
    found = per_loss("base", given, NAMES)
    assert not found.requires_grad
    assert found.data_ptr() != given.data_ptr()
    assert shares("base", [1, 3], NAMES).tolist() == [0.25, 0.75]


@pytest.mark.as_user
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": 1.0}, r"`base` must hold one number for each of \('a', 'b'\), got {'a': 1.0}"),
        ({"a": 1.0, "b": 1.0, "c": 1.0}, "`base` must hold one number for each"),
        ([1.0], r"`base` must hold 2 numbers, one per loss, got shape \(1,\)"),
        ([1.0, math.nan], "`base` must be positive and finite, got nan for 'b'"),
        ([math.inf, 1.0], "`base` must be positive and finite, got inf for 'a'"),
        ({"a": 1.0, "b": 0.0}, "`base` must be positive and finite, got 0.0 for 'b'"),
        ([-1.0, 1.0], "`base` must be positive and finite, got -1.0 for 'a'"),
    ],
)
def test_refuses(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        per_loss("base", value, NAMES)


def test_totals() -> None:
    assert check_total("tasks", 3) == 3.0
    assert check_total(2, 3) == 2.0
    assert check_total(None, 3) is None
