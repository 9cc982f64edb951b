"""Twin on a loss of its own: options, buffers and parameters, names and messages."""

import inspect
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from companion import _checks, _options
from companion._twin import Twin


def scaled_loss(input: Tensor, target: Tensor, *, scale: float, weight: Tensor | None = None) -> Tensor:
    """The difference, scaled.

    Args:
        input: Here.
        target: There.
        scale: How much.
        weight: Of each.
    """
    loss = scale * (input - target)
    return loss if weight is None else weight * loss


class ScaledLoss(Twin, of=scaled_loss): ...


class Renamed(ScaledLoss):
    """A subclass of a twin."""


ONE, TWO = torch.tensor([3.0, 5.0]), torch.tensor([1.0, 1.0])


def test_calls_the_function_with_the_options() -> None:
    assert_close(ScaledLoss(scale=2.0)(ONE, TWO), torch.tensor([4.0, 8.0]))
    assert_close(ScaledLoss(scale=2.0, weight=TWO)(input=ONE, target=TWO), torch.tensor([4.0, 8.0]))


def test_tensors_are_buffers_and_parameters_are_parameters() -> None:
    module = ScaledLoss(scale=2.0, weight=ONE)
    assert list(module.state_dict()) == ["weight"]
    learned = nn.Parameter(ONE)
    assert list(ScaledLoss(scale=2.0, weight=learned).parameters()) == [learned]
    assert not list(ScaledLoss(scale=2.0).state_dict())


def test_shows_the_function() -> None:
    assert list(inspect.signature(ScaledLoss).parameters) == ["scale", "weight"]
    assert list(inspect.signature(ScaledLoss(scale=1.0).forward).parameters) == ["input", "target"]
    assert ScaledLoss.__doc__ == scaled_loss.__doc__
    assert ScaledLoss.forward.__qualname__ == "ScaledLoss.forward"
    assert ScaledLoss.forward.__module__ == __name__


def test_repr_shows_what_was_given() -> None:
    assert repr(ScaledLoss(scale=2.0)) == "ScaledLoss(scale=2.0)"
    assert repr(ScaledLoss(weight=None, scale=2.0)) == "ScaledLoss(weight=None, scale=2.0)"
    assert repr(nn.Sequential(ScaledLoss(scale=2.0))) == "Sequential(\n  (0): ScaledLoss(scale=2.0)\n)"


def test_a_subclass_keeps_options_and_takes_its_own_name() -> None:
    module = Renamed(scale=2.0)
    assert repr(module) == "Renamed(scale=2.0)"
    assert_close(module(ONE, TWO), torch.tensor([4.0, 8.0]))
    assert repr(pickle.loads(pickle.dumps(module))) == repr(module)


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        ((2.0,), {}, r"ScaledLoss takes its options by keyword \(scale, weight\), got 1 positional."),
        ((), {}, r"ScaledLoss: missing a required argument: 'scale'. Its options: scale, weight."),
        ((), {"scale": 1.0, "wieght": TWO}, r"unexpected keyword argument 'wieght'. Its options: scale, weight."),
        ((), {"scale": "big"}, r"`scale` must be a number, got str."),
        ((), {"scale": 1.0, "weight": [1.0]}, r"`weight` must be a tensor, got list."),
    ],
)
def test_refuses_wrong_options(args: tuple[float, ...], options: dict[str, object], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        ScaledLoss(*args, **options)


def test_checks_by_the_rules_of_its_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_options.RULES, "scaled_loss.scale", _checks.between(0.0, 1.0))
    with pytest.raises(ValueError, match=r"`scale` must be between 0\.0 and 1\.0, got 2\.0"):
        ScaledLoss(scale=2.0)
