"""Sphinx extension: key the notebook cache on everything a notebook imports.

jupyter-cache looks at the cells alone, so after an edit of `companion` the book would still show
the old numbers. Here the cache lies in a folder named after the companion's sources, the recorded
runs with their scripts, and the installed versions; folders of earlier states are removed.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from digest import digest, installed

INPUTS = ("companion/**/*.py", "book/recorded/*", "tests/benchmarks/*.py")


def cache_folder(root: Path, build: Path) -> Path:
    """Return the cache folder for the present state of `root`, and remove all others."""
    base = build / "jupyter_cache"
    current = base / digest(root, INPUTS, installed())
    for old in base.glob("*"):
        if old != current:
            shutil.rmtree(old)
    return current


def use_cache_folder(app: Any, config: Any) -> None:
    """Point myst-nb at the folder, before it reads its configuration."""
    config.nb_execution_cache_path = str(cache_folder(Path(app.srcdir), Path(app.outdir).parent))


def setup(app: Any) -> dict[str, Any]:
    """Register the extension."""
    app.connect("config-inited", use_cache_folder, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
