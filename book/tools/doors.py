"""The two cells that only a twin has: the badge that opens it in Colab, and the set-up of `companion`.

The pages of the book do not show them: they have buttons, and their kernel has `companion`.
"""

from __future__ import annotations

import re

from address import COLAB, Address, github
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

BADGE, SETUP = "colab-badge", "set-up"
INSTALLED_FROM = re.compile(r'git\+(https://[^"\s]+)"')

# pip does not stop a notebook, so the cell looks for itself whether it has worked.
INSTALL = """\
import importlib.util

if importlib.util.find_spec("companion") is None:  # as in Colab
    %pip install -q "loss-companion[data] @ git+{repository}"
    importlib.invalidate_caches()
    if importlib.util.find_spec("companion") is None:
        raise ImportError(
            "`companion` could not be installed: pip says above why. "
            "Once that is mended, run this cell again."
        )"""
ASK = """\
import importlib.util

if importlib.util.find_spec("companion") is None:
    raise ImportError(
        "`companion` is not installed, and this notebook does not know "
        "where it is published. In the folder of the repository: "
        'pip install -e ".[data]". From anywhere, with its address: '
        'pip install "loss-companion[data] @ git+ADDRESS".'
    )"""


def stamp(notebook: NotebookNode, name: str, address: Address) -> None:
    """Give a twin the cells for `address`, in place of those it has.

    Args:
        notebook: The twin; changed in place. The set-up becomes its first code cell.
        name: File name without ending, ``imbalance``.
        address: Without a repository there is no badge, and the set-up says what to install.
    """
    cells = [cell for cell in notebook.cells if cell["id"] not in (BADGE, SETUP)]
    first = next((i for i, cell in enumerate(cells) if cell.cell_type == "code"), len(cells))
    setup = INSTALL.format(repository=address.repository) if address.repository else ASK
    cells.insert(first, new_code_cell(setup, id=SETUP))
    if address.repository:
        link = address.in_colab(f"notebooks/{name}.ipynb")
        badge = f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({link})"
        cells.insert(0, new_markdown_cell(badge, id=BADGE))
    notebook.cells = cells


def repository_of(notebook: NotebookNode) -> str:
    """Return the repository that the set-up cell of a twin installs from, or nothing."""
    setup = next((cell.source for cell in notebook.cells if cell.get("id") == SETUP), "")
    found = INSTALLED_FROM.search(setup)
    return github(found[1]) if found else ""
