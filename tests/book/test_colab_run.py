"""The run as in Colab: what must fail there fails here, and what is installed is the working tree."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import colab_run
import nbformat
import pytest
from doors import stamp
from nbformat.v4 import new_code_cell, new_notebook

PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "loss-companion"
version = "0.1.0"
dependencies = ["jaxtyping"]
[project.optional-dependencies]
data = []
[tool.hatch.build.targets.wheel]
packages = ["companion"]
[tool.hatch.build.targets.wheel.force-include]
"book/recorded" = "companion/recorded"
"""
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git was not found")
needs_wheels = pytest.mark.skipif(not colab_run.WHEELS.is_dir(), reason="`make setup` keeps the wheels for this")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository never committed; every path has a space, and there is no home to write to."""
    root = tmp_path / "a book"
    for name, text in {
        "pyproject.toml": PROJECT,
        ".gitignore": "/secret\n",
        "secret": "",
        "book/recorded/run.json": "{}",
        "companion/__init__.py": "import jaxtyping\n\nLOSS = 1.5\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    notebook = new_notebook(cells=[new_code_cell("from companion import LOSS\n\nassert LOSS == 1.5")])
    stamp(notebook, "one", colab_run.STAND_IN)
    (root / "notebooks").mkdir()
    nbformat.write(notebook, root / "notebooks" / "one.ipynb")
    (tmp_path / "some where").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "some where"))
    if colab_run.WHEELS.is_dir():
        monkeypatch.setattr(colab_run, "WHEELS", shutil.copytree(colab_run.WHEELS, tmp_path / "the wheels"))
    monkeypatch.setenv("HOME", "/dev/null/home")
    monkeypatch.chdir(root)
    return root


def edit(root: Path, name: str, old: str, new: str) -> None:
    path = root / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@needs_git
@needs_wheels
def test_a_notebook_runs_with_what_its_set_up_installs(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert colab_run.main(["notebooks/one.md"]) == 0
    assert "notebooks/one.md runs as in Colab" in capsys.readouterr().out


@needs_git
@needs_wheels
@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("companion/__init__.py", "1.5", "2.5", "AssertionError"),
        ("notebooks/one.ipynb", "from companion import LOSS", "LOSS = 1.5", "it ran without its set-up cell"),
        ("pyproject.toml", '"jaxtyping"', '"myst-nb"', "`companion` could not be installed"),
        ("pyproject.toml", '"companion/recorded"', '"companion/runs"', "['recorded/run.json', 'runs/run.json']"),
    ],
)
def test_what_would_fail_in_colab_fails(
    root: Path, capsys: pytest.CaptureFixture[str], name: str, old: str, new: str, said: str
) -> None:
    edit(root, name, old, new)
    assert colab_run.main(["notebooks/one.md"]) == 1
    assert said in capsys.readouterr().err


@needs_git
def test_the_repository_is_the_working_tree_as_it_is(root: Path, tmp_path: Path) -> None:
    stored = tmp_path / "stored"
    colab_run.snapshot(root, stored)
    shutil.rmtree(root)
    subprocess.run(["git", "-C", str(stored), "checkout", "-q", "--force"], check=True)
    files = {path.relative_to(stored).as_posix() for path in stored.rglob("*") if ".git" not in path.parts}
    assert "companion/__init__.py" in files
    assert "secret" not in files


def test_colab_has_neither_companion_nor_the_tools_of_the_book() -> None:
    names = {dist.name.lower() for dist in colab_run.closure(colab_run.COLAB)}
    assert {"torch", "numpy", "typing-extensions"} <= {name.replace("_", "-") for name in names}
    assert not names & {"loss-companion", "jaxtyping", "myst-nb", "jupyter-book", "jupytext", "pytest"}


def test_without_git_it_says_so_and_all_else_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert colab_run.main(["notebooks/one.md"]) == 0
    assert "git was not found, so no notebook was run as Colab would" in capsys.readouterr().out


@needs_git
@needs_wheels
def test_a_missing_twin_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert colab_run.main(["notebooks/two.md"]) == 1
    assert "notebooks/two.ipynb is missing. Run `make twins NOTEBOOKS=notebooks/two.md`" in capsys.readouterr().err


@needs_git
def test_without_wheels_it_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(colab_run, "WHEELS", tmp_path / "wheels")
    assert colab_run.main(["notebooks/one.md"]) == 1
    assert "`make setup` writes it" in capsys.readouterr().err
