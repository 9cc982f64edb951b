"""A CSV file as a table: separator and encoding are found out, and of a long file only a sample is kept."""

import codecs
import csv
import difflib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
HEAD = 65_536
CHUNK = 100_000


class CSV(NamedTuple):
    """The table, its rows labelled by their number in the file; how many that has; and what was guessed about it."""

    table: "pd.DataFrame"
    rows: int
    remarks: list[str]


def read_csv(path: Path, target: str, *, rows: int, seed: int, progress: bool) -> CSV:
    """Every row has the same chance to be among the ``rows`` that are kept; they stay in the order of the file."""
    head = _head(path)
    encoding = next((name for mark, name in MARKS.items() if head.startswith(mark)), "utf-8")
    try:
        return _read(path, encoding, head, target, rows, seed, progress)
    except UnicodeDecodeError:
        found = _read(path, "latin-1", head, target, rows, seed, progress)
        return found._replace(remarks=["not UTF-8, read as Latin-1", *found.remarks])
    except Warning:
        raise ValueError("Every row must have as many fields as the header, got one with more.") from None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head.strip():
        raise ValueError(f"The file must hold a header and rows, got an empty file: {path}.")
    if (b"\0" in head and not head.startswith(tuple(MARKS))) or head.startswith((b"\x1f\x8b", b"PK")):
        raise ValueError(
            f"The file must be text with separators, got something else: {path}. Unpack or export it first."
        )
    return head


def _read(path: Path, encoding: str, head: bytes, target: str, rows: int, seed: int, progress: bool) -> CSV:
    import pandas as pd
    from tqdm import tqdm

    lines = [line for line in codecs.getincrementaldecoder(encoding)().decode(head).splitlines() if line.strip()]
    separator, decimal = _separator(lines)
    names = next(csv.reader(lines, delimiter=separator, skipinitialspace=True))
    _check_names(names, target)
    options = {"sep": separator, "decimal": decimal, "encoding": encoding, "skipinitialspace": True}
    rng = np.random.default_rng(seed)
    kept, number = [], 0
    limit = 1.0
    with warnings.catch_warnings(), tqdm(desc="rows read", unit="", disable=not progress, leave=False) as bar:
        warnings.simplefilter("error", pd.errors.ParserWarning)
        for part in pd.read_csv(path, chunksize=CHUNK, low_memory=False, index_col=False, **options):
            part.index = pd.RangeIndex(number, number + len(part))
            drawn = rng.random(len(part))
            kept.append((part[drawn < limit], drawn[drawn < limit]))
            number += len(part)
            bar.update(len(part))
            if sum(len(draw) for _, draw in kept) > 2 * rows + CHUNK:
                kept, limit = _smallest(kept, rows)
    if not number:
        raise ValueError(f"The file must have rows below its header, got none: {path}.")
    if number > rows:
        kept, _ = _smallest(kept, rows)
    remarks = [f"separated by {SEPARATORS[separator]}"] if separator != "," else []
    remarks += ["decimal comma"] if decimal == "," else []
    return CSV(pd.concat([part for part, _ in kept]), number, remarks)


def _smallest(
    kept: list[tuple["pd.DataFrame", np.ndarray]], rows: int
) -> tuple[list[tuple["pd.DataFrame", np.ndarray]], float]:
    """The rows with the smallest draws, in order, and the draw that a later row must stay below."""
    import pandas as pd

    draws = np.concatenate([draw for _, draw in kept])
    limit = float(np.partition(draws, rows)[rows])
    part = pd.concat([part for part, _ in kept])[draws < limit]
    return [(part, draws[draws < limit])], limit


def _separator(lines: list[str]) -> tuple[str, str]:
    """The one that is most frequent in the header outside of quotes; a decimal comma where it is not the comma."""
    outside = "".join(lines[0].split('"')[::2])
    separator = max(SEPARATORS, key=outside.count)
    fields = [field for line in lines[1:-1] for field in line.split(separator)]
    with_comma = sum(_is_number(field.replace(",", ".", 1)) and "," in field for field in fields)
    with_dot = sum(_is_number(field) and "." in field for field in fields)
    return separator, "," if separator != "," and with_comma > with_dot else "."


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_names(names: list[str], target: str) -> None:
    twice = {name for name in names if name and names.count(name) > 1}
    if twice:
        raise ValueError(f"The header must have distinct names, got {sorted(twice)[0]!r} more than once.")
    if target not in names:
        near = difflib.get_close_matches(target, names, n=1, cutoff=0.5)
        cure = f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(names[:20])}."
        raise ValueError(f"--target must be a column of the file, got {target!r}.{cure}")
