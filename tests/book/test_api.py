"""The API reference names everything that is public."""

import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from sphinx.util.inventory import InventoryFile

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("losses", "weighters", "diagnostics", "data", "metrics", "experiments", "plots", "report")
CONFIG = """
import sys
sys.path.insert(0, {tools!r})
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "reader_pages"]
exclude_patterns = ["_out"]
"""


def public_names(name: str) -> list[str]:
    """What a module lists in `__all__`; without it, what it defines under a name without underscore."""
    module = import_module(f"companion.{name}")
    own = [n for n, o in vars(module).items() if getattr(o, "__module__", None) == module.__name__]
    return getattr(module, "__all__", [n for n in own if not n.startswith("_")])


def test_every_public_name_is_in_the_reference(tmp_path: Path) -> None:
    shutil.copy(ROOT / "book" / "api.md", tmp_path / "index.md")
    shutil.copytree(ROOT / "book" / "api", tmp_path / "api")
    (tmp_path / "conf.py").write_text(CONFIG.format(tools=str(ROOT / "book" / "tools")))
    out = tmp_path / "_out"
    subprocess.run([sys.executable, "-m", "sphinx", "-q", str(tmp_path), str(out)], check=True)
    with (out / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda base, uri: uri)
    shown = {name for kind in inventory if kind.startswith("py:") for name in inventory[kind]}
    expected = {f"companion.{name}.{public}" for name in MODULES for public in public_names(name)}
    assert sorted(expected - shown) == []
    assert "companion.device" in shown
