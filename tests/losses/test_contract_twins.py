"""The nn.Module of a loss is the function with its options remembered."""

import copy
import inspect
import io
import math
import pickle
import pydoc

import pytest
import torch
from torch import Tensor, nn, tensor
from torch.testing import assert_close

from companion import losses
from tests.losses.registry import LossInfo, Options, each_loss, takes
from tests.losses.samples import example, random_cases


def make(info: LossInfo, options: Options = {}) -> nn.Module:  # noqa: B006
    return info.twin(**info.needs(3), **options)


@each_loss()
def test_value_is_that_of_the_function(info: LossInfo) -> None:
    for case in random_cases(info):
        for reduction in ("mean", "sum", "none"):
            twin = make(info, {**case.options, "reduction": reduction})
            assert_close(twin(case.input, case.target), case(reduction=reduction), rtol=0, atol=0)


@each_loss(takes("sample_weight"))
def test_sample_weight_is_given_with_the_data(info: LossInfo) -> None:
    input, target = example(info)
    w = torch.tensor([1.0, 0.0, 2.0, 0.5])
    assert_close(make(info)(input, target, sample_weight=w), info(input, target, sample_weight=w))
    with pytest.raises(TypeError, match=r"sample_weight.*Its options: "):
        info.twin(**info.needs(3), sample_weight=w)


@each_loss()
def test_repr_is_the_call_that_makes_it(info: LossInfo) -> None:
    for options in info.sweep:
        twin = make(info, options)
        names = {**vars(losses), "tensor": tensor, "torch": torch}
        again = eval(repr(twin), names)
        assert repr(again) == repr(twin)
        assert_close(again(*example(info)), twin(*example(info)))
    if not info.needs(3):
        assert repr(info.twin()) == f"{info.twin.__name__}()"


@each_loss()
def test_survives_pickle_deepcopy_and_saving(info: LossInfo) -> None:
    for options in info.sweep:
        twin = make(info, options)
        file = io.BytesIO()
        torch.save(twin, file)
        file.seek(0)
        saved = torch.load(file, weights_only=False)
        for again in (pickle.loads(pickle.dumps(twin)), copy.deepcopy(twin), saved):
            assert repr(again) == repr(twin)
            assert_close(again(*example(info)), twin(*example(info)), rtol=0, atol=0)


@each_loss()
def test_tensors_are_buffers(info: LossInfo) -> None:
    given = {**info.needs(3)}
    if info.takes("weight"):
        given["weight"] = torch.tensor([1.0, 2.0, 3.0])
    twin = info.twin(**given)
    assert dict(twin.named_buffers()).keys() == given.keys()
    assert twin.state_dict().keys() == given.keys()
    assert not list(twin.parameters())
    double = copy.deepcopy(twin).double()
    for name, value in given.items():
        if value.is_floating_point():
            assert getattr(double, name).dtype == torch.float64
    meta = twin.to("meta")
    assert all(buffer.device.type == "meta" for buffer in meta.buffers())


@each_loss(lambda info: any(info.takes(option) for option in ("weight", "counts")))
def test_state_dict_carries_the_weights_over(info: LossInfo) -> None:
    name = "weight" if info.takes("weight") else "counts"
    one, other = (info.twin(**{**info.needs(3), name: torch.tensor(v)}) for v in ([1.0, 2.0, 3.0], [3.0, 1.0, 1.0]))
    other.load_state_dict(one.state_dict())
    assert_close(other(*example(info)), one(*example(info)), rtol=0, atol=0)


@each_loss(lambda info: any(info.takes(option) for option in ("gamma", "epsilon", "tau")) or info.takes("alpha"))
def test_parameters_are_learned(info: LossInfo) -> None:
    name = next(option for option in ("gamma", "epsilon", "tau", "alpha") if info.takes(option))
    learned = nn.Parameter(torch.tensor(0.5))
    twin = make(info, {name: learned})
    assert list(twin.parameters()) == [learned]
    twin(*example(info, dtype=torch.float32)).backward()
    assert learned.grad.isfinite()
    assert learned.grad != 0


@each_loss()
def test_signature_and_help_are_those_of_the_function(info: LossInfo) -> None:
    whole = inspect.signature(info.function).parameters
    data = {"input", "target", "other", "sample_weight"} & whole.keys()
    shown = inspect.signature(info.twin).parameters
    assert list(shown) == [name for name in whole if name not in data]
    assert all(shown[name] == whole[name] for name in shown)
    assert set(inspect.signature(make(info).forward).parameters) == data
    assert info.twin.__doc__ == info.function.__doc__
    text = pydoc.plain(pydoc.render_doc(info.twin))
    assert f"{info.twin.__name__}(*, {next(iter(shown))}: " in text
    assert info.function.__doc__.strip().split("\n")[0] in text


@each_loss()
def test_options_are_given_by_keyword(info: LossInfo) -> None:
    with pytest.raises(TypeError, match=rf"{info.twin.__name__} takes its options by keyword \(.*reduction\), got 1"):
        info.twin(2.0, **info.needs(3))
    with pytest.raises(TypeError, match=r"'gama'.*Its options: .*reduction"):
        info.twin(**info.needs(3), gama=2.0)


@each_loss(lambda info: bool(info.needs(3)))
def test_a_missing_option_is_named(info: LossInfo) -> None:
    (name,) = info.needs(3)
    with pytest.raises(TypeError, match=f"missing a required argument: '{name}'"):
        info.twin()


@each_loss()
def test_a_wrong_option_is_refused_when_the_module_is_made(info: LossInfo) -> None:
    with pytest.raises(ValueError, match="`reduction` must be one of 'none', 'mean', 'sum', got 'avg'"):
        info.twin(**info.needs(3), reduction="avg")
    for name in ("gamma", "alpha", "beta", "tau", "smooth", "scale", "max_margin"):
        if info.takes(name):
            with pytest.raises(ValueError, match=f"`{name}` must be .*, got nan"):
                info.twin(**info.needs(3), **{name: math.nan})


@each_loss()
def test_a_subclass_may_add_to_it(info: LossInfo) -> None:
    class Twice(info.twin):
        def forward(self, input: Tensor, target: Tensor) -> Tensor:
            return 2 * super().forward(input, target)

    input, target = example(info)
    assert_close(Twice(**info.needs(3))(input, target), 2 * info(input, target))
    assert repr(Twice(**info.needs(3), reduction="sum")).startswith("Twice(")


@each_loss()
def test_options_live_in_attributes(info: LossInfo) -> None:
    twin = make(info, {"reduction": "none"})
    assert twin.reduction == "none"
    twin.reduction = "sum"
    assert twin(*example(info)).dim() == 0
