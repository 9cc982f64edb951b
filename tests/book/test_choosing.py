"""The guide to choosing: what it advises exists, is measured, and is the same in the picture."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import companion.diagnostics
import companion.losses
import companion.weighters
from tests.book.test_errata import LABELS

BOOK = Path(__file__).resolve().parents[2] / "book"
PAGE = (BOOK / "choosing_a_loss.md").read_text()
ROWS = [
    [cell.strip() for cell in row.strip("|").split("|")]
    for row in re.findall(r"^\|.+\|$", PAGE, re.M)
    if not re.match(r"\|---|\| you (?:want|know|have) \|", row)
]
NAME = re.compile(r"\{(?:func|class)\}`~companion\.(\w+)\.(\w+)`")
UNMEASURED = "**not measured here**"
SVG = "{http://www.w3.org/2000/svg}"


def names(column: int) -> set[str]:
    return {name for row in ROWS for module, name in NAME.findall(row[column]) if module != "diagnostics"}


def test_there_is_a_table_for_each_question() -> None:
    questions = re.findall(r"^\d\. \*\*(.+\?)\*\*", PAGE, re.M)
    assert len(questions) == 5
    assert re.findall(r"^### (.+)$", PAGE, re.M) == questions
    assert len(ROWS) > 20


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_row_leads_to_its_experiment(row: list[str]) -> None:
    labels = re.findall(r"\{(?:num)?ref\}`([\w:-]+)`", row[2])
    assert labels or row[1] == UNMEASURED
    assert set(labels) <= LABELS
    assert bool(NAME.search(row[1])) != ("no loss" in row[1] or row[1] == UNMEASURED)


def test_every_name_exists() -> None:
    found = NAME.findall(PAGE)
    assert {module for module, _ in found} <= {"losses", "weighters", "diagnostics", "experiments"}
    missing = [
        name for module, name in found if module != "experiments" and name not in getattr(companion, module).__all__
    ]
    assert missing == []


def test_picture_and_tables_name_the_same() -> None:
    picture = ET.parse(BOOK / "images" / "choosing.svg").getroot()
    drawn = [tspan.text for tspan in picture.iter(f"{SVG}tspan")]
    assert set(drawn) == names(1)
    shown = ["".join(text.itertext()) for text in picture.iter(f"{SVG}text")]
    assert [line for line in shown if line.endswith("?")] == [
        f"{i}. {title}" for i, title in enumerate(re.findall(r"^### (.+)$", PAGE, re.M), 1)
    ]
    assert shown.count("not measured here") == len(
        {title for title in re.split(r"^### ", PAGE, flags=re.M)[1:] if UNMEASURED in title}
    )
