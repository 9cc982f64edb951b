"""The rules behind the errors: one per option, for functions and Modules alike."""

import inspect
import math

import pytest
import torch

from companion import losses
from companion._checks import (
    above,
    above_up_to,
    at_least,
    below,
    between,
    check_sample_weight,
    finite,
    from_up_to,
    inside,
)
from companion._options import RULES, check_options
from companion._twin import PER_CALL

FUNCTIONS = [getattr(losses, name) for name in losses.__all__ if name.islower()]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_every_option_has_a_rule_that_takes_its_default(function: object) -> None:
    options = [p for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for option in options:
        if option.name not in PER_CALL:
            assert f"{function.__name__}.{option.name}" in RULES or option.name in RULES
            if option.default is not option.empty:
                check_options(function.__name__, **{option.name: option.default})


def test_every_rule_is_of_use() -> None:
    public = [getattr(losses, name) for name in losses.__all__]
    used = {(thing.__name__, name) for thing in public for name in inspect.signature(thing).parameters}
    for rule in RULES:
        function, _, option = rule.rpartition(".")
        assert (function, option) in used if function else option in {name for _, name in used}


@pytest.mark.parametrize(
    ("rule", "taken", "refused"),
    [
        (at_least(0.0), (0, 0.0, 1e9), (-1e-9, math.inf, math.nan)),
        (above(0.0), (1e-9, 3), (0.0, -1.0, math.inf, math.nan)),
        (between(0.0, 1.0), (0, 0.5, 1.0), (-0.1, 1.1, math.nan)),
        (from_up_to(0.0, 1.0), (0.0, 0.999), (1.0, -0.1, math.nan)),
        (above_up_to(0.0, 1.0), (1e-9, 1), (0.0, 1.1, math.nan)),
        (inside(0.0, 1.0), (1e-9, 0.999), (0.0, 1.0, math.nan)),
        (below(0.0), (-1e-9, -4), (0.0, 1.0, -math.inf, math.nan)),
        (finite, (-5.0, 0, 1e300), (math.inf, -math.inf, math.nan)),
    ],
)
def test_ranges(rule: object, taken: tuple[float, ...], refused: tuple[float, ...]) -> None:
    for value in taken:
        rule("x", value)
    for value in refused:
        with pytest.raises(ValueError, match=f"`x` must be .*, got {value}"):
            rule("x", value)


def test_learned_numbers_are_not_read() -> None:
    """A value on a GPU is never looked at, so a negative tensor passes."""
    at_least(0.0, learned=True)("x", torch.tensor(-1.0))
    at_least(0.0, learned=True)("x", torch.tensor(1.0, device="meta"))
    with pytest.raises(TypeError, match="`x` must be a number, got Tensor"):
        at_least(0.0)("x", torch.tensor(1.0))


@pytest.mark.parametrize("shape", [(), (2,), (1,), (2, 1), (2, 4), (1, 4), (2, 4, 5), (2, 1, 5)], ids=str)
def test_sample_weight_may_have_the_leading_axes(shape: tuple[int, ...]) -> None:
    check_sample_weight(torch.ones(shape), (2, 4, 5))


@pytest.mark.parametrize("shape", [(4,), (5,), (4, 5), (2, 5), (2, 4, 5, 1)], ids=str)
def test_sample_weight_of_other_axes_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`sample_weight` must have shape \(2, 4, 5\)"):
        check_sample_weight(torch.ones(shape), (2, 4, 5))
