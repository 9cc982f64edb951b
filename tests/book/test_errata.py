"""Every entry of the errata has its four parts, and what it points to is there."""

import ast
import re
from pathlib import Path

import pytest
from pybtex.database import parse_file

ROOT = Path(__file__).resolve().parents[2]
ENTRY = re.compile(r"^\((?P<anchor>e\d+)\)=\n### (?P<number>E\d+)\. (?P<title>.+)\n(?P<body>(?:(?!^\(|^#).*\n)*)", re.M)
PART = re.compile(r"^(?P<term>\S.*)\n: (?P<text>(?:.+\n)*)", re.M)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
LABEL = re.compile(r"\{(?:numref|ref)\}`(?:[^`<]*<)?([\w:-]+)>?`")
SECTIONS = {1: 11, 2: 14, 3: 11}  # 6.1.1 to 6.1.11, and so on

PAGE = (ROOT / "book" / "errata.md").read_text()
ENTRIES = [m.groupdict() for m in ENTRY.finditer(PAGE)]
LABELS = {
    label
    for notebook in (ROOT / "notebooks").glob("*.md")
    for label in re.findall(r"^\(([\w:-]+)\)=$|^ +name: (\S+)$", notebook.read_text(), re.M)
    for label in label
}
CITABLE = set(parse_file(ROOT / "book" / "references.bib").entries)


def functions_of(file: Path) -> set[str]:
    return {node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_numbers_are_used_once_and_none_is_left_out() -> None:
    assert len(ENTRIES) == len(re.findall(r"^### ", PAGE, re.M))
    assert sorted(int(entry["number"][1:]) for entry in ENTRIES) == list(range(1, len(ENTRIES) + 1))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["number"])
def test_entry_has_claim_truth_source_and_proof(entry: dict[str, str]) -> None:
    assert entry["anchor"] == entry["number"].lower()
    parts = PART.findall(entry["body"])
    claim, *others = [term for term, _ in parts]
    assert others == ["In truth", "Source", "Shown by"]
    text = [part for _, part in parts]
    assert all(len(part.split()) >= 8 for part in text[:2])

    assert claim.startswith("The guide, ")
    sections = re.findall(r"6\.(\d)\.(\d+)", claim)
    assert sections
    assert all(1 <= int(n) <= SECTIONS[int(part)] for part, n in sections)

    cited = [key for keys in re.findall(r"\{cite:t\}`([^`]+)`", text[2]) for key in keys.split(",")]
    assert cited
    assert set(cited) <= CITABLE

    tests, labels = TEST.findall(text[3]), LABEL.findall(text[3])
    assert tests or labels
    assert set(labels) <= LABELS
    assert all(name in functions_of(ROOT / file) for file, name in tests)
