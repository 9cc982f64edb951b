"""A wrong call is refused with the name of the loss and the cure, and leaves the weighter as it was."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.weighters.registry import WeighterInfo, each_weighter, of_gradients
from tests.weighters.samples import NAMES, Model, Run, batch, equal, snapshot

pytestmark = pytest.mark.as_user  # the hook would refuse first, in its own words

WRONG_NAMES = [
    ([], ValueError, "`names` must hold at least one name"),
    (["a", "a"], ValueError, r"`names` must hold .* none twice, got \('a', 'a'\)"),
    ("data", TypeError, "`names` must be a sequence of strings, one per loss, got 'data'"),
    ([1, 2], TypeError, "`names` must be a sequence of strings"),
]
WRONG_OPTIONS = [
    ({"sum_to": 0.0}, ValueError, "`sum_to` must be a positive number, 'tasks' or None, got 0.0"),
    ({"sum_to": float("nan")}, ValueError, "`sum_to` must be a positive number"),
    ({"sum_to": "K"}, ValueError, "`sum_to` must be a positive number, 'tasks' or None, got 'K'"),
    ({"period": 0}, ValueError, "`period` must be"),
    ({"period": 1.5}, TypeError, "`period` must be"),
    ({"history": -1}, ValueError, "`history` must be at least 0, got -1"),
    ({"history": 2.0}, TypeError, "`history` must be"),
]


@each_weighter()
def test_names(info: WeighterInfo) -> None:
    for names, error, message in WRONG_NAMES:
        with pytest.raises(error, match=message):
            info(names)


@each_weighter()
def test_options_of_all(info: WeighterInfo) -> None:
    for options, error, message in WRONG_OPTIONS:
        with pytest.raises(error, match=message):
            info(NAMES, **options)


def change(name: str, value: Any) -> Any:
    return lambda losses: losses | {name: value}


def without(name: str) -> Any:
    return lambda losses: {key: loss for key, loss in losses.items() if key != name}


WRONG_LOSSES = [
    (without("smooth"), KeyError, r"missing: \['smooth'\], unknown: \[\]"),
    (change("penalty", torch.tensor(1.0)), KeyError, r"missing: \[\], unknown: \['penalty'\]"),
    (change("smooth", torch.ones(4)), ValueError, r"`losses\['smooth'\]` must be a scalar, got shape \(4,\)"),
    (change("smooth", torch.ones(1)), ValueError, r"`losses\['smooth'\]` must be a scalar, got shape \(1,\)"),
    (change("data", torch.tensor(3)), TypeError, r"`losses\['data'\]` must be a floating point tensor, got dtype"),
    (change("data", 3.0), TypeError, r"`losses\['data'\]` must be a floating point tensor, got float"),
    (lambda losses: list(losses.values())[:2], ValueError, "one scalar per name, 3, got 2"),
    (lambda losses: torch.stack(list(losses.values())), TypeError, "mapping or a sequence of scalars, got a tensor"),
]


@each_weighter()
def test_losses(info: WeighterInfo) -> None:
    run = Run(info)
    losses, shared = run.losses(batch(0))
    before = snapshot(run.weighter)
    for training in (True, False):
        run.weighter.train(training)
        for wrong, error, message in WRONG_LOSSES:
            with pytest.raises(error, match=message):
                run.weighter(wrong(losses), shared=shared)
    assert equal(snapshot(run.weighter), before)


def frozen(model: Model, features: Tensor) -> Any:
    return model.trunk.requires_grad_(False)


WRONG_SHARED = [
    (lambda model, features: None, "`shared` must be given to this method"),
    (lambda model, features: features.detach(), "`shared` must hold a tensor that requires a gradient, got 1"),
    (frozen, "is the trunk frozen"),
    (lambda model, features: [], "`shared` must hold a tensor that requires a gradient, got 0"),
    (lambda model, features: [features, *model.trunk.parameters()], "features or parameters, got both"),
    (lambda model, features: model.heads["boundary"], r"`losses\['data'\]` must depend on `shared`"),
    (lambda model, features: features * 1, r"`losses\['data'\]` must depend on `shared`.* the very tensor"),
    (lambda model, features: nn.Linear(2, 2), r"`losses\['data'\]` must depend on `shared`"),
]


@each_weighter(of_gradients)
@pytest.mark.parametrize(("wrong", "message"), WRONG_SHARED, ids=[message for _, message in WRONG_SHARED])
def test_shared(info: WeighterInfo, wrong: Any, message: str) -> None:
    run = Run(info)
    losses, features = run.model(batch(0))
    before = snapshot(run.weighter)
    with pytest.raises(ValueError, match=message):
        run.weighter(losses, shared=wrong(run.model, features))
    assert equal(snapshot(run.weighter), before)


@each_weighter(of_gradients)
def test_a_loss_that_does_not_depend_on_what_is_shared(info: WeighterInfo) -> None:
    run = Run(info)
    losses, features = run.model(batch(0))
    for loss in (torch.tensor(1.0), run.model.heads["smooth"].weight.square().sum()):
        with pytest.raises(ValueError, match=r"`losses\['smooth'\]` must depend on `shared`"):
            run.weighter(losses | {"smooth": loss}, shared=features)


@each_weighter(lambda info: info.name == "GradNorm")
def test_a_model_compiled_whole_is_refused_with_features(info: WeighterInfo) -> None:
    """The features that such a model returns are not those inside it, so that every inner product would be 0."""
    run = Run(info)
    torch.compiler.reset()
    losses, features = torch.compile(run.model, backend="aot_eager")(batch(0))
    with pytest.raises(ValueError, match="if the whole model is compiled, pass its parameters"):
        run.weighter(losses, shared=features)
    run.weighter(losses, shared=run.model.trunk).backward()
    assert run.weighter.looks == 1
    torch.compiler.reset()
