"""Twins: written one way, the same each time, and any drift is found without executing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import twins

from tests.book.samples import HEADER

SOURCE = (
    HEADER
    + """\
# A notebook

The gap is {glue:text}`gap:.2f` wide, see {numref}`fig:gap`.

```{code-cell} ipython3
# NBVAL_CHECK_OUTPUT
print("one")
print("two")
```

```{code-cell} ipython3
---
mystnb:
  figure:
    name: fig:gap
    caption: It is {glue:text}`gap:.0%` here.
tags: [hide-input]
---
from IPython.display import display

display(
    {"application/papermill.record/text/plain": "0.125"},
    raw=True,
    metadata={"scrapbook": {"name": "gap", "mime_prefix": "application/papermill.record/"}},
)
```
"""
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one notebook and its twin, executed once for all tests."""
    root = tmp_path_factory.mktemp("book")
    (root / "notebooks").mkdir()
    (root / "notebooks" / "one.md").write_text(SOURCE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert twins.main(["write"]) == 0
    return root


@pytest.fixture
def folder(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it that a test may spoil."""
    (tmp_path / "notebooks").mkdir()
    for name in ("one.md", "one.ipynb"):
        (tmp_path / "notebooks" / name).write_bytes((written / "notebooks" / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def twin(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "notebooks" / "one.ipynb").read_text())
    return found


def save(folder: Path, content: dict[str, Any]) -> None:
    (folder / "notebooks" / "one.ipynb").write_text(json.dumps(content))


def test_written_twice_is_the_same_byte_for_byte(folder: Path) -> None:
    before = (folder / "notebooks" / "one.ipynb").read_bytes()
    assert twins.main(["write"]) == 0
    assert (folder / "notebooks" / "one.ipynb").read_bytes() == before


def test_prose_holds_the_numbers_and_only_checked_cells_hold_outputs(folder: Path) -> None:
    title, setup, checked, figure, caption = twin(folder)["cells"]
    assert "The gap is 0.12 wide, see Figure 1." in "".join(title["source"])  # 0.125 to even
    assert checked["outputs"][0]["text"] == ["one\n", "two\n"]
    assert checked["execution_count"] == 2  # the set-up comes first
    assert (setup["outputs"], setup["execution_count"]) == ([], None)
    assert (figure["outputs"], figure["execution_count"]) == ([], None)
    assert "".join(caption["source"]) == "**Figure 1.** It is 12% here."


def test_hidden_cells_are_folded_in_colab_too(folder: Path) -> None:
    assert twin(folder)["cells"][3]["metadata"]["cellView"] == "form"


def test_metadata_is_stable(folder: Path) -> None:
    assert set(twin(folder)["metadata"]) == {"kernelspec", "language_info"}
    assert "mystnb" not in json.dumps(twin(folder))


def test_no_drift(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert twins.main(["check"]) == 0
    assert "1 notebooks, no drift" in capsys.readouterr().out


def test_check_never_executes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twins, "NotebookClient", None)
    assert twins.main(["check"]) == 0


def test_another_number_is_no_drift(folder: Path) -> None:
    path = folder / "notebooks" / "one.ipynb"
    path.write_text(path.read_text().replace("0.12 wide", "0.13 wide"))
    assert twins.main(["check"]) == 0


@pytest.mark.parametrize(
    ("old", "new"), [('print("two")', 'print("three")'), ("gap is", "gap was"), ("hide-input", "hide-cell")]
)
def test_an_edit_of_the_source_is_drift(folder: Path, capsys: pytest.CaptureFixture[str], old: str, new: str) -> None:
    source = folder / "notebooks" / "one.md"
    source.write_text(SOURCE.replace(old, new))
    assert twins.main(["check"]) == 1
    message = capsys.readouterr().err
    assert "notebooks/one.ipynb, cell" in message
    assert "make twins NOTEBOOKS=notebooks/one.md" in message


def test_a_cell_more_is_drift(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "notebooks" / "one.md").write_text(SOURCE + "\n```{code-cell} ipython3\n1\n```\n")
    assert twins.main(["check"]) == 1
    assert "has 5 cells, notebooks/one.md has 6" in capsys.readouterr().err


def test_a_checked_cell_without_output_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = twin(folder)
    content["cells"][2].update(outputs=[], execution_count=None)
    save(folder, content)
    assert twins.main(["check"]) == 1
    assert "cell 3 is checked but stores no output" in capsys.readouterr().err


def test_an_output_elsewhere_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = twin(folder)
    content["cells"][3]["execution_count"] = 7
    save(folder, content)
    assert twins.main(["check"]) == 1
    assert "cell 4 stores an output though it is not checked" in capsys.readouterr().err


def test_a_missing_twin_and_a_missing_source_are_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "notebooks" / "one.ipynb").rename(folder / "notebooks" / "two.ipynb")
    assert twins.main(["check"]) == 1
    message = capsys.readouterr().err
    assert "notebooks/one.ipynb is missing" in message
    assert "notebooks/two.ipynb has no source" in message


def test_a_failing_cell_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "notebooks" / "one.md").write_text(SOURCE.replace('print("two")', "1 / 0"))
    assert twins.main(["write"]) == 1
    message = capsys.readouterr().err
    assert "notebooks/one.md failed in this cell" in message
    assert "1 / 0" in message
    assert "ZeroDivisionError" in message


def configure(folder: Path, url: str) -> None:
    (folder / "_config.yml").write_text(f"repository: {{url: {url!r}}}\n")


def test_a_configured_address_is_asked_for_and_written_without_executing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(twins, "NotebookClient", None)
    configure(folder, "https://github.com/some/book")
    assert twins.main(["check"]) == 1
    said = capsys.readouterr().err
    assert "names no repository, _config.yml https://github.com/some/book. Run `make address`" in said
    assert twins.main(["address"]) == 0
    assert twins.main(["check"]) == 0
    badge, title, setup, checked, *_ = twin(folder)["cells"]
    assert "/github/some/book/blob/main/notebooks/one.ipynb" in badge["source"][0]
    assert "git+https://github.com/some/book" in "".join(setup["source"])
    assert "The gap is 0.12 wide" in "".join(title["source"])
    assert checked["outputs"]
    configure(folder, "https://github.com/else/where")
    assert twins.main(["check"]) == 1
    assert "names https://github.com/some/book, _config.yml https://github.com/else" in capsys.readouterr().err


@pytest.mark.parametrize("remotes", [{}, {"origin": "https://github.com/a/fork"}])
def test_an_address_written_in_another_clone_is_no_drift(
    folder: Path, clone: Callable[..., None], remotes: dict[str, str]
) -> None:
    configure(folder, "https://github.com/some/book")
    assert twins.main(["address"]) == 0
    (folder / "_config.yml").unlink()
    assert twins.main(["check"]) == 0  # no clone at all
    clone(folder, **remotes)
    assert twins.main(["check"]) == 0


def test_an_edited_set_up_is_drift(folder: Path) -> None:
    path = folder / "notebooks" / "one.ipynb"
    path.write_text(path.read_text().replace("find_spec", "find_loader"))
    assert twins.main(["check"]) == 1


def test_a_remote_that_the_twins_do_not_name_is_said_and_is_no_drift(
    folder: Path, clone: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    clone(folder, origin="git@github.com:a/fork.git")
    assert twins.main(["check"]) == 0
    assert "Not all of them name https://github.com/a/fork; `make address` writes it" in capsys.readouterr().out
    assert twins.main(["address"]) == 0
    assert twins.main(["check"]) == 0
    assert "Not all" not in capsys.readouterr().out


def test_an_address_that_is_not_github_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(folder, "https://gitlab.com/some/book")
    assert twins.main(["check"]) == 1
    assert "`repository.url` in _config.yml must be the address of a GitHub repository" in capsys.readouterr().err


def test_format_mends_code_and_nothing_else(folder: Path) -> None:
    source = folder / "notebooks" / "one.md"
    source.write_text(SOURCE.replace('print("two")', "print( 'two' );"))
    assert twins.main(["format", "--width", "100"]) == 0
    assert source.read_text() == SOURCE.replace('print("two")', 'print("two");')


def test_a_notebook_without_header_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "notebooks" / "one.md").write_text("# Just a page\n")
    assert twins.main(["check"]) == 1
    assert "notebooks/one.md, line 1: no jupytext header" in capsys.readouterr().err


def test_an_error_names_the_line_of_the_source(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "notebooks" / "one.md").write_text(SOURCE + "\nText.\n\n```{mermaid}\ngraph\n```\n")
    line = SOURCE.count("\n") + 4
    assert twins.main(["check"]) == 1
    assert f"notebooks/one.md, line {line}: directive" in capsys.readouterr().err
