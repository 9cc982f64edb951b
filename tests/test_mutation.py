"""A sign flipped, a factor dropped, two options swapped: the contract must notice each."""

import dataclasses
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from tests.losses import own_mutants_pairs, own_mutants_terms
from tests.losses.mutants import OF_A_LOSS, OF_THE_PLUMBING, WITH_OWN_CONTRACT, Mutant
from tests.losses.own_mutants_regions import REGIONS
from tests.losses.own_mutants_regression import REGRESSION
from tests.losses.own_mutants_structured import STRUCTURED
from tests.losses.own_registry import OWN, OwnInfo
from tests.losses.registry import LOSSES, LossInfo
from tests.losses.samples import expected, random_cases
from tests.losses.test_own_values import test_value_is_that_of_the_equation

pytestmark = [
    pytest.mark.as_user,  # a mutant is imported without the hook of jaxtyping
    pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning"),
]

BY_NAME = {info.name: info for info in LOSSES}
OWN_BY_NAME = {info.name: info for info in OWN}
OF_OWN = [*REGRESSION, *REGIONS, *STRUCTURED, *own_mutants_pairs.PAIRS, *own_mutants_terms.TERMS]
BY_A_TEST_OF_ITS_OWN = [*own_mutants_pairs.BY_A_TEST_OF_ITS_OWN, *own_mutants_terms.BY_A_TEST_OF_ITS_OWN]


@contextmanager
def mutated(mutant: Mutant) -> Iterator[ModuleType]:
    """``companion.losses``, imported anew with one text of one module changed."""
    whole = f"companion.{mutant.module}"
    source = Path(importlib.util.find_spec(whole).origin).read_text()
    assert mutant.old in source, f"{whole} no longer says {mutant.old!r}"

    class Finder:
        @staticmethod
        def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
            return importlib.util.spec_from_loader(name, Finder) if name == whole else None

        @staticmethod
        def create_module(spec: ModuleSpec) -> None:
            return None

        @staticmethod
        def exec_module(module: ModuleType) -> None:
            exec(compile(source.replace(mutant.old, mutant.new), f"mutant of {whole}", "exec"), vars(module))

    healthy = {name: m for name, m in sys.modules.items() if name.split(".")[0] == "companion"}
    for name in healthy:
        del sys.modules[name]
    sys.meta_path.insert(0, Finder)
    try:
        yield importlib.import_module("companion.losses")
    finally:
        sys.meta_path.remove(Finder)
        for name in [name for name in sys.modules if name.split(".")[0] == "companion"]:
            del sys.modules[name]
        sys.modules.update(healthy)


def check_values(info: LossInfo, function: Callable[..., torch.Tensor]) -> None:
    """As test_contract_values, on the sums and with the references it has computed already."""
    for case in random_cases(info):
        found = function(case.input, case.target, **{**info.needs(3), **case.options}, reduction="none")
        assert_close(found.flatten(), expected(case)[0])


def check_own_values(info: OwnInfo, function: Callable[..., torch.Tensor]) -> None:
    test_value_is_that_of_the_equation(dataclasses.replace(info, function=function))


def title(mutant: Mutant) -> str:
    return f"{mutant.loss}: {mutant.old.strip()[:30]}"


@pytest.mark.parametrize("mutant", OF_A_LOSS, ids=title)
def test_a_wrong_loss_is_noticed(mutant: Mutant) -> None:
    with mutated(mutant) as losses, pytest.raises(AssertionError):
        check_values(BY_NAME[mutant.loss], getattr(losses, mutant.loss))


@pytest.mark.parametrize("mutant", OF_OWN, ids=title)
def test_a_wrong_loss_with_data_of_its_own_is_noticed(mutant: Mutant) -> None:
    with mutated(mutant) as losses, pytest.raises(AssertionError):
        check_own_values(OWN_BY_NAME[mutant.loss], getattr(losses, mutant.loss))


@pytest.mark.parametrize("mutant", OF_THE_PLUMBING, ids=title)
def test_wrong_plumbing_is_noticed(mutant: Mutant) -> None:
    first = {mark.args[0]: mark.args[1][0] for mark in mutant.test.pytestmark if mark.args[0] != "info"}
    with mutated(mutant) as losses:
        info = dataclasses.replace(BY_NAME[mutant.loss], function=getattr(losses, mutant.loss))
        with pytest.raises((AssertionError, RuntimeError)):  # gradcheck raises the latter
            mutant.test(info, **first)


@pytest.mark.parametrize("mutant", [*WITH_OWN_CONTRACT, *BY_A_TEST_OF_ITS_OWN], ids=title)
def test_a_wrong_loss_with_its_own_contract_is_noticed(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant.test()
    with mutated(mutant) as losses:
        monkeypatch.setitem(mutant.test.__globals__, mutant.loss, getattr(losses, mutant.loss))
        with pytest.raises(AssertionError):
            mutant.test()


@pytest.mark.parametrize("loss", [*BY_NAME, *OWN_BY_NAME])
def test_every_loss_has_two_mutants(loss: str) -> None:
    assert sum(mutant.loss == loss for mutant in [*OF_A_LOSS, *OF_OWN]) >= 2


def test_the_healthy_package_passes() -> None:
    with mutated(Mutant("focal_loss", "losses.imbalance.focal", "-torch.exp", "- torch.exp")) as losses:
        check_values(BY_NAME["focal_loss"], losses.focal_loss)
    for mutant in OF_THE_PLUMBING:
        assert "info" in [mark.args[0] for mark in mutant.test.pytestmark]
