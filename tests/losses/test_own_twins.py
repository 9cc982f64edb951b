"""Losses with data of their own: the nn.Module is the function with its options remembered."""

import copy
import inspect
import pickle
import pydoc

import pytest
import torch
from torch import nn, tensor
from torch.testing import assert_close

from companion import losses
from companion._twin import PER_CALL
from tests.losses.info import Options, OwnInfo
from tests.losses.own_registry import each_own, has_twin, reduces
from tests.losses.own_samples import calls, example, names


def make(info: OwnInfo, options: Options = {}) -> nn.Module:  # noqa: B006
    return info.twin(**{**info.needs, **options})


@each_own(has_twin)
def test_module_returns_what_the_function_returns(info: OwnInfo) -> None:
    for call in calls(info):
        assert_close(make(info, call.options)(*call.data), call(), rtol=0, atol=0)


@each_own(has_twin)
def test_repr_makes_it_again(info: OwnInfo) -> None:
    known = {**vars(losses), "tensor": tensor, "torch": torch}
    for options in info.sweep:
        twin = make(info, options)
        again = eval(repr(twin), known)
        assert repr(again) == repr(twin)
    if not info.needs:
        assert repr(info.twin()) == f"{info.twin.__name__}()"


@each_own(has_twin)
def test_survives_pickle_and_deepcopy(info: OwnInfo) -> None:
    for options in info.sweep:
        twin = make(info, options)
        for again in (pickle.loads(pickle.dumps(twin)), copy.deepcopy(twin)):
            assert repr(again) == repr(twin)
            assert_close(again(*example(info)), twin(*example(info)), rtol=0, atol=0)


@each_own(has_twin)
def test_tensors_among_the_options_are_buffers(info: OwnInfo) -> None:
    for options in info.sweep:
        given = {**info.needs, **options}
        tensors = {name for name, value in given.items() if isinstance(value, torch.Tensor)}
        twin = make(info, options)
        assert twin.state_dict().keys() == tensors
        assert not list(twin.parameters())


@each_own(lambda info: has_twin(info) and bool(info.learned))
def test_parameters_among_the_options_are_learned(info: OwnInfo) -> None:
    for name, value in info.learned.items():
        learned = nn.Parameter(torch.as_tensor(value, dtype=torch.float64).clone())
        twin = make(info, {name: learned})
        assert list(twin.parameters()) == [learned]
        twin(*example(info)).backward()
        assert learned.grad.isfinite().all()
        assert (learned.grad != 0).any()


@each_own(has_twin)
def test_help_shows_the_function(info: OwnInfo) -> None:
    whole = inspect.signature(info.function).parameters
    data = {*names(info), *PER_CALL} & whole.keys()
    shown = inspect.signature(info.twin).parameters
    assert list(shown) == [name for name in whole if name not in data]
    assert set(inspect.signature(make(info).forward).parameters) == data
    assert info.twin.__doc__ == info.function.__doc__
    text = pydoc.plain(pydoc.render_doc(info.twin))
    assert info.function.__doc__.strip().split("\n")[0] in text


@each_own(has_twin)
def test_unknown_options_are_refused(info: OwnInfo) -> None:
    with pytest.raises(TypeError, match=r"'gama'.*Its options: "):
        info.twin(**info.needs, gama=2.0)


@each_own(lambda info: has_twin(info) and reduces(info))
def test_wrong_options_are_refused_at_once(info: OwnInfo) -> None:
    with pytest.raises(ValueError, match="`reduction` must be one of 'none', 'mean', 'sum', got 'avg'"):
        info.twin(**info.needs, reduction="avg")
