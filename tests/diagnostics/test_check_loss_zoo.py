"""`check_loss` on the zoo: every fault is found by its name, and nothing is found where there is none."""

import re
import sys
from collections import Counter
from typing import Any

import pytest

from companion.diagnostics import Report, check_loss
from companion.diagnostics.check_loss import CALLS, RULES
from tests.diagnostics.zoo import SICK
from tests.diagnostics.zoo_data import Example, Loss, Sick
from tests.diagnostics.zoo_healthy import HEALTHY

examiner = sys.modules[check_loss.__module__]
pytestmark = pytest.mark.as_user  # a reader's loss is not hooked

NAMES = {
    "gradient-wrong",
    "detached",
    "broadcast",
    "non-finite",
    "saturation",
    "discontinuity",
    "reduction",
    "not-lowest-at-truth",
    "mutates-input",
    "half-precision",
    "graph-break",
    "host-sync",
    "memory-growth",
    "batch-coupling",
}


def examine(loss: Loss, example: Example) -> Report:
    return check_loss(loss, example.input, example.target, truth=example.truth, by_design=example.by_design)


def title(value: Any) -> str:
    return getattr(value, "name", None) or getattr(value, "__name__", "") or type(value).__name__


@pytest.mark.parametrize("row", SICK, ids=title)
def test_a_fault_is_found(row: Sick) -> None:
    report = examine(row.loss, row.example)
    assert set(row.finds) <= set(report.names), report
    for found in report.findings:
        assert found.what
        assert found.where
        assert found.cure


@pytest.mark.parametrize(("loss", "example"), HEALTHY, ids=title)
def test_nothing_is_found_where_nothing_is_wrong(loss: Loss, example: Example) -> None:
    report = examine(loss, example)
    assert report.ok, report


def siblings() -> list[tuple[Loss, Example]]:
    """What cures each fault, on the example that shows it; some cure several."""
    pairs = {(id(row.healthy), id(row.example)): (row.healthy, row.example) for row in SICK}
    return list(pairs.values())


@pytest.mark.parametrize(("loss", "example"), siblings(), ids=title)
def test_the_cure_is_a_cure(loss: Loss, example: Example) -> None:
    report = examine(loss, example)
    assert report.ok, report


def test_every_name_is_planted_in_several_disguises() -> None:
    planted = Counter(name for row in SICK for name in row.finds)
    assert set(planted) >= NAMES
    assert min(planted[name] for name in NAMES) >= 3


def test_the_zoo_says_what_it_keeps() -> None:
    assert len({row.name for row in SICK}) == len(SICK) >= 90
    assert all(row.loss.__doc__ for row in SICK)
    assert sum(bool(re.search(r"\w/\w", row.loss.__doc__)) for row in SICK) >= 40  # names a repository


@pytest.mark.parametrize("names", [*CALLS, *RULES])
def test_without_its_rule_a_fault_is_missed(names: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other rule gives the name, so each is needed."""
    row = next((row for row in SICK if set(names.split(", ")) & set(row.finds)), None)
    if row is None:
        assert names in {"not-scalar", "wrong-dtype", "random", "stateful"}  # in test_check_loss_input.py
        return
    for group in ("CALLS", "RULES"):
        rules = getattr(examiner, group)
        monkeypatch.setattr(examiner, group, {name: rule for name, rule in rules.items() if name != names})
    assert not set(row.finds) <= set(examine(row.loss, row.example).names)
