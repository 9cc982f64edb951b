"""The page on findings: an entry for every name that a tool can give, and none for others."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.book.test_errata import LABELS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "book" / "findings.md").read_text()
ENTRY = re.compile(
    r"^\((?P<anchor>[a-z-]+)\)=\n### `(?P<name>[a-z-]+)`: (?P<title>.+)\n(?P<body>(?:(?!^\(|^#).*\n)*)", re.M
)
ENTRIES = {m["name"]: m.groupdict() for m in ENTRY.finditer(PAGE)}
PART = re.compile(r"^(?P<term>\S.*)\n: (?P<text>(?:.+\n)*)", re.M)
# Labels of pages and of the errata, which are no cells of a notebook.
PAGES = set(re.findall(r"^\(([\w:-]+)\)=$", "".join(p.read_text() for p in (ROOT / "book").glob("*.md")), re.M))


def names_given() -> Iterator[str]:
    """What stands as a name in `Finding("name", ...)`, or as the second argument where a helper makes one at a step."""
    for file in sorted((ROOT / "companion" / "diagnostics").rglob("*.py")):
        for function in ast.walk(ast.parse(file.read_text())):
            for call in ast.walk(function) if isinstance(function, ast.FunctionDef) else ():
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
                    place = {"Finding": 0, "symptom": 1}.get(call.func.id)
                    if place is not None and len(call.args) > place:
                        yield from strings(call.args[place], function)


def strings(value: ast.expr, function: ast.FunctionDef) -> Iterator[str]:
    """The texts that an expression may be: itself, either of two, or what a function assigns to a name."""
    if isinstance(value, ast.Constant):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from strings(value.body, function)
        yield from strings(value.orelse, function)
    elif isinstance(value, ast.Name):
        for line in ast.walk(function):
            if isinstance(line, ast.Assign):
                names, given = (getattr(side, "elts", [side]) for side in (line.targets[0], line.value))
                said = {
                    ast.unparse(n): v.value for n, v in zip(names, given, strict=False) if isinstance(v, ast.Constant)
                }
                yield from (text for name, text in said.items() if name == value.id)


def test_every_name_has_its_entry_and_every_entry_its_name() -> None:
    assert len(ENTRIES) == len(re.findall(r"^### ", PAGE, re.M))
    assert sorted(set(names_given()) ^ set(ENTRIES)) == []


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_entry_explains_shows_and_cures(entry: dict[str, str]) -> None:
    assert entry["anchor"] == entry["name"]
    meaning, example, _ = re.split(r"^```(?:python)?\n", entry["body"], flags=re.M)
    assert re.match(r"\n\*(?:Error|Warning|Note)\.\*", meaning)
    assert len(meaning.split()) >= 8
    assert f'"{entry["name"]}"' in example
    parts = dict(PART.findall(entry["body"]))
    assert list(parts) == ["Cure", "No fault", "In the book"]
    labels = re.findall(r"\{(?:num)?(?:ref|eq)\}`(?:[^`<]*<)?([\w:-]+)>?`", parts["In the book"])
    assert labels
    assert {label for label in labels if not label.startswith("eq:")} <= LABELS | PAGES
