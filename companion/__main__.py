"""The command line: ``python -m companion profile FILE.csv --target COLUMN`` profiles a table."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from companion.diagnostics._findings import Finding
from companion.diagnostics._table.kind import Kind
from companion.diagnostics._table.read_csv import read_csv
from companion.diagnostics.profile_data import DataProfile, profile_data


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 if it could be done, 2 if not."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    if options.out is not None and not options.out.parent.is_dir():
        parser.error(f"--out must be in a folder that exists, got {options.out}")
    try:
        profile = _profile(options)
        if options.out is not None:
            profile.save(options.out)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"python -m companion: {_message(error)}\n")
        return 2
    _write(f"{profile}\n" + (f"\nThe page is in {options.out}.\n" if options.out is not None else ""))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m companion", description="Look at data before choosing a loss.")
    commands = parser.add_subparsers(dest="command", title="commands")
    profile = commands.add_parser("profile", help="findings and recommended losses for a CSV file")
    profile.add_argument("file", type=Path, help="a CSV file with a header; other separators are recognised")
    profile.add_argument("--target", required=True, metavar="COLUMN", help="the column that is to be predicted")
    profile.add_argument("--kind", choices=get_args(Kind), help="how to read the target; by default it is guessed")
    profile.add_argument("--out", type=Path, metavar="FILE.html", help="write the profile as a page, too")
    profile.add_argument(
        "--rows", type=_count, default=100_000, help="look at so many rows, drawn at random (%(default)s)"
    )
    profile.add_argument("--seed", type=int, default=0, help="which rows are drawn (%(default)s)")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)


def _profile(options: argparse.Namespace) -> DataProfile:
    progress = sys.stderr.isatty()
    read = read_csv(options.file, options.target, rows=options.rows, seed=options.seed, progress=progress)
    profile = profile_data(read.table, options.target, kind=options.kind, rows=options.rows, progress=progress)
    report, seen = profile.report, list(profile.report.seen)
    if read.rows > len(read.table):
        what = f"{len(read.table)} of {read.rows} rows were looked at, drawn at random; they keep their numbers."
        cure = "Nothing to mend; --rows sets how many are looked at."
        seen.insert(0, Finding("sampled", "note", what, "all columns", cure))
    remarks = f" ({', '.join(read.remarks)})" if read.remarks else ""
    subject = f"{options.file.name}{remarks}, {report.subject}"
    return profile._replace(report=replace(report, subject=subject, seen=seen))


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}"
    return str(error).strip()


def _write(text: str) -> None:
    """To a terminal that may lack letters."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, errors="replace").decode(encoding))


if __name__ == "__main__":
    sys.exit(main())
