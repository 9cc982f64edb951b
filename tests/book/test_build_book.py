"""The book is never stale: a small book with its own `companion` is built, edited and built again."""

from collections.abc import Callable
from pathlib import Path

import build_book
import pytest


def page(root: Path) -> str:
    return (root / "_build" / "html" / "notebooks" / "one.html").read_text()


def test_an_edit_of_a_loss_reaches_the_page_and_a_failure_is_shown(
    small_book: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert build_book.build(small_book) == 0
    assert "the loss is 1.5" in page(small_book)
    assert (small_book / "_build" / "html" / "mathjax" / "tex-chtml.js").exists()
    assert f"Open {small_book}/_build/html/book/index.html" in capfd.readouterr().out

    (small_book / "companion" / "losses.py").write_text("def loss() -> float:\n    return 2.5\n")
    assert build_book.build(small_book) == 0
    assert "the loss is 2.5" in page(small_book)
    assert "the loss is 1.5" not in page(small_book)
    assert len(list((small_book / "_build" / "jupyter_cache").iterdir())) == 1

    (small_book / "companion" / "losses.py").write_text("def loss() -> float:\n    return 1 / 0\n")
    capfd.readouterr()
    assert build_book.build(small_book) == 1
    said = capfd.readouterr().err
    assert "notebooks/one.md failed in this cell" in said
    assert 'print("the loss is", loss())' in said
    assert "ZeroDivisionError" in said
    assert not (small_book / "_build" / "green").exists()


Result = Callable[[Path], bool]


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Replace the slow build by one that writes a page; return the list of the builds made."""
    made: list[Path] = []

    def build_one_page(root: Path) -> bool:
        made.append(root)
        html = root / "_build" / "html" / "book"
        html.mkdir(parents=True)
        (html / "index.html").write_text("<article><h1>Small book</h1></article>")
        return False

    monkeypatch.setattr(build_book, "run_jupyter_book", build_one_page)
    return made


def test_nothing_changed_ends_at_once(small_book: Path, builds: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert [build_book.build(small_book) for _ in range(2)] == [0, 0]
    assert len(builds) == 1
    assert "Nothing has changed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name",
    [
        "_config.yml",
        "_toc.yml",
        "book/index.md",
        "book/tools/digest.py",
        "companion/losses.py",
        "notebooks/one.md",
        "tests/benchmarks/run.py",
    ],
)
def test_any_input_makes_it_build_again(small_book: Path, builds: list[Path], name: str) -> None:
    build_book.build(small_book)
    path = small_book / name
    path.write_text(path.read_text() + "\n# a change\n")
    build_book.build(small_book)
    assert len(builds) == 2


def test_a_new_remote_makes_it_build_again(small_book: Path, builds: list[Path], clone: Callable[..., None]) -> None:
    build_book.build(small_book)
    clone(small_book)
    build_book.build(small_book)
    assert len(builds) == 1
    clone(small_book, origin="https://github.com/some/book")
    build_book.build(small_book)
    assert len(builds) == 2


def test_an_address_that_is_not_github_is_said_before_anything_is_built(
    small_book: Path, builds: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = small_book / "_config.yml"
    path.write_text(path.read_text().replace('{url: "", ', '{url: "https://gitlab.com/some/book", '))
    assert build_book.build(small_book) == 1
    assert builds == []
    assert "`repository.url` in _config.yml must be" in capsys.readouterr().err


def test_an_interrupted_build_is_not_taken_for_a_finished_one(
    small_book: Path, builds: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(root: Path) -> bool:
        raise KeyboardInterrupt

    build_book.build(small_book)
    (small_book / "book" / "index.md").write_text("# Another title\n")
    with monkeypatch.context() as patch:
        patch.setattr(build_book, "run_jupyter_book", interrupted)
        with pytest.raises(KeyboardInterrupt):
            build_book.build(small_book)
    (small_book / "book" / "index.md").write_text("# Small book\n")  # as it was when the book was green
    assert build_book.build(small_book) == 0
    assert len(builds) == 2


def test_a_page_with_a_problem_fails_the_build(
    small_book: Path, builds: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build_book, "check", lambda folder, root: ["index.html: dead link gone.html"])
    assert [build_book.build(small_book) for _ in range(2)] == [1, 1]
    assert len(builds) == 2
    assert "index.html: dead link gone.html" in capsys.readouterr().err
