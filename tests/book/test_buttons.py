"""The buttons of a page: into Colab and to the repository with an address only, to the twin always."""

import json
from collections.abc import Callable
from pathlib import Path

import build_book
import pytest
from bs4 import BeautifulSoup

REPOSITORY = "https://github.com/some/book"
COLAB = "https://colab.research.google.com/github/some/book/blob/main/notebooks/one.ipynb"


def links(book: Path) -> dict[str, set[str]]:
    """Build `book`; return where the buttons of its two pages lead."""
    assert build_book.build(book) == 0
    html = book / "_build" / "html"
    found = {}
    for name in ("book/index", "notebooks/one"):
        soup = BeautifulSoup((html / f"{name}.html").read_text(), "html.parser")
        hrefs = {str(a["href"]) for a in soup.select(".article-header-buttons a")}
        found[name] = {href for href in hrefs if href.startswith("http") or href.endswith(".ipynb")}
    return found


def downloaded(book: Path) -> list[str]:
    """The cells of the notebook that the download button gives."""
    path = book / "_build" / "html" / "_sources" / "notebooks" / "one.ipynb"
    return ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]


@pytest.mark.parametrize("place", ["configuration", "remote"])
def test_with_an_address_every_button_follows_it(small_book: Path, clone: Callable[..., None], place: str) -> None:
    if place == "remote":
        clone(small_book, origin=f"{REPOSITORY}.git")
    else:
        path = small_book / "_config.yml"
        path.write_text(path.read_text().replace('{url: "", ', f'{{url: "{REPOSITORY}.git", '))
    found = links(small_book)
    issues = {href for page in found.values() for href in page if href.startswith(f"{REPOSITORY}/issues/new")}
    assert len(issues) == 2
    assert found["notebooks/one"] - issues == {COLAB, REPOSITORY, "../_sources/notebooks/one.ipynb"}
    assert found["book/index"] - issues == {REPOSITORY}
    badge, title, setup, code = downloaded(small_book)
    assert COLAB in badge
    assert title.endswith("> **Note**\n>\n> A loss.")  # what Colab shows, not what Sphinx reads
    assert f"git+{REPOSITORY}" in setup
    assert "from companion import loss" in code


def test_without_one_there_is_the_download_and_no_link_elsewhere(small_book: Path, clone: Callable[..., None]) -> None:
    clone(small_book, origin="https://gitlab.com/some/book.git")
    assert links(small_book) == {"notebooks/one": {"../_sources/notebooks/one.ipynb"}, "book/index": set()}
    _title, setup, _code = downloaded(small_book)
    assert 'pip install -e ".[data]"' in setup
    assert "gitlab" not in (small_book / "_build" / "html" / "notebooks" / "one.html").read_text()


def test_a_notebook_without_twin_is_said(small_book: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (small_book / "notebooks" / "one.ipynb").unlink()
    assert build_book.build(small_book) == 1
    said = capfd.readouterr().err
    assert "notebooks/one.ipynb is missing. Run `make twins NOTEBOOKS=notebooks/one.md`" in said
    assert "Traceback" not in said
