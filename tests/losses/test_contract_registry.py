"""No loss is forgotten, and few are excused."""

import importlib
from pathlib import Path

import pytest

from companion import losses
from companion._twin import Twin
from tests.each import Each
from tests.losses.own_registry import OWN, each_own
from tests.losses.registry import LOSSES, each_loss

HELPERS = {"class_weights", "crf_decode", "ctc_feasible"}
OF_THEIR_OWN = {  # tested by contracts of their own, in the files named after them
    "AdaptiveBarronLoss",
    "ELRLoss",
    "MixupLoss",
    "elastic_net_penalty",
    "gaussian_kl",
    "gradient_penalty",
    "l1_penalty",
    "l2_penalty",
    "mixup_loss",
    "proximal_l1_",
}

for path in sorted([*Path(__file__).parent.glob("test_contract_*.py"), *Path(__file__).parent.glob("test_own_*.py")]):
    importlib.import_module(f"tests.losses.{path.stem}")


def test_every_public_loss_is_registered() -> None:
    public = {name for name in losses.__all__ if name.islower()}
    assert {info.name for info in [*LOSSES, *OWN]} == public - HELPERS - OF_THEIR_OWN


def test_every_public_module_is_registered() -> None:
    public = {name for name in losses.__all__ if not name.islower()}
    infos = [*LOSSES, *(info for info in OWN if info.twin)]
    assert {info.twin.__name__ for info in infos} == public - OF_THEIR_OWN
    for info in infos:
        assert issubclass(info.twin, Twin)
        assert info.twin.function is info.function


@pytest.mark.parametrize("each", [each_loss, each_own], ids=["classes and regions", "own data"])
def test_at_most_three_in_a_hundred_checks_are_excused_each_with_a_reason(each: Each) -> None:
    excused = [(info.name, test, reason) for info in each.members for test, reason in info.excused.items()]
    for name, test, reason in excused:
        assert name in each.owed[test], f"{name} does not owe {test}"
        assert len(reason.split()) >= 5
    assert len(excused) <= 0.03 * sum(len(names) for names in each.owed.values())
