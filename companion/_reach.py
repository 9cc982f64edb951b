"""What a recorded run reaches in the package: the names in its scripts, the names in their definitions, and so on.

Sources are read and never run. Where a name is known only to the running code, the whole file or folder counts: a run
may be flagged without need, but does not pass for current by mistake. What a script starts as another process is not
seen, so that script must be given too.
"""

import ast
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

WHOLE = "*"  # in place of a name: all of a file, and with an `__init__.py` all of its folder
# Whoever uses one of these may reach anything by its name.
DYNAMIC = {"__import__", "eval", "exec", "globals", "importlib", "pkgutil", "runpy", "sys:modules"}
# `report` only writes a result down; `check_options` only raises, which a run that came to its end did not.
NO_PART = {"companion.report:*", "companion._options:check_options"}


class Place(NamedTuple):
    """A top-level name of a module, or the module itself where the name is empty."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"

    @property
    def counts(self) -> bool:
        """Whether it can change a result."""
        return NO_PART.isdisjoint({str(self), f"{self.module}:{WHOLE}"})


def uses(scripts: Iterable[str], package: Path) -> list[str]:
    """The names that scripts take from the package, such as ``companion.data:digits``; ``*`` is all of a module."""
    sources = _Sources(package)
    found: set[Place] = set()
    for path in scripts:
        script = _File(package.parent / path, package.name)
        for chain in [[WHOLE], *_chains(script.tree)]:
            found.update(sources.named(script, chain))
    return sorted(str(place) for place in found if place.counts and sources.holds(place.module))


def digest(uses: Iterable[str], package: Path) -> str:
    """Fingerprint of all that these names reach, 16 hexadecimal digits; docstrings and comments do not count."""
    sources = _Sources(package)
    found: dict[str, str] = {}
    todo = {Place(*use.split(":")) for use in uses}
    while todo:
        place = todo.pop()
        if place.counts and str(place) not in found:
            found[str(place)], named = sources.at(place)
            todo |= named
    return _hash("\n".join(f"{place} {code}" for place, code in sorted(found.items())))


def digests_of_scripts(scripts: Iterable[str | Path], root: Path) -> dict[str, str]:
    """Fingerprints of scripts by their paths from the root of the repository, of the same kind."""
    found, root = {}, root.resolve()
    for script in scripts:
        path = (root / script).resolve()
        if not (path.is_relative_to(root) and path.is_file()):
            raise ValueError(f"`scripts` must be files of the repository, got {str(script)!r}.")
        code = _plain(ast.parse(path.read_text(encoding="utf-8")))
        found[path.relative_to(root).as_posix()] = _hash(code)
    return found


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _File:
    """A source by its top-level names: the statements that define them, and whence they are imported."""

    def __init__(self, path: Path, package: str) -> None:
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.defined: dict[str, list[ast.stmt]] = defaultdict(list)
        self.imported: dict[str, set[Place]] = defaultdict(set)  # inside functions too
        self.loose: list[ast.stmt] = []  # what defines no name may change anything, so it counts with every name
        for node in ast.walk(self.tree):
            for name, place in _imports(node, package):
                self.imported[name].add(place)
        for statement in self.tree.body:
            names = _names(statement)
            for name in names:
                self.defined[name].append(statement)
            if not names and not isinstance(statement, ast.Import | ast.ImportFrom):
                self.loose.append(statement)


class _Sources:
    """The files of the package, each read once."""

    def __init__(self, package: Path) -> None:
        self.package = package
        self.files: dict[str, _File | None] = {}

    def holds(self, module: str) -> bool:
        """Whether a module is one of the package, by its name."""
        return module.split(".")[0] == self.package.name

    def file(self, module: str) -> _File | None:
        """The source of a module of the package, None if there is none."""
        if module not in self.files:
            there = self.package.parent.joinpath(*module.split("."))
            paths = [path for path in (there / "__init__.py", there.with_suffix(".py")) if path.is_file()]
            self.files[module] = _File(paths[0], self.package.name) if paths and self.holds(module) else None
        return self.files[module]

    def inside(self, module: str) -> set[Place]:
        """The modules in the folder of a module, if it has one."""
        root = self.package.parent
        files = root.joinpath(*module.split(".")).rglob("*.py")
        modules = [path.relative_to(root).with_suffix("").parts for path in files]
        return {Place(".".join(parts), WHOLE) for parts in modules if "recorded" not in parts}  # the copy in a wheel

    def named(self, file: _File, chain: list[str]) -> Iterator[Place]:
        """What a chain such as ``losses.focal_loss`` may stand for in a file, by its imports."""
        if chain[0] in DYNAMIC:
            yield Place(self.package.name, WHOLE)
        for place in file.imported.get(chain[0], ()):
            place = self.settled(place)
            for part in chain[1:]:
                place = place if place.name else self.settled(Place(place.module, part))
            yield place if place.name else Place(place.module, WHOLE)  # handed on, it may be asked for any name
            if not DYNAMIC.isdisjoint({place.module.split(".")[0], str(place)}):
                yield Place(self.package.name, WHOLE)

    def settled(self, place: Place) -> Place:
        """The place, as a module where its name stands for one."""
        file, inner = self.file(place.module), f"{place.module}.{place.name}"
        if not place.name or self.file(inner) is None:
            return place
        hidden = file and (place.name in file.defined or file.imported.get(place.name, {place}) != {place})
        return place if hidden else Place(inner, "")

    def at(self, place: Place) -> tuple[str, set[Place]]:
        """The code at a place, and the places that it names."""
        file = self.file(place.module)
        if file is None:
            return "", set()
        found: set[Place] = set()
        known = {*file.defined, *file.imported}
        if place.name == WHOLE or place.name not in known:
            found = {Place(place.module, name) for name in known} | self.inside(place.module)
        code = [*file.loose, *file.defined.get(place.name, [])]
        for chain in [[place.name], [WHOLE], *(chain for statement in code for chain in _chains(statement))]:
            found.update(self.named(file, chain))
            if chain[0] in file.defined:
                found.add(Place(place.module, chain[0]))
        return _plain(code), found


def _imports(node: ast.AST, package: str) -> Iterator[tuple[str, Place]]:
    """The names that an import binds, and what they stand for."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.split(".")[0]
            yield alias.asname or top, Place(alias.name if alias.asname else top, "")
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            # The package imports nothing by dots; if it ever does, all of it counts.
            place = Place(package, WHOLE) if node.level else Place(str(node.module), alias.name)
            yield alias.asname or alias.name, place


def _names(statement: ast.stmt) -> set[str]:
    """The names that a definition or an assignment binds."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        return set()
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    parts = [part for target in targets for part in ast.walk(target)]
    return {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def _chains(node: ast.AST) -> Iterator[list[str]]:
    """Every name in the code, with the attributes that are asked of it."""
    attributes: list[str] = []
    inner = node
    while isinstance(inner, ast.Attribute):
        attributes.insert(0, inner.attr)
        inner = inner.value
    if isinstance(inner, ast.Name):
        yield [inner.id, *attributes]
        return
    for child in ast.iter_child_nodes(inner):
        yield from _chains(child)


def _plain(node: Any) -> str:
    """A syntax tree as text, alike in every version of Python; strings that stand alone are left out."""
    if isinstance(node, list):
        kept = [part for part in node if not isinstance(part, ast.Expr) or _text(part.value) is None]
        return f"[{', '.join(map(_plain, kept))}]"
    if isinstance(node, ast.JoinedStr):  # Python 3.12 ends a nested format with an empty string
        return f"JoinedStr{_plain([part for part in node.values if _text(part) != ''])}"
    if isinstance(node, ast.AST):
        # Newer versions have fields that older ones lack, such as `type_params`, and leave them empty.
        filled = [(key, part) for key, part in ast.iter_fields(node) if part not in (None, [])]
        return f"{type(node).__name__}({', '.join(f'{key}={_plain(part)}' for key, part in filled)})"
    return repr(node)


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
