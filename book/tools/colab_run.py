"""Run notebooks as Colab would, without a network: in an empty folder, `companion` not installed.

    python book/tools/colab_run.py [notebooks/NAME.md ...]

Each notebook gets a fresh environment that sees what Colab has, in the versions of this one, and nothing
else. First it runs without its set-up cell, and must miss `companion`; then with the cell, word for word.
git takes the working tree as it is now, edits included, for the repository that the cell names, and pip
finds what it needs beside that in the wheels that `make setup` has kept. At the end the installed files
must be those of the working tree. A twin that names no repository is given a stand-in first.

That Colab's own image has these versions, and the network, is more than this can show.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

import nbformat
from address import Address
from doors import SETUP, repository_of, stamp
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# What our notebooks use of what Colab ships: github.com/googlecolab/backend-info, pip-freeze.txt.
COLAB = (
    "imbalanced-learn", "ipykernel", "matplotlib", "nbclient", "networkx", "numpy", "pandas", "pip",
    "scikit-image", "scikit-learn", "scipy", "seaborn", "statsmodels", "torch", "tqdm",
)  # fmt: skip
STAND_IN = Address("https://github.com/OWNER/NAME")
WHEELS = Path(sys.prefix, "wheels")
# Runs the notebook it reads and prints what the last cell printed, or the error of the cell that failed.
EXECUTE = """\
import sys
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

notebook = nbformat.reads(sys.stdin.read(), as_version=4)
try:
    NotebookClient(notebook, timeout=300).execute()
except CellExecutionError as error:
    print(error)
    sys.exit(1)
print(*(output.get("text", "") for output in notebook.cells[-1].get("outputs", [])))
"""
COLOUR = re.compile(r"\x1b\[[\d;]*m")
MISSED = "ModuleNotFoundError: No module named 'companion'"
# The settings of this machine and of its user must neither help nor hinder.
SETTINGS = re.compile(r"GIT|IPYTHON|JUPYTER|MPL|PIP_|PYTHON|VIRTUAL_ENV|XDG_")


class Unlike(Exception):
    """A notebook did not do what it must do in Colab."""


@dataclass(frozen=True)
class Machine:
    """A Python with what Colab has, and the variables under which it runs."""

    python: Path
    packages: Path
    environment: dict[str, str]


def new_machine(folder: Path, repository: str) -> Machine:
    """Make a fresh environment in `folder`, where git finds `repository` in the folder of that name."""
    home, python = folder / "home", folder / "venv"
    home.mkdir()
    venv.create(python, symlinks=True, with_pip=False)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(python), "platbase": str(python)}))
    shipped = folder / "shipped"
    shipped.mkdir()
    for dist in closure(COLAB):
        link(dist, shipped)
    (packages / "shipped.pth").write_text(f"{shipped}\n")
    environment = {name: value for name, value in os.environ.items() if not SETTINGS.match(name)}
    environment |= {
        "HOME": str(home),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{(folder / 'repository').as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": repository,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_FIND_LINKS": WHEELS.as_uri(),  # an address: pip splits this variable at spaces
        "PIP_NO_INDEX": "1",
        "PYTHONNOUSERSITE": "1",
    }
    return Machine(python / "bin" / "python", packages, environment)


def closure(names: Iterable[str]) -> list[Distribution]:
    """Return the installed distributions of these names, and all that they require."""
    found: dict[str, Distribution] = {}
    wanted = list(names)
    while wanted:
        name = canonicalize_name(wanted.pop())
        if name not in found:
            found[name] = distribution(name)
            required = map(Requirement, found[name].requires or [])
            wanted += [r.name for r in required if r.marker is None or r.marker.evaluate({"extra": ""})]
    return list(found.values())


def link(dist: Distribution, folder: Path) -> None:
    """Let `folder` show the files and folders of `dist` that Python imports from."""
    for top in {file.parts[0] for file in dist.files or []} - {"..", "__pycache__"}:
        there = folder / top
        if not there.is_symlink():
            there.symlink_to(Path(str(dist.locate_file(top))).resolve())


def snapshot(root: Path, folder: Path) -> None:
    """Commit the working tree of `root`, edits and new files included, to a repository in `folder`."""
    git = ["git", f"--git-dir={folder / '.git'}", f"--work-tree={root}"]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    plain |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    author = ["-c", "user.name=colab_run", "-c", "user.email=colab_run"]
    subprocess.run(["git", "init", "-q", str(folder)], env=plain, check=True)
    subprocess.run([*git, "add", "--all", "."], cwd=root, env=plain, check=True)
    subprocess.run([*git, *author, "commit", "-q", "--no-verify", "-m", "as it is"], env=plain, check=True)


def execute(notebook: NotebookNode, machine: Machine) -> str:
    """Run `notebook` in an empty folder and return what its last cell printed.

    Raises:
        Unlike: If a cell fails; with its error.
    """
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(
            [str(machine.python), "-c", EXECUTE],
            input=nbformat.writes(notebook),
            cwd=empty,
            env=machine.environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise Unlike(COLOUR.sub("", done.stdout or done.stderr).strip())
    return done.stdout.strip()


def run(twin: NotebookNode, root: Path, folder: Path) -> None:
    """Run `twin` without and then with its set-up cell on a new machine in `folder`.

    Raises:
        Unlike: If it does not miss `companion` at first, if a cell fails then, or if it has got another
            `companion` than that of `root`.
    """
    snapshot(root, folder / "repository")
    machine = new_machine(folder, repository_of(twin))
    with_setup, without = nbformat.from_dict(twin), nbformat.from_dict(twin)
    without.cells = [cell for cell in twin.cells if cell["id"] != SETUP]
    try:
        execute(without, machine)
    except Unlike as error:
        if MISSED not in str(error):
            raise
    else:
        raise Unlike("it ran without its set-up cell, so this run would prove nothing")
    with_setup.cells = [*twin.cells, new_code_cell("import companion\n\nprint(companion.__file__)")]
    where = Path(execute(with_setup, machine)).parent
    if where != machine.packages / "companion":
        raise Unlike(f"its `companion` lies in {where}, not in the fresh environment {machine.packages}")
    changed = contents(where) ^ (contents(root / "companion") | contents(root / "book" / "recorded", "recorded"))
    if changed:
        raise Unlike(f"it installed other files than those of {root}: {sorted({name for name, _ in changed})}")


def contents(folder: Path, prefix: str = "") -> set[tuple[str, bytes]]:
    """Return the files under `folder`, each with what it holds; hidden ones and caches are no part of it."""
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    hidden = re.compile(r"(?:^|/)(?:\.|__pycache__/)")
    return {(Path(prefix, name).as_posix(), names[name].read_bytes()) for name in names if not hidden.search(name)}


def read(source: Path) -> NotebookNode:
    """Return the twin of `source`, with a stand-in for the repository if it names none."""
    twin = source.with_suffix(".ipynb")
    if not twin.exists():
        raise Unlike(f"{twin} is missing. Run `make twins NOTEBOOKS={source}`.")
    notebook = nbformat.read(twin, as_version=4)
    if not repository_of(notebook):
        stamp(notebook, source.stem, STAND_IN)
    return notebook


def main(arguments: list[str]) -> int:
    """Run the command line and return the exit status."""
    if shutil.which("git") is None:
        print("git was not found, so no notebook was run as Colab would; all else goes on.")
        return 0
    if not WHEELS.is_dir():
        print(f"{WHEELS} is missing: pip would need the network. `make setup` writes it.", file=sys.stderr)
        return 1
    failed = 0
    for source in [Path(name) for name in arguments] or sorted(Path("notebooks").glob("*.md")):
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                run(read(source), Path.cwd(), Path(folder).resolve())
            except Unlike as error:
                failed += 1
                print(f"{source} does not run as in Colab: {error}", file=sys.stderr)
            else:
                print(f"{source} runs as in Colab ({time.monotonic() - start:.0f} s)")
    return bool(failed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
