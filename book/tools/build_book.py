"""Build the book, check its pages, and skip both when nothing they depend on has changed.

A build is always clean: on an incremental one, warnings of pages that are not read again are
silent. The digest of all inputs is stored last, so an interrupted or failed build is never taken
for a finished one. Run from the repository root: `python book/tools/build_book.py`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from address import Address
from check_html import check
from digest import digest, installed

INPUTS = (
    "_config.yml",
    "_toc.yml",
    "CHANGELOG.md",
    "book/**/*",
    "companion/**/*",
    "notebooks/*",
    "tests/benchmarks/*.py",
)


def build(root: Path) -> int:
    """Build the book under `root` and return the exit status."""
    out = root / "_build"
    html, stamp = out / "html", out / "green"
    first_page = html / "book" / "index.html"
    try:
        address = Address.read(root)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    key = digest(root, INPUTS, [*installed(), address.repository])

    if first_page.exists() and stamp.exists() and stamp.read_text() == key:
        print("Nothing has changed since the last build.")
    else:
        stamp.unlink(missing_ok=True)
        for stale in (html, out / ".doctrees", out / "jupyter_execute"):
            shutil.rmtree(stale, ignore_errors=True)
        print("Building the book; each notebook is executed once and then kept.", flush=True)
        failed = run_jupyter_book(root)
        report_failed_notebooks(html / "reports")
        if failed:
            print("\nThe book was not built: see the warnings above.", file=sys.stderr)
            return 1
        problems = check(html, root)
        if problems:
            print("\nThe book was built, but its pages have problems:", *problems, sep="\n  ", file=sys.stderr)
            return 1
        stamp.write_text(key)
    print(f"The book is ready. Open {first_page.resolve()}")
    return 0


def run_jupyter_book(root: Path) -> bool:
    """Build all pages with every warning an error; return whether it failed."""
    command = "from jupyter_book.cli.main import main; main()"
    options = ["build", str(root), "--all", "-n", "-W", "--keep-going"]
    return subprocess.run([sys.executable, "-c", command, *options], cwd=root, check=False).returncode != 0


def report_failed_notebooks(reports: Path) -> None:
    """Print, last and so in sight, the cell and traceback of each notebook that failed."""
    for log in sorted(reports.rglob("*.err.log")):
        name = log.relative_to(reports).as_posix().removesuffix(".err.log")
        print(f"\n{name}.md failed in this cell:\n{log.read_text().strip()}", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(build(Path.cwd()))
