"""The rules of the README, checked: a rule that nobody checks is a wish."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from companion import losses
from companion._twin import Twin

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "companion"
SOURCES = sorted(PACKAGE.rglob("*.py"))
GROUPS = ("losses", "weighters", "diagnostics")


def is_idea(path: Path) -> bool:
    """Whether it is a file of a group with no underscore in its name, nor in that of a room it stands in."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] in GROUPS and not any(part.startswith("_") for part in parts)


IDEAS = [path for path in SOURCES if is_idea(path)]
# Public beside the ideas: for those who write another weighter, and what diagnostics say.
PLUMBING = {"weighters": {"History", "Weighter"}, "diagnostics": {"Finding", "Report"}}
HEAVY = ("matplotlib", "pandas", "scipy", "seaborn", "skimage", "sklearn", "statsmodels")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path) -> set[str]:
    """The modules that a file imports from, at its head or inside a function."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)} imports by dots"
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found


def ours(path: Path) -> set[str]:
    return {module for module in imports(path) if module.split(".")[0] == "companion"}


def test_there_is_something_to_check() -> None:
    assert len(SOURCES) > 20
    assert len(IDEAS) > 10


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name != "__init__.py"], ids=name)
def test_file_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_file_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(tree(path))


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name != "__init__.py"], ids=name)
def test_imports_the_file_and_never_the_package(path: Path) -> None:
    for module in ours(path):
        there = PACKAGE.joinpath(*module.split(".")[1:])
        assert there.with_suffix(".py").exists(), f"{name(path)} imports the package {module}"


@pytest.mark.parametrize("path", IDEAS, ids=name)
def test_an_idea_imports_plumbing_and_its_own_folder(path: Path) -> None:
    mine = ".".join(path.relative_to(ROOT).parent.parts)
    for module in ours(path):
        plumbing = re.fullmatch(r"companion\._\w+", module) or (
            module == "companion.metrics" and mine == "companion.diagnostics"  # scores are written once
        )
        own_folder = re.fullmatch(rf"{mine}\.(_\w+\.)?\w+", module)
        assert plumbing or own_folder, f"{name(path)} may not import {module}"


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parent == PACKAGE and p.name.startswith("_")], ids=name)
def test_plumbing_does_not_know_the_ideas(path: Path) -> None:
    if path.name not in ("__init__.py", "__main__.py"):
        assert all(re.fullmatch(r"companion\._\w+", module) for module in ours(path))


@pytest.mark.parametrize("path", IDEAS, ids=name)
def test_every_idea_has_its_test_file(path: Path) -> None:
    there = ROOT / "tests" / path.relative_to(PACKAGE).parent / f"test_{path.name}"
    assert there.exists(), f"{name(path)} has no {name(there)}"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_never_asserts_and_never_prints(path: Path) -> None:
    for node in ast.walk(tree(path)):
        assert not isinstance(node, ast.Assert), f"line {node.lineno}"
        assert not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"), f"line {node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_importing_a_file_does_nothing(path: Path) -> None:
    """A recorded run counts what it names; an import that acted by itself would escape it."""
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    body = tree(path).body[1:]  # the first is the docstring
    if path.name == "__main__.py":
        assert ast.unparse(body.pop()).startswith("if __name__ == '__main__':")
    for node in body:
        only_for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not node.orelse
        assert isinstance(node, kinds) or only_for_types, f"line {node.lineno}"


WAITS = {"item", "tolist", "cpu", "numpy", "cuda", "nonzero"}


ON_THE_DEVICE = [p for p in IDEAS if "diagnostics" not in p.parts] + [PACKAGE / "_margin.py"]


@pytest.mark.parametrize("path", ON_THE_DEVICE, ids=name)
def test_losses_and_weighters_never_leave_the_device(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in WAITS, f".{node.func.attr}() in line {node.lineno}"


def public() -> list[object]:
    found = []
    for group in GROUPS:
        if (PACKAGE / group).exists():
            module = importlib.import_module(f"companion.{group}")
            found += [getattr(module, public) for public in module.__all__ if public not in PLUMBING.get(group, ())]
    return found


def is_result(thing: object) -> bool:
    """Whether it is a named tuple, whose parts are described where they are returned."""
    return inspect.isclass(thing) and issubclass(thing, tuple)


@pytest.mark.parametrize("thing", [t for t in public() if is_result(t)], ids=lambda thing: thing.__name__)
def test_every_result_says_who_returns_it(thing: type) -> None:
    function = re.fullmatch(r"What :func:`(\w+)` returns\.", inspect.getdoc(thing))
    assert function
    described = inspect.getdoc(getattr(sys.modules[thing.__module__], function[1])).split("\nReturns:\n")[1]
    assert all(f"``{part}``" in described for part in thing._fields)


@pytest.mark.parametrize("thing", [t for t in public() if not is_result(t)], ids=lambda thing: thing.__name__)
def test_every_public_name_is_documented(thing: object) -> None:
    doc = inspect.getdoc(thing) or ""
    for section in ("Args:", "Returns:", "Raises:", "Example:", "References:"):
        assert f"\n{section}\n" in doc, f"{thing.__name__} has no {section!r}"
    assert ">>> " in doc
    assert "https://" in doc
    assert doc.split("\n")[0].endswith(".")
    shown = [p for p in inspect.signature(thing).parameters if p != "self"]
    described = re.findall(r"^    (\w+): ", doc.split("\nArgs:\n")[1].split("\nReturns:\n")[0], flags=re.MULTILINE)
    assert set(shown) <= set(described), f"{set(shown) - set(described)} not described"


@pytest.mark.parametrize("thing", [t for t in public() if inspect.isfunction(t)], ids=lambda thing: thing.__name__)
def test_arguments_are_described_in_the_order_of_the_signature(thing: object) -> None:
    doc = inspect.getdoc(thing)
    described = re.findall(r"^    (\w+): ", doc.split("\nArgs:\n")[1].split("\nReturns:\n")[0], flags=re.MULTILINE)
    assert described == list(inspect.signature(thing).parameters)


@pytest.mark.parametrize("thing", [t for t in public() if inspect.isfunction(t)], ids=lambda thing: thing.__name__)
def test_every_argument_is_typed(thing: object) -> None:
    signature = inspect.signature(thing)
    assert all(p.annotation is not p.empty for p in signature.parameters.values())
    assert signature.return_annotation is not signature.empty


@pytest.mark.parametrize("group", [group for group in GROUPS if (PACKAGE / group).exists()])
def test_all_is_complete(group: str) -> None:  # and sorted: ruff sees to that, capitals first
    package = importlib.import_module(f"companion.{group}")
    defined = set(PLUMBING.get(group, ()))
    for path in (p for p in IDEAS if p.relative_to(PACKAGE).parts[0] == group and p.name != "__init__.py"):
        nodes = [node for node in tree(path).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
        defined |= {node.name for node in nodes if not node.name.startswith("_")}
    assert set(package.__all__) == defined
    for listed in package.__all__:
        thing = getattr(package, listed)
        assert f"`{listed}`" in package.__doc__ or is_result(thing) or issubclass(thing, Twin)


def test_a_twin_bears_the_name_of_its_function() -> None:
    for listed in losses.__all__:
        thing = getattr(losses, listed)
        if inspect.isclass(thing) and issubclass(thing, Twin):
            words = thing.function.__name__.split("_")
            assert listed.lower() in ("".join(words), "".join(words) + "loss")


def test_importing_companion_is_cheap() -> None:
    script = f"import sys, companion; print([m for m in {HEAVY} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.strip() == "[]"
