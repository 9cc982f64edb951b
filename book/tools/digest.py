"""One digest of files and installed versions: what a stored result depends on."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path


def installed() -> list[str]:
    """Python and every installed distribution, each with its version."""
    found = {f"{d.name}=={d.version}" for d in distributions()}
    return [f"python=={platform.python_version()}", *sorted(found)]


def digest(root: Path, patterns: Iterable[str], extra: Iterable[str] = ()) -> str:
    """Digest the names and contents of the files under `root` that match, and the lines of `extra`.

    Args:
        root: Folder the patterns start from.
        patterns: Globs such as ``companion/**/*.py``.
        extra: Lines that count too, such as installed versions.

    Returns:
        Sixteen hexadecimal digits.
    """
    h = hashlib.sha256()
    for line in extra:
        h.update(line.encode() + b"\0")
    for path in sorted({p for pattern in patterns for p in root.glob(pattern) if p.is_file()}):
        if "__pycache__" in path.parts:
            continue
        content = hashlib.sha256(path.read_bytes()).digest()
        h.update(path.relative_to(root).as_posix().encode() + b"\0" + content)
    return h.hexdigest()[:16]
