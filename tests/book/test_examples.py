"""What the README and the pages show is what happens: examples run, and the citation is that of the repository."""

import ast
import contextlib
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from pybtex.database import parse_string

ROOT = Path(__file__).resolve().parents[2]
# A python block, and the text block after it, which is what it prints.
EXAMPLE = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<prints>.*?)^```\n)?", re.M | re.S)


def examples(page: Path) -> Iterator[Any]:
    """The examples of a page; a block that only imports and defines is shared by those after it."""
    shared = ""
    for m in EXAMPLE.finditer(page.read_text()):
        line = page.read_text().count("\n", 0, m.start()) + 1
        yield pytest.param(shared + m["code"], m["prints"], id=f"{page.name}-{line}")
        if all(isinstance(part, ast.Import | ast.ImportFrom | ast.FunctionDef) for part in ast.parse(m["code"]).body):
            shared += m["code"]


PAGES = [ROOT / "README.md", *sorted((ROOT / "book").glob("*.md")), *sorted((ROOT / "book" / "api").glob("*.md"))]
EXAMPLES = [example for page in PAGES for example in examples(page)]


@pytest.mark.as_user
@pytest.mark.parametrize(("code", "prints"), EXAMPLES)
def test_example_runs_and_prints_what_the_page_says(
    code: str, prints: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, module = io.StringIO(), ModuleType("example")
    monkeypatch.setitem(sys.modules, "example", module)  # torch.compile looks a function's module up
    with contextlib.redirect_stdout(out):
        exec(compile(code, "example", "exec"), vars(module))
    assert out.getvalue() == (prints or "")


def test_readme_and_the_page_on_use_have_an_example() -> None:
    names = {param.id.rsplit("-", 1)[0] for param in EXAMPLES}
    assert {"README.md", "using.md"} <= names


def test_readme_points_to_what_is_there() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / "README.md").read_text())
    assert "book/images/page.png" in targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_bibtex_is_that_of_the_citation_file() -> None:
    page = (ROOT / "book" / "using.md").read_text()
    (entry,) = parse_string(re.search(r"```bibtex\n(.*?)```", page, re.S)[1], "bibtex").entries.values()
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert entry.type == cff["type"]
    assert [str(person).strip("{}") for person in entry.persons["author"]] == [a["name"] for a in cff["authors"]]
    assert {key: entry.fields[key] for key in ("title", "version", "year")} == {
        "title": cff["title"],
        "version": cff["version"],
        "year": str(cff["date-released"].year),
    }
