"""Write the .ipynb twin of every notebook, and check that none has drifted from its source.

    python book/tools/twins.py write [notebooks/NAME.md ...]
    python book/tools/twins.py check [notebooks/NAME.md ...]
    python book/tools/twins.py address [notebooks/NAME.md ...]
    python book/tools/twins.py format [notebooks/NAME.md ...]

The MyST .md is the only source. The twin beside it is for Colab, Jupyter and nbval: its markdown is
plain, its cells have stable ids, and it stores outputs only where a cell is marked
`# NBVAL_CHECK_OUTPUT`, because nbval passes a marked cell that stores nothing. `write` executes
(the prose needs its numbers, the marked cells their outputs); `check` never does. `address` writes the
address of the repository anew and nothing else. `format` lets ruff mend the code cells of the source.

A twin may name any repository, or none, unless `_config.yml` sets one: so the machine does not matter,
and the twins of a fork, of a clone without a remote and of an unpacked archive are no drift.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jupytext
import nbformat
from address import Address
from colab import CLOSE, OPEN, Book, Converter, MystError
from doors import repository_of, stamp
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

MARK = re.compile(r"^\s*#\s*NBVAL_CHECK_OUTPUT\s*$", re.M)
HEADER = re.compile(r"---\n(?:(?!---).*\n)*?\s+format_name: myst\n(?:.*\n)*?---\n")
GLUED = re.compile(f"{OPEN}([^{CLOSE}]*){CLOSE}")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
HIDDEN = {"hide-cell", "hide-input"}
TIMEOUT = 300


def is_checked(cell: NotebookNode) -> bool:
    """Whether nbval compares the output of this cell."""
    return cell.cell_type == "code" and bool(
        MARK.search(cell.source) or "nbval-check-output" in cell.metadata.get("tags", [])
    )


def template(source: Path, book: Book, address: Address) -> NotebookNode:
    """Return the twin of `source` without outputs, each glued number still a key."""
    text = source.read_text()
    if not HEADER.match(text):
        raise MystError(f"{source}, line 1: no jupytext header; begin it as the other notebooks do")
    nb = jupytext.reads(text, fmt="md:myst")
    figures = [cell.metadata.get("mystnb", {}).get("figure", {}) for cell in nb.cells]
    converter = Converter(
        source.as_posix(),
        book,
        [cell.source for cell in nb.cells if cell.cell_type == "markdown"],
        [figure.get("name", "") for figure in figures if "caption" in figure],
    )
    cells, at, captions = [], 0, 0
    for cell, figure in zip(nb.cells, figures, strict=True):
        at = max(text.find(cell.source, at), at)
        line = text.count("\n", 0, at) + 1
        at += len(cell.source)
        if cell.cell_type == "markdown":
            cell.source = converter.convert(cell.source, line)
            cell.metadata = {}
        elif cell.cell_type == "code":
            tags = cell.metadata.get("tags", [])
            cell.metadata = {"tags": tags} if tags else {}
            if HIDDEN & set(tags):  # Colab and Jupyter each fold a cell in their own way
                cell.metadata.update(cellView="form", jupyter={"source_hidden": True})
        if cell.source:
            cells.append(cell)
        if "caption" in figure:
            captions += 1
            caption = converter.convert(str(figure["caption"]).strip(), line)
            cells.append(new_markdown_cell(f"**Figure {captions}.** {caption}"))
    nb.cells = cells
    nb.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    nb.nbformat, nb.nbformat_minor = 4, 5
    give_ids(nb)
    stamp(nb, source.stem, address)
    return nb


def give_ids(nb: NotebookNode) -> None:
    """Name each cell after its content, so that an edit changes one id and no more."""
    seen: dict[str, int] = {}
    for cell in nb.cells:
        name = hashlib.sha256(f"{cell.cell_type}\0{cell.source}".encode()).hexdigest()[:12]
        seen[name] = seen.get(name, 0) + 1
        cell["id"] = name if seen[name] == 1 else f"{name}-{seen[name]}"


def keys_of(nb: NotebookNode) -> Iterator[str]:
    """The glued values the prose asks for, as ``key`` or ``key:format``."""
    for cell in nb.cells:
        yield from GLUED.findall(cell.source)


def fill(nb: NotebookNode, source: Path) -> None:
    """Execute a copy of `nb` as Colab would; put its numbers into the prose and its outputs into checked cells."""
    run = nbformat.from_dict(nb)
    with tempfile.TemporaryDirectory() as folder:
        place = {"metadata": {"path": folder}}
        NotebookClient(run, timeout=TIMEOUT, coalesce_streams=True, resources=place).execute()
    values: dict[str, str] = {}
    for count, (cell, done) in enumerate(
        ((c, d) for c, d in zip(nb.cells, run.cells, strict=True) if c.cell_type == "code"), 1
    ):
        for output in done.outputs:
            name = output.get("metadata", {}).get("scrapbook", {}).get("name")
            if name:
                values[name] = next(v for k, v in output.data.items() if k.endswith("text/plain"))
        if is_checked(cell):
            cell.outputs, cell.execution_count = printed(done.outputs, source, cell), count
    for cell in nb.cells:
        cell.source = GLUED.sub(lambda m: glued_text(m[1], values, source), cell.source)


def printed(outputs: list[NotebookNode], source: Path, cell: NotebookNode) -> list[NotebookNode]:
    """The outputs of a checked cell, which must be printed text and nothing else."""
    if not outputs or any(o.output_type != "stream" or o.name != "stdout" for o in outputs):
        raise MystError(f"{source}: a checked cell prints, and does nothing else:\n{cell.source}")
    return outputs


def glued_text(asked: str, values: dict[str, str], source: Path) -> str:
    """The value of ``key:format``, as the book shows it."""
    from myst_nb.core.variables import format_plain_text

    key, _, form = asked.partition(":")
    if key not in values:
        raise MystError(f"{source}: the prose asks for `{key}`, which no cell has glued")
    return format_plain_text(values[key], form)


def write(source: Path, book: Book, address: Address) -> None:
    """Write the twin of `source` if it is new or has changed."""
    nb = template(source, book, address)
    if any(is_checked(cell) for cell in nb.cells) or any(keys_of(nb)):
        fill(nb, source)
    save(nb, source.with_suffix(".ipynb"))


def readdress(source: Path, address: Address) -> list[str]:
    """Let the twin of `source` name the repository of `address`, or return why not; all else stays."""
    twin = source.with_suffix(".ipynb")
    if not twin.exists():
        return [f"{twin} is missing. Run `make twins NOTEBOOKS={source}`."]
    nb = read_twin(source)
    stamp(nb, source.stem, address)
    save(nb, twin)
    return []


def read_twin(source: Path) -> NotebookNode:
    """Return the twin of `source` as it stands."""
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def save(nb: NotebookNode, twin: Path) -> None:
    """Write `nb` to `twin` unless it stands there."""
    nbformat.validate(nb)
    text = nbformat.writes(nb, indent=1, ensure_ascii=False) + "\n"
    if not twin.exists() or twin.read_text() != text:
        twin.write_text(text)
        print(f"wrote {twin}")
    else:
        print(f"{twin} is as it was")


def check(source: Path, book: Book, address: Address) -> list[str]:
    """Return what is wrong with the twin of `source`, one sentence each."""
    twin = source.with_suffix(".ipynb")
    cure = f"Run `make twins NOTEBOOKS={source}`."
    if not twin.exists():
        return [f"{twin} is missing. {cure}"]
    found = read_twin(source)
    named = repository_of(found)
    if not address.configured:
        address = replace(address, repository=named)
    elif named != address.repository:
        return [f"{twin} names {named or 'no repository'}, _config.yml {address.repository}. Run `make address`."]
    expected = template(source, book, address)
    problems = []
    for number, (a, b) in enumerate(zip(expected.cells, found.cells, strict=False), 1):
        if not same(a, b):
            problems.append(f"{twin}, cell {number} is not what {source} says there: {difference(a, b)!r}. {cure}")
            break  # every later cell would be reported too
    else:
        if len(expected.cells) != len(found.cells) or expected.metadata != found.metadata:
            problems.append(f"{twin} has {len(found.cells)} cells, {source} has {len(expected.cells)}. {cure}")
    for number, cell in enumerate(found.cells, 1):
        if is_checked(cell) and (cell.execution_count is None or not cell.outputs):
            problems.append(f"{twin}, cell {number} is checked but stores no output: nbval would pass it. {cure}")
        if cell.cell_type == "code" and not is_checked(cell) and (cell.outputs or cell.execution_count):
            problems.append(f"{twin}, cell {number} stores an output though it is not checked. {cure}")
    return problems


def same(expected: NotebookNode, found: NotebookNode) -> bool:
    """Whether two cells agree in all but outputs."""
    kind, name = found.cell_type, found.get("id")
    alike = (kind, name, found.metadata) == (expected.cell_type, expected["id"], expected.metadata)
    return alike and says(expected.source, found.source)


def says(expected: str, found: str) -> bool:
    """Whether two texts agree; a glued number may be anything."""
    pieces = GLUED.split(expected)[::2]
    return re.fullmatch("[^\n]+?".join(map(re.escape, pieces)), found) is not None


def difference(expected: NotebookNode, found: NotebookNode) -> str:
    """The first line of the source that the twin does not hold, as far as it helps to find it."""
    lines, others = expected.source.split("\n"), found.source.split("\n")
    other = (line for line, there in zip(lines, others, strict=False) if not says(line, there))
    return GLUED.sub("...", next(other, lines[0]))[:70]


def mend_style(source: Path, width: int) -> None:
    """Let ruff mend the code cells of `source`; all else stays as it is, byte for byte."""
    text = source.read_text()
    before = jupytext.reads(text, fmt="md:myst")
    notebook = nbformat.writes(before)
    for command in (["check", "--fix", "--exit-zero"], ["format", "--line-length", str(width)]):
        ruff = [sys.executable, "-m", "ruff", *command, "--quiet", "--stdin-filename"]
        ruff += [f"{source.with_suffix('.ipynb')}", "-"]
        notebook = subprocess.run(ruff, input=notebook, capture_output=True, text=True, check=True).stdout
    at = 0
    for old, new in zip(before.cells, nbformat.reads(notebook, as_version=4).cells, strict=True):
        at = max(text.find(old.source, at), at)
        if old.source != new.source:
            text = text[:at] + text[at:].replace(old.source, new.source, 1)
        at += len(new.source)
    if text != source.read_text():
        source.write_text(text)
        print(f"mended {source}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["write", "check", "address", "format"])
    parser.add_argument("sources", nargs="*", type=Path)
    parser.add_argument("--width", type=int, default=76, help="for format: the longest line of a cell")
    options = parser.parse_intermixed_args(arguments)
    sources = options.sources or sorted(Path("notebooks").glob("*.md"))
    try:
        address = Address.read(Path.cwd())
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    book = Book.read(Path.cwd(), address.pages)
    problems: list[str] = []
    for source in sources:
        try:
            if options.command == "check":
                problems += check(source, book, address)
            elif options.command == "format":
                mend_style(source, options.width)
            elif options.command == "address":
                problems += readdress(source, address)
            else:
                write(source, book, address)
        except (MystError, CellExecutionError) as error:
            problems.append(str(error) if isinstance(error, MystError) else f"{source} failed in this cell:\n{error}")
    if not options.sources:
        problems += orphans()
    print(*problems, sep="\n", file=sys.stderr, end="\n" if problems else "")
    if options.command == "check" and not problems:
        print(f"{len(sources)} notebooks, no drift")
        if address.repository and not all(map(repository_of, map(read_twin, sources))):
            print(f"Not all of them name {address.repository}; `make address` writes it into them.")
    return bool(problems)


def orphans() -> list[str]:
    """Twins whose source is gone."""
    twins = sorted(Path("notebooks").glob("*.ipynb"))
    return [f"{t} has no source {t.with_suffix('.md')}. Remove it." for t in twins if not t.with_suffix(".md").exists()]


if __name__ == "__main__":
    raise SystemExit(main())
