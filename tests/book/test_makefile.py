"""The set-up of `.venv`: made anew whenever its state is in doubt, and never mistaken for the Python beneath it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Stands in for Python: notes how it is called, makes a .venv that is a copy of itself, and fails to install if told to.
PYTHON = """#!/bin/sh
echo "$@" >> calls
case "$*" in
  "-m venv .venv") mkdir -p .venv/bin && touch .venv/pyvenv.cfg && cp "$0" .venv/bin/python ;;
  "-m pip install"*) test -z "$INTERRUPTED" && test "$PIP_REQUIRE_VIRTUALENV" = 1 ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository whose path has spaces, as far as `make setup` looks at it."""
    root = tmp_path / "a folder"
    root.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, root)
    (tmp_path / "my python").write_text(PYTHON)
    (tmp_path / "my python").chmod(0o755)
    return root


def setup(root: Path, *options: str, **environment: str) -> tuple[int, str, list[str]]:
    """Run `make setup`; return its status, what it said, and how Python was called."""
    (root / "calls").unlink(missing_ok=True)
    command = ["make", "setup", f"PYTHON={root.parent / 'my python'}", *options]
    done = subprocess.run(command, cwd=root, env={**os.environ, **environment}, capture_output=True, text=True)
    calls = root / "calls"
    return done.returncode, done.stdout, calls.read_text().splitlines() if calls.exists() else []


def test_a_second_set_up_does_nothing(folder: Path) -> None:
    status, _, calls = setup(folder)
    assert status == 0
    assert calls == [
        "-m venv .venv",
        "-m pip install -c constraints.txt -e .[book,data,test]",
        "-m pip install -q --no-deps -c constraints.txt LibMTL",
        "-m pip download -q -c constraints.txt -d .venv/wheels hatchling jaxtyping",
    ]
    assert setup(folder)[2] == []


def test_a_new_pin_brings_it_up_to_date_in_place(folder: Path) -> None:
    setup(folder)
    later = (folder / ".venv" / "ready").stat().st_mtime + 10
    os.utime(folder / "constraints.txt", (later, later))
    _, _, calls = setup(folder)
    assert any(call.startswith("-m pip install") for call in calls)
    assert "-m venv .venv" not in calls


def test_an_interrupted_set_up_leaves_no_stamp_and_is_made_anew(folder: Path) -> None:
    assert setup(folder, INTERRUPTED="1")[0] != 0
    assert not (folder / ".venv" / "ready").exists()
    status, _, calls = setup(folder)
    assert status == 0
    assert "-m venv .venv" in calls


def test_half_a_venv_is_made_anew(folder: Path) -> None:
    # Without pyvenv.cfg its python is the one it was made from, and pip would install there.
    setup(folder)
    (folder / ".venv" / "pyvenv.cfg").unlink()
    (folder / ".venv" / "ready").unlink()
    assert setup(folder)[2][0] == "-m venv .venv"


def test_a_moved_folder_is_set_up_anew(folder: Path) -> None:
    setup(folder)
    moved = folder.rename(folder.parent / "another folder")
    assert "-m venv .venv" in setup(moved)[2]


def test_says_so_when_there_is_no_python(folder: Path) -> None:
    status, said, calls = setup(folder, "PYTHON=")
    assert status != 0
    assert "Python 3.11 or newer was not found" in said
    assert calls == []
