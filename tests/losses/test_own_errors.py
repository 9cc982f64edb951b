"""Losses with data of their own: every argument that is wrong is named, with what it must be and what was found."""

import inspect
import math
from typing import Any

import pytest
import torch

from tests.losses.info import OwnInfo
from tests.losses.own_registry import each_own, reduces
from tests.losses.own_samples import example, names

pytestmark = pytest.mark.as_user  # the hook of jaxtyping would complain first


def replaced(data: tuple[Any, ...], at: int, by: Any) -> list[Any]:
    return [by if i == at else value for i, value in enumerate(data)]


@each_own()
def test_data_must_be_tensors(info: OwnInfo) -> None:
    data = example(info)
    for i, name in enumerate(names(info)):
        with pytest.raises(TypeError, match=rf"`{name}` must be a tensor, got list"):
            info(*replaced(data, i, data[i].tolist()))


@each_own()
def test_data_must_have_the_right_type(info: OwnInfo) -> None:
    """Floats stay real floats where a gradient is wanted; indices and marks are no floats."""
    data = example(info)
    for i, name in enumerate(names(info)):
        if i in info.slopes:
            for wrong in (data[i].long(), data[i] + 0j):
                with pytest.raises(TypeError, match=rf"`{name}` must be .*got dtype {wrong.dtype}"):
                    info(*replaced(data, i, wrong))
        elif not data[i].is_floating_point():
            with pytest.raises(TypeError, match=rf"`{name}` must .*got dtype torch.complex64"):
                info(*replaced(data, i, data[i] + 0j))


@each_own()
def test_data_must_have_the_right_number_of_axes(info: OwnInfo) -> None:
    """One argument with an axis too many, the others as they were."""
    data = example(info)
    for i in range(len(data)):
        with pytest.raises(ValueError, match=r"`\w+` must .*got "):
            info(*replaced(data, i, data[i].unsqueeze(0).unsqueeze(0)))


@each_own(lambda info: len(names(info)) > 1)
def test_rows_must_line_up(info: OwnInfo) -> None:
    """Never broadcast: a single row in one argument beside several in the others is a mistake."""
    several, one = example(info), example(info, rows=1)
    for i, (right, wrong) in enumerate(zip(several, one, strict=True)):
        if right.shape != wrong.shape:
            with pytest.raises(ValueError, match=r"`\w+` must .*got ") as error:
                info(*replaced(several, i, wrong))
            assert "tensor(" not in str(error.value)


@each_own(reduces)
@pytest.mark.parametrize("value", ["avg", "", None, True, ["mean"]], ids=repr)
def test_reduction_is_one_of_three(info: OwnInfo, value: Any) -> None:
    with pytest.raises(ValueError, match="`reduction` must be one of 'none', 'mean', 'sum', got "):
        info(*example(info), reduction=value)


@each_own(lambda info: info.takes("sample_weight"))
def test_sample_weight_lines_up(info: OwnInfo) -> None:
    data = example(info)
    rows = len(info(*data, reduction="none"))
    for wrong in (torch.ones(rows + 1), torch.ones(rows, 1, 1, 1, 1, 1)):
        with pytest.raises(ValueError, match=r"`sample_weight` must have shape .*, got \("):
            info(*data, sample_weight=wrong)
    with pytest.raises(TypeError, match="`sample_weight` must be a tensor, got list"):
        info(*data, sample_weight=[1.0] * rows)


def numbers(info: OwnInfo) -> list[str]:
    """The options whose default is a number."""
    parameters = inspect.signature(info.function).parameters.values()
    return [p.name for p in parameters if isinstance(p.default, int | float) and not isinstance(p.default, bool)]


@each_own(lambda info: bool(numbers(info)))
def test_numbers_are_numbers_in_range(info: OwnInfo) -> None:
    data = example(info)
    for name in numbers(info):
        for wrong in (math.nan, "2", True):
            with pytest.raises((TypeError, ValueError), match=rf"`{name}` must be .*, got"):
                info(*data, **{name: wrong})


def switches(info: OwnInfo) -> list[str]:
    parameters = inspect.signature(info.function).parameters.values()
    return [p.name for p in parameters if isinstance(p.default, bool)]


@each_own(lambda info: bool(switches(info)))
def test_switches_are_on_or_off(info: OwnInfo) -> None:
    for name in switches(info):
        with pytest.raises(TypeError, match=rf"`{name}` must be True or False, got "):
            info(*example(info), **{name: 1})
