"""No loss is forgotten, and few are excused."""

import importlib
from pathlib import Path

from companion import losses
from companion._twin import Twin
from tests.losses.registry import LOSSES, OWED

HELPERS = {"class_weights"}
OF_THEIR_OWN = {"mixup_loss", "MixupLoss", "ELRLoss"}  # in noisy_labels/test_mixup.py and test_elr.py

for path in sorted(Path(__file__).parent.glob("test_contract_*.py")):
    importlib.import_module(f"tests.losses.{path.stem}")


def test_every_public_loss_is_registered() -> None:
    public = {name for name in losses.__all__ if name.islower()}
    assert {info.name for info in LOSSES} == public - HELPERS - OF_THEIR_OWN


def test_every_public_module_is_registered() -> None:
    public = {name for name in losses.__all__ if not name.islower()}
    assert {info.twin.__name__ for info in LOSSES} == public - OF_THEIR_OWN
    for info in LOSSES:
        assert issubclass(info.twin, Twin)
        assert info.twin.function is info.function


def test_at_most_three_in_a_hundred_checks_are_excused_each_with_a_reason() -> None:
    excused = [(info.name, test, reason) for info in LOSSES for test, reason in info.excused.items()]
    for name, test, reason in excused:
        assert name in OWED[test], f"{name} does not owe {test}"
        assert len(reason.split()) >= 5
    assert len(excused) <= 0.03 * sum(len(names) for names in OWED.values())
