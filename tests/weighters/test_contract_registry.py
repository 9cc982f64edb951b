"""No weighter is forgotten, and few are excused."""

import importlib
import inspect
from pathlib import Path

from companion import weighters
from tests.weighters.registry import WEIGHTERS, each_weighter

for path in sorted(Path(__file__).parent.glob("test_contract_*.py")):
    importlib.import_module(f"tests.weighters.{path.stem}")


def test_every_public_weighter_is_registered_once() -> None:
    public = [name for name, value in vars(weighters).items() if inspect.isclass(value)]
    public = sorted({*public} - {"History", "Weighter"})
    assert sorted(info.name for info in WEIGHTERS) == public


def test_at_most_three_in_a_hundred_checks_are_excused_each_with_a_reason() -> None:
    excused = [(info.name, test, reason) for info in WEIGHTERS for test, reason in info.excused.items()]
    for name, test, reason in excused:
        assert name in each_weighter.owed[test], f"{name} does not owe {test}"
        assert len(reason.split()) >= 5
    assert len(excused) <= 0.03 * sum(len(names) for names in each_weighter.owed.values())
