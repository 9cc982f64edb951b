"""The cells that only a twin has follow the address, and can be exchanged."""

import importlib.util
from copy import deepcopy

import pytest
from address import Address
from doors import BADGE, SETUP, repository_of, stamp
from IPython.core.interactiveshell import InteractiveShell
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from traitlets.config import Config

SOMEWHERE = Address("https://github.com/some/book")
ELSEWHERE = Address("https://github.com/else/where", "trunk")


@pytest.fixture
def notebook() -> NotebookNode:
    cells = [new_markdown_cell("# Title"), new_code_cell("1"), new_markdown_cell("Text"), new_code_cell("2")]
    return new_notebook(cells=cells)


def stamped(notebook: NotebookNode, *addresses: Address) -> NotebookNode:
    result = deepcopy(notebook)
    for address in addresses:
        stamp(result, "one", address)
    return result


def test_with_an_address_there_is_a_badge_on_top_and_a_set_up_as_first_code_cell(notebook: NotebookNode) -> None:
    cells = stamped(notebook, ELSEWHERE).cells
    assert [cell["id"] for cell in cells][:3] == [BADGE, notebook.cells[0]["id"], SETUP]
    assert len(cells) == len(notebook.cells) + 2
    assert "(https://colab.research.google.com/github/else/where/blob/trunk/notebooks/one.ipynb)" in cells[0].source
    assert '"loss-companion[data] @ git+https://github.com/else/where"' in cells[2].source


def test_without_one_there_is_no_link_and_the_set_up_says_what_to_install(notebook: NotebookNode) -> None:
    cells = stamped(notebook, Address()).cells
    assert [cell["id"] for cell in cells][1] == SETUP
    assert len(cells) == len(notebook.cells) + 1
    assert 'pip install -e ".[data]"' in cells[1].source
    assert "http" not in "".join(cell.source for cell in cells)


@pytest.mark.parametrize("before", [Address(), SOMEWHERE])
@pytest.mark.parametrize("after", [Address(), SOMEWHERE, ELSEWHERE])
def test_another_address_leaves_no_trace_of_the_first(notebook: NotebookNode, before: Address, after: Address) -> None:
    assert stamped(notebook, before, after) == stamped(notebook, after)


@pytest.mark.parametrize("address", [Address(), SOMEWHERE, ELSEWHERE])
def test_a_twin_tells_the_repository_it_names(notebook: NotebookNode, address: Address) -> None:
    assert repository_of(stamped(notebook, address)) == address.repository


def test_a_notebook_without_set_up_names_none(notebook: NotebookNode) -> None:
    assert repository_of(notebook) == ""


@pytest.mark.parametrize("address", [Address(), SOMEWHERE])
def test_the_set_up_does_nothing_where_companion_is_installed(notebook: NotebookNode, address: Address) -> None:
    assert run_setup(stamped(notebook, address)) == (None, [])


def test_a_pip_that_fails_ends_in_a_sentence(notebook: NotebookNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    error, installed = run_setup(stamped(notebook, SOMEWHERE))
    assert installed == ['install -q "loss-companion[data] @ git+https://github.com/some/book"']
    assert isinstance(error, ImportError)
    assert "`companion` could not be installed: pip says above why." in str(error)


def test_without_an_address_nothing_is_installed(notebook: NotebookNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    error, installed = run_setup(stamped(notebook, Address()))
    assert installed == []
    assert "`companion` is not installed" in str(error)


def run_setup(notebook: NotebookNode) -> tuple[BaseException | None, list[str]]:
    """Run the set-up cell with a pip that does nothing; return its error and how pip was called."""
    shell, calls = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}})), []
    shell.register_magic_function(calls.append, magic_name="pip")
    source = next(cell.source for cell in notebook.cells if cell["id"] == SETUP)
    return shell.run_cell(source, silent=True).error_in_exec, calls
