"""The rules of LibMTL's wheel of 2021, without the rest of it."""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn


def rules() -> Iterator[ModuleType]:
    """LibMTL's weightings. Its own start imports its trainers, and those torchvision: an empty package replaces it."""
    found = importlib.util.find_spec("LibMTL")
    if found is None:
        pytest.skip("LibMTL is not installed: `make setup` does so without its dependencies")
    package = ModuleType("LibMTL")
    package.__path__ = list(found.submodule_search_locations)
    sys.modules["LibMTL"] = package
    yield importlib.import_module("LibMTL.weighting")
    for name in [name for name in sys.modules if name.split(".")[0] == "LibMTL"]:
        del sys.modules[name]


def prepared(rule: type[nn.Module], places: Tensor) -> tuple[Any, nn.Parameter]:
    """A rule, and the one parameter of a model whose losses have these gradients."""
    shared = nn.Parameter(torch.zeros(places.shape[1], dtype=places.dtype))
    made: Any = rule()
    made.device, made.task_num, made.rep_grad = places.device, len(places), False
    made.get_share_params = lambda: [shared]
    made.zero_grad_share_params = lambda: shared.grad.zero_()
    made.init_param()
    return made, shared


def direction(rule: type[nn.Module], *looks: Tensor, **options: Any) -> Tensor:
    """The gradient that a rule leaves to the optimiser, at the last of its looks at gradients."""
    with float64():
        made, shared = prepared(rule, looks[0])
        for places in looks:
            made.backward(places @ shared + 1.0, **options)
    return shared.grad.clone()


@contextmanager
def float64() -> Iterator[None]:
    """LibMTL makes its tensors in the default type of torch."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
