"""A small book on which the tools are tried."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import twins
from address import Address
from colab import Book

from tests.book.samples import HEADER

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = (
    HEADER
    + """\
# One number

:::{note}
A loss.
:::

```{code-cell} ipython3
from companion import loss

print("the loss is", loss())
```
"""
)


@pytest.fixture
def clone() -> Callable[..., None]:
    """Makes a folder a clone with remotes, ``clone(folder, origin=url)``; the test is skipped where git is missing."""

    def make(folder: Path, **remotes: str) -> None:
        if shutil.which("git") is None:
            pytest.skip("git was not found")
        subprocess.run(["git", "init", "-q", str(folder)], check=True)
        for name, url in remotes.items():
            subprocess.run(["git", "-C", str(folder), "remote", "add", name, url], check=True)

    return make


@pytest.fixture
def small_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A book of two pages with the real tools and configuration; its path has a space."""
    root = tmp_path / "small book"
    shutil.copytree(ROOT / "book" / "tools", root / "book" / "tools")
    shutil.copytree(ROOT / "book" / "static", root / "book" / "static")
    shutil.copy(ROOT / "_config.yml", root)
    for name, text in {
        "_toc.yml": "{format: jb-book, root: book/index, chapters: [{file: notebooks/one}]}",
        "book/index.md": "# Small book\n",
        "book/references.bib": "",
        "notebooks/one.md": NOTEBOOK,
        "companion/__init__.py": "from companion.losses import loss as loss\n",
        "companion/losses.py": "def loss() -> float:\n    return 1.5\n",
        "tests/benchmarks/run.py": "",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    twins.write(root / "notebooks" / "one.md", Book(), Address())
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    return root
