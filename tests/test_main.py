"""The command line: a right answer or a clear message, and never a traceback."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from companion.__main__ import main
from companion.diagnostics import profile_data
from companion.diagnostics._table import read_csv

ROOT = Path(__file__).parents[1]


def file(folder: Path, content: str | bytes) -> str:
    path = folder / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def profile(path: str, target: str = "y", *more: str) -> int:
    return main(["profile", path, "--target", target, *more])


def test_alone_it_shows_its_help() -> None:
    run = subprocess.run([sys.executable, "-m", "companion"], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "profile" in run.stdout


def test_a_file_is_profiled_as_its_table_is(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    table = pd.DataFrame({"a": np.random.default_rng(0).normal(size=200)}).assign(y=lambda t: t["a"] > 1)
    table.to_csv(tmp_path / "table.csv", index=False)
    assert profile(str(tmp_path / "table.csv"), "y", "--out", str(tmp_path / "page.html")) == 0
    said = capsys.readouterr()
    expected = str(profile_data(table, "y"))
    assert said.out.startswith(f"table.csv, {expected}")
    assert said.err == ""
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "must hold a header and rows, got an empty file"),
        (" \n\n", "got an empty file"),
        ("a,y\n", "must have rows below its header"),
        ("a,yy\n1,2\n", "got 'y'. Did you mean 'yy'?"),
        ("a,b\n1,2\n", "got 'y'. There are: a, b."),
        ("a,y\n1,\n2,\n", "at least one row, got column 'y' without any"),
        ("y,a,y\n1,2,3\n", "distinct names, got 'y' more than once"),
        ("a,y\n1,2\n1,2,3\n", "Expected 2 fields in line 3, saw 3"),
        ("a,y\n1,2,3\n1,2,3\n", "as many fields as the header, got one with more"),
        ('a,y\n"1,2\n', "EOF inside string"),
        (b"PK\x03\x04 not a table", "text with separators"),
        (b"\x00\x01\x02", "text with separators"),
        ("y\n" + "".join(f"name {i}\n" for i in range(50)), "differs in nearly every row"),
    ],
)
def test_what_cannot_be_profiled_gets_a_message(
    tmp_path: Path, capsys: pytest.CaptureFixture, content: str | bytes, says: str
) -> None:
    assert profile(file(tmp_path, content)) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_a_missing_file_gets_a_message(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert profile(str(tmp_path / "none.csv")) == 2
    assert "No such file or directory: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "more", [["--rows", "0"], ["--rows", "many"], ["--kind", "odd"], ["--out", "no/such/page.html"]]
)
def test_a_wrong_option_is_refused_before_the_file_is_read(more: list[str], capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as stop:
        profile("none.csv", "y", *more)
    assert stop.value.code == 2
    assert more[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a;y\n1,5;0\n2,5;1\n", "table.csv (separated by semicolons, decimal comma), 2 rows, 2 columns"),
        ("a\ty\n1\t0\n2\t1\n", "(separated by tabs)"),
        ("a|y\n1|0\n2|1\n", "(separated by bars)"),
        ('"a;b",y\n1,0\n2,1\n', "table.csv, 2 rows, 2 columns"),
        ("caf\u00e9,y\n1,0\n2,1\n".encode("latin-1"), "(not UTF-8, read as Latin-1)"),
        ("caf\u00e9,y\n1,0\n2,1\n".encode("utf-16"), "table.csv, 2 rows, 2 columns, target 'y' read as binary"),
        ("caf\u00e9,y\n1,0\n2,1\n".encode("utf-8-sig"), "table.csv, 2 rows, 2 columns, target 'y' read as binary"),
        ("\n\na, y\r\n1, 0\r\n2, 1\r\n", "table.csv, 2 rows, 2 columns, target 'y' read as binary"),
        ("a,y\n1,0\n2\n,1\n", "missing-target"),
        (",,y\n1,x,0\n2,x,1\n", "table.csv, 2 rows, 3 columns, target 'y' read as binary"),
        ("a,y\n" + "1,0\n2,1\n" * 300 + "3,b\n", "mixed-types"),
    ],
)
def test_other_formats_are_read(tmp_path: Path, capsys: pytest.CaptureFixture, content: str | bytes, says: str) -> None:
    assert profile(file(tmp_path, content)) == 0
    assert says in capsys.readouterr().out


def test_letters_beyond_ascii_late_in_the_file(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = b"a,y\n" + b"1,0\n2,1\n" * 20_000 + "ä,1\n".encode("latin-1")
    assert profile(file(tmp_path, rows)) == 0
    assert "(not UTF-8, read as Latin-1)" in capsys.readouterr().out


def test_a_terminal_without_the_letters_is_served(tmp_path: Path) -> None:
    path = file(tmp_path, "größe,y\n" + ",1\n3,0\n" * 30)
    command = [sys.executable, "-m", "companion", "profile", path, "--target", "y"]
    run = subprocess.run(command, capture_output=True, check=True, cwd=ROOT, env={"PYTHONIOENCODING": "ascii"})
    assert b"gr??e" in run.stdout


def test_of_a_long_file_a_sample_is_kept_and_said_so(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_csv, "CHUNK", 100)
    y = np.random.default_rng(0).normal(size=5000)
    pd.DataFrame({"y": y}).to_csv(tmp_path / "table.csv", index=False)
    assert profile(str(tmp_path / "table.csv"), "y", "--rows", "300") == 0
    said = capsys.readouterr().out
    assert "note: sampled" in said
    assert "300 of 5000 rows were looked at" in said


@pytest.mark.parametrize("rows", [1, 99, 300, 4999, 5000, 9000])
def test_the_sample_is_uniform_in_order_and_repeatable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(read_csv, "CHUNK", 100)
    path = Path(file(tmp_path, "y\n" + "".join(f"{i}\n" for i in range(5000))))
    read, again, other = (read_csv.read_csv(path, "y", rows=rows, seed=s, progress=False) for s in (0, 0, 1))
    places = read.table["y"].to_numpy()
    assert read.rows == 5000
    assert len(places) == min(rows, 5000)
    assert (places == read.table.index).all()
    assert (np.diff(places) > 0).all()
    assert (again.table["y"] == places).all()
    if 99 <= rows < 4999:  # a mean of n uniform draws, within four standard deviations
        assert abs(places.mean() - 2500) < 4 * 5000 / np.sqrt(12 * rows)
        assert len(np.setdiff1d(places, other.table["y"]))
