"""Rewrite MyST markdown into the plain markdown that Colab and Jupyter show.

The book is built from the MyST source, so only the .ipynb twins pass through here. What has no plain
form is an error that names the file and the line, never raw markup in front of a reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docutils.nodes import make_id
from pybtex.database import parse_file

# A glued value is known only after execution; until then it is its key between these two.
OPEN, CLOSE = "\ue000", "\ue001"

ADMONITIONS = {"attention", "caution", "danger", "error", "hint", "important", "note", "seealso", "tip", "warning"}
TITLED = {"admonition", "dropdown", "margin", "sidebar", "topic"}
CODE_ROLES = {"attr", "class", "data", "exc", "func", "meth", "mod"}

FENCE = re.compile(r"^\s*(?P<fence>:{3,}|`{3,}|~{3,})\s*(?P<info>.*?)\s*$")
DIRECTIVE = re.compile(r"^\{(?P<name>[\w:.-]+)\}\s*(?P<argument>.*)$")
LABEL = re.compile(r"^\((?P<label>[\w:./-]+)\)=\s*$")
MATH = re.compile(r"^\s*\$\$(?P<body>.*?)\$\$\s*(?:\((?P<label>[\w:.-]+)\))?\s*$", re.S)
TITLE = re.compile(r"^\((?P<label>[\w:./-]+)\)=\s*\n+#+ (?P<title>.+)$", re.M)
INLINE = re.compile(
    r"(?P<math>(?<![\\$])\$(?!\s)(?:[^$\n]|\n(?!\n))+?(?<!\s)\$(?!\d))"
    r"|(?:\{(?P<role>[\w:.-]+)\})?(?P<ticks>`+)(?P<argument>.+?)(?P=ticks)(?!`)"
    r"|(?P<image>!?)\[(?P<text>[^\[\]]*)\]\((?P<url>[^()\s]+)\)"
    r"|(?P<footnote>\[\^[^\]]+\])",
    re.S,
)


class MystError(ValueError):
    """MyST that has no plain form, with the place where it stands."""


@dataclass
class Book:
    """What a notebook may refer to outside itself."""

    citations: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    titles: dict[str, tuple[str, str]] = field(default_factory=dict)
    address: str = ""

    @classmethod
    def read(cls, root: Path, address: str = "") -> Book:
        """Read the bibliography and the labelled headings of the book under `root`."""
        bibliography = root / "book" / "references.bib"
        entries = parse_file(bibliography).entries if bibliography.exists() else {}
        titles = {
            m["label"]: (m["title"], page.relative_to(root).with_suffix(".html").as_posix())
            for page in sorted([*root.glob("book/*.md"), *root.glob("notebooks/*.md")])
            for m in TITLE.finditer(page.read_text())
        }
        return cls({key: _citation(entry) for key, entry in entries.items()}, titles, address.rstrip("/"))

    def link(self, text: str, page: str) -> str:
        """Link to a page of the published book; plain text as long as it has no address."""
        return f"[{text}]({self.address}/{page})" if self.address else text


def _citation(entry: Any) -> tuple[str, str, str]:
    """Authors, year and link of one bibliography entry."""
    names = [" ".join([*p.prelast_names, *p.last_names]) for p in entry.persons["author"]]
    authors = names[0] if len(names) == 1 else " and ".join(names) if len(names) == 2 else f"{names[0]} et al."
    doi = entry.fields.get("doi")
    return authors, entry.fields["year"], f"https://doi.org/{doi}" if doi else entry.fields["url"]


class Converter:
    """The markdown of one notebook, cell after cell; equations, figures and exercises are numbered as they come."""

    def __init__(self, name: str, book: Book, cells: Iterable[str] = (), figures: Iterable[str] = ()) -> None:
        text = "\n".join(cells)
        self.name, self.book, self.line = name, book, 1
        self.figures = _numbered(figures)
        self.equations = _numbered(
            re.findall(r"^.*\$\$\s*\(([\w:.-]+)\)\s*$|^[:`]{3,}\{math\}[^\n]*\n:label: *([\w:.-]+)", text, re.M)
        )
        self.exercises = _numbered(
            re.findall(
                r"^[:`]{3,}\{exercise(?:-start)?\}[^\n]*\n(?::(?!label)[^\n]*\n)*:label: *([\w:.-]+)", text, re.M
            )
        )

    def fail(self, what: str) -> MystError:
        """Return the error for what stands on the present line."""
        return MystError(f"{self.name}, line {self.line}: {what}")

    def convert(self, text: str, line: int = 1) -> str:
        """Return `text`, which starts on `line` of the source, in plain markdown."""
        lines, out, plain, i = text.split("\n"), [], [], 0

        def flush(end: int) -> None:
            if plain:
                self.line = line + end - len(plain)
                out.append(self._inline("\n".join(plain)))
                plain.clear()

        while i < len(lines):
            fence = FENCE.match(lines[i])
            if fence:
                flush(i)
                self.line = line + i
                end = self._closing(lines, i, fence["fence"])
                out += self._fenced(lines, i, end, fence["info"], line)
                i = end
            elif lines[i].lstrip().startswith("$$"):
                flush(i)
                self.line = line + i
                end = next((j for j in range(i, len(lines)) if MATH.match("\n".join(lines[i : j + 1]))), None)
                if end is None:
                    raise self.fail("`$$` is not closed")
                m = MATH.match("\n".join(lines[i : end + 1]))
                out.append(self._math(m["body"], m["label"]))
                i = end
            elif LABEL.match(lines[i]) or lines[i].startswith("% "):
                flush(i)
            else:
                plain.append(lines[i])
            i += 1
        flush(i)
        return "\n".join(out).strip("\n")

    def _closing(self, lines: list[str], start: int, fence: str) -> int:
        for j in range(start + 1, len(lines)):
            mark = lines[j].strip()
            if len(mark) >= len(fence) and set(mark) == {fence[0]}:
                return j
        raise self.fail(f"`{lines[start].strip()}` is not closed")

    def _fenced(self, lines: list[str], start: int, end: int, info: str, line: int) -> list[str]:
        directive = DIRECTIVE.match(info)
        if not directive:
            if lines[start].lstrip().startswith(":"):
                raise self.fail(f"`{lines[start].strip()}` names no directive")
            return lines[start : end + 1]
        body = start + 1
        options = {}
        while body < end and (m := re.match(r"^\s*:([\w-]+):\s*(.*)$", lines[body])):
            options[m[1]] = m[2].strip()
            body += 1
        text = "\n".join(lines[body:end])
        return self._directive(directive["name"], directive["argument"], options, text, line + body).split("\n")

    def _directive(self, name: str, argument: str, options: dict[str, str], text: str, line: int) -> str:
        here = self.line
        if name == "math":
            return self._math(text, options.get("label"))
        if name in {"code", "code-block"}:
            return f"```{argument}\n{text}\n```"
        if name in {"exercise-end", "solution-end"}:
            return ""
        if name in ADMONITIONS:
            title = name.capitalize() if name != "seealso" else "See also"
        elif name in TITLED:
            title = self._inline(argument)
        elif name in {"exercise", "exercise-start"}:
            number = self._number(self.exercises, options.get("label", ""), "exercise")
            title = f"Exercise {number}" + (f": {self._inline(argument)}" if argument else "")
        elif name in {"solution", "solution-start"}:
            title = f"Solution to exercise {self._number(self.exercises, argument, 'exercise')}"
        else:
            raise self.fail(f"directive `{{{name}}}` has no form that Colab shows")
        body = self.convert(text, line)
        self.line = here
        if name.endswith("-start"):
            return f"**{title}**\n\n{body}".rstrip()
        return "\n".join(f"> {x}".rstrip() for x in (f"**{title}**", "", *body.split("\n")))

    def _math(self, body: str, label: str | None) -> str:
        tag = f" \\tag{{{self._number(self.equations, label, 'equation')}}}" if label else ""
        return f"$$\n{body.strip()}{tag}\n$$"

    def _inline(self, text: str) -> str:
        start = self.line

        def replace(m: re.Match[str]) -> str:
            self.line = start + text.count("\n", 0, m.start())
            if m["role"]:
                return self._role(m["role"], " ".join(m["argument"].split()))
            if m["url"]:
                return self._link(m[0], m["text"], m["url"], bool(m["image"]))
            if m["footnote"]:
                raise self.fail("a footnote has no form that Colab shows; write it into the text")
            return m[0]

        result = INLINE.sub(replace, text)
        self.line = start
        return result

    def _role(self, role: str, argument: str) -> str:
        text, target = _text_and_target(argument)
        name = role.removeprefix("py:")
        if name in CODE_ROLES:
            shown = text or (target.split(".")[-1] if target.startswith("~") else target)
            return f"`{shown.lstrip('~')}`"
        known: dict[str, Callable[[], str]] = {
            "abbr": lambda: argument.replace("<", "(").replace(">", ")"),
            "cite": lambda: self._cite(argument),
            "cite:p": lambda: self._cite(argument),
            "cite:t": lambda: self._cite(argument, in_text=True),
            "doc": lambda: self._page(text, target),
            "eq": lambda: f"({self._number(self.equations, target, 'equation')})",
            "glue": lambda: self._glue(argument),
            "glue:text": lambda: self._glue(argument),
            "math": lambda: f"${argument}$",
            "numref": lambda: (text or "Figure %s").replace("%s", self._number(self.figures, target, "figure")),
            "ref": lambda: self._reference(text, target),
            "sub": lambda: f"<sub>{argument}</sub>",
            "sup": lambda: f"<sup>{argument}</sup>",
            "term": lambda: text or target,
        }
        if role not in known:
            raise self.fail(f"role `{{{role}}}` has no form that Colab shows")
        return known[role]()

    def _cite(self, keys: str, *, in_text: bool = False) -> str:
        """Author and year in brackets, as in the book, linked to the source itself."""
        found = []
        for key in (k.strip() for k in keys.split(",")):
            if key not in self.book.citations:
                raise self.fail(f"`{key}` is not in book/references.bib")
            authors, year, link = self.book.citations[key]
            found.append(f"{authors} [[{year}]({link})]" if in_text else f"[{authors}, {year}]({link})")
        return ", ".join(found) if in_text else f"[{'; '.join(found)}]"

    def _glue(self, argument: str) -> str:
        if "::" in argument:
            raise self.fail(f"`{argument}` is glued in another notebook, so this one alone cannot show it")
        return OPEN + argument + CLOSE

    def _reference(self, text: str, label: str) -> str:
        if label in self.exercises:
            return text or f"exercise {self.exercises[label]}"
        if label in self.figures:
            return text or f"Figure {self.figures[label]}"
        if label not in self.book.titles:
            raise self.fail(f"label `{label}` stands before no heading, figure or exercise")
        title, page = self.book.titles[label]
        return self.book.link(text or title, f"{page}#{make_id(label)}")

    def _page(self, text: str, target: str) -> str:
        path = target.split("#")[0].removesuffix(".md")
        page = path.lstrip("/") if path.startswith("/") else _relative(self.name, path)
        return self.book.link(text or path.split("/")[-1], f"{page}.html")

    def _link(self, whole: str, text: str, url: str, image: bool) -> str:
        if url.startswith(("http://", "https://", "mailto:")):
            return whole
        if image:
            raise self.fail(f"image `{url}` is not shown in Colab; draw it in a cell")
        if url.split("#")[0].endswith(".md"):
            return self._page(text, url)
        return text or self._reference(text, url.lstrip("#"))

    def _number(self, numbers: dict[str, int], label: str, kind: str) -> str:
        if label not in numbers:
            raise self.fail(f"there is no {kind} labelled `{label}` in this notebook")
        return str(numbers[label])


def _numbered(labels: Iterable[str | tuple[str, ...]]) -> dict[str, int]:
    """Number labels from 1; a match with alternatives counts as the one that is not empty."""
    names = [label if isinstance(label, str) else "".join(label) for label in labels]
    return {name: i for i, name in enumerate(names, 1)}


def _text_and_target(argument: str) -> tuple[str, str]:
    """Split ``text <target>``; without the brackets there is no text."""
    m = re.match(r"^(?P<text>.*?)\s*<(?P<target>[^<>]+)>$", argument)
    return (m["text"], m["target"]) if m else ("", argument)


def _relative(name: str, path: str) -> str:
    """The page `path`, seen from the notebook `name`, as seen from the root of the book."""
    parts = [*Path(name).parent.parts]
    for part in path.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
