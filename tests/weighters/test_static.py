"""Fixed weights are applied as they were given."""

from typing import Any

import pytest
import torch

from companion.weighters.static import Static


def scalars(*values: float) -> list[torch.Tensor]:
    return [torch.tensor(value) for value in values]


def test_weights_are_those_given() -> None:
    weighter = Static(["a", "b"], [1.0, 0.1])
    assert weighter(scalars(2.0, 5.0)) == 2.5  # 1 x 2 + 0.1 x 5
    assert weighter.weights.tolist() == pytest.approx([1.0, 0.1])


def test_weights_pair_with_names() -> None:
    weighter = Static(["a", "b"], {"b": 0.1, "a": 1.0})
    assert weighter({"b": torch.tensor(5.0), "a": torch.tensor(2.0)}) == 2.5


def test_default_is_the_plain_sum() -> None:
    assert Static(["a", "b", "c"])(scalars(1.0, 2.0, 4.0)) == 7.0


def test_sum_to_scales_them_before_the_first_step_too() -> None:
    weighter = Static(["a", "b"], [3.0, 1.0], sum_to="tasks")
    assert weighter.weights.tolist() == [1.5, 0.5]
    weighter(scalars(1.0, 1.0))
    assert weighter.weights.tolist() == [1.5, 0.5]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0], r"`values` must hold 2 numbers, one per loss, got shape \(1,\)"),
        ([1.0, 0.0], "`values` must be positive and finite, got 0.0 for 'b'"),
        ([1.0, float("inf")], "`values` must be positive and finite, got inf for 'b'"),
        ({"a": 1.0, "c": 1.0}, r"`values` must hold one number for each of \('a', 'b'\)"),
    ],
)
def test_values_that_do_not_fit(values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Static(["a", "b"], values)
