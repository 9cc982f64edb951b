"""Check the built book as a reader without a network meets it.

    python book/tools/check_html.py [_build/html]

Reports dead links and anchors, notebooks that Colab would not find, images without a useful
description, anything loaded from the network, markup that reached the page raw, tracebacks, and numbers
that came out empty or as code.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from address import COLAB
from bs4 import BeautifulSoup, Tag

# Attributes a browser follows on its own, without a click.
LOADED = {
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "image": ("href", "xlink:href"),
    "img": ("src", "srcset"),
    "input": ("src",),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "track": ("src",),
    "use": ("href", "xlink:href"),
    "video": ("src", "poster"),
}
LOADING_LINKS = {
    "dns-prefetch", "icon", "manifest", "modulepreload", "preconnect", "prefetch", "preload", "shortcut", "stylesheet",
}  # fmt: skip
IN_COLAB = re.compile(rf"{re.escape(COLAB)}/github/[^/]+/[^/]+/blob/[^/]+/(?P<file>[^?#]+)")
REMOTE = re.compile(r"(?:https?:)?//", re.I)
REMOTE_CSS = re.compile(r"(?:url\(\s*|@import\s+)[\"']?(?:https?:)?//[^\s\"')]+", re.I)
REMOTE_IMPORT = re.compile(r"(?:\bimport\b|\bfetch\()[^;\n]{0,80}?[\"'](?:https?:)?//[^\"']+", re.I)
PATH_LIKE = re.compile(r"_images/|\.(?:png|svg|jpe?g|gif|webp)$|^<", re.I)
RAW = re.compile(r"`{3,}\s*\{|^\s*:{3,}\S*|\{(?:[a-z]+:)?[a-z]+\}(?:`|$)|\{\{|\}\}", re.M)
OBJECTS = re.compile(r"np\.\w*(?:float|int)\d+\(|<(?:Figure|Axes)|<matplotlib|\[<matplotlib|Text\(\d")


def check(folder: Path, root: Path) -> list[str]:
    """Return what is wrong with the pages under `folder`, built from the repository at `root`, one sentence each."""
    pages = {
        page.resolve(): BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser") for page in page_files(folder)
    }
    if not pages:
        return [f"{folder} holds no page"]
    anchors = {page: _anchors(soup) for page, soup in pages.items()}
    found = [
        f"{page.relative_to(folder.resolve())}: {problem}"
        for page, soup in pages.items()
        for problem in (
            *_links(page, soup, anchors),
            *_colab(soup, root),
            *_images(soup),
            *_network(soup),
            *_text(soup),
        )
    ]
    found += [
        f"{css.relative_to(folder)}: loads {m[0]!r}"
        for css in sorted(folder.rglob("*.css"))
        for m in REMOTE_CSS.finditer(css.read_text(encoding="utf-8"))
    ]
    return list(dict.fromkeys(found))


def page_files(folder: Path) -> list[Path]:
    """Return the pages under `folder` that a reader can open."""
    pages = sorted(folder.rglob("*.html"))
    return [page for page in pages if not {"_static", "mathjax"} & set(page.relative_to(folder).parts)]


def _anchors(soup: BeautifulSoup) -> set[str]:
    return {str(tag["id"]) for tag in soup.find_all(id=True)} | {
        str(a["name"]) for a in soup.find_all("a", attrs={"name": True})
    }


def _links(page: Path, soup: BeautifulSoup, anchors: dict[Path, set[str]]) -> Iterator[str]:
    """Links to files and anchors of the book that are not there."""
    for tag in soup.find_all(True):
        for name in ("href", "src"):
            url = tag.get(name)
            if not isinstance(url, str) or urlsplit(url).scheme or url.startswith("//"):
                continue
            path, _, anchor = url.partition("#")
            target = (page.parent / unquote(path.split("?")[0])).resolve() if path else page
            if not target.exists():
                yield f"dead link {url}"
            elif anchor and target in anchors and unquote(anchor) not in anchors[target]:
                yield f"dead anchor {url}"


def _colab(soup: BeautifulSoup, root: Path) -> Iterator[str]:
    """Links that open in Colab what is no notebook of the repository."""
    for tag in soup.find_all("a", href=IN_COLAB):
        m = IN_COLAB.match(str(tag["href"]))
        if m and not (m["file"].endswith(".ipynb") and (root / unquote(m["file"])).exists()):
            yield f"opens {m['file']} in Colab, which is no notebook of the repository"


def _images(soup: BeautifulSoup) -> Iterator[str]:
    """Images that say nothing to those who cannot see them; the theme's logos stand beside their names."""
    for image in (soup.find("article") or soup).find_all("img"):
        alt = str(image.get("alt") or "").strip()
        if len(alt.split()) < 4 or PATH_LIKE.search(alt):
            yield f"image {str(image.get('src'))[:60]} is described as {alt[:60]!r}; four words or more, please"
    for drawing in soup.find_all("svg", attrs={"role": "img"}):
        label = str(drawing.get("aria-label") or "").strip()
        if len(label.split()) < 4 and not drawing.get("aria-labelledby") and not drawing.find("title"):
            yield "an svg figure has no description"


def _network(soup: BeautifulSoup) -> Iterator[str]:
    """What the page would fetch from elsewhere as it opens."""
    for tag in soup.find_all(list(LOADED)):
        if tag.name == "link" and not LOADING_LINKS & set(tag.get_attribute_list("rel")):
            continue
        for name in LOADED[tag.name]:
            if REMOTE.match(str(tag.get(name) or "").strip()):
                yield f"<{tag.name}> loads {tag[name]} from the network"
    styles = [tag.get_text() for tag in soup.find_all("style")] + [str(t["style"]) for t in soup.find_all(style=True)]
    for code in styles:
        yield from (f"a style loads {m[0]!r}" for m in REMOTE_CSS.finditer(code))
    for script in soup.find_all("script", src=False):
        yield from (f"a script loads {m[0]!r}" for m in REMOTE_IMPORT.finditer(script.get_text()))


def _text(soup: BeautifulSoup) -> Iterator[str]:
    """Markup, errors and empty numbers where prose should be."""
    article = soup.find("article") or soup.find("body")
    if not isinstance(article, Tag):
        return
    for pasted in article.select(".pasted-text, .pasted-inline"):
        if not pasted.get_text().strip():
            yield "a glued number is empty; glue Python floats"
    shown = article.get_text(" ")
    if article.select_one(".output.traceback") or any(
        "Traceback (most recent call last)" in out.get_text() for out in article.select(".cell_output")
    ):
        yield "shows a traceback"
    yield from (f"shows an object instead of a number or figure: {m[0]!r}" for m in OBJECTS.finditer(shown))
    for code in article.select("pre, code, script, style, .math"):
        code.decompose()
    yield from (f"shows raw markup: {m[0].strip()!r}" for m in RAW.finditer(article.get_text()))


def main() -> int:
    """Run the command line and return the exit status."""
    problems = check(Path(sys.argv[1] if len(sys.argv) > 1 else "_build/html"), Path.cwd())
    print(*problems, f"{len(problems)} problems", sep="\n")
    return bool(problems)


if __name__ == "__main__":
    raise SystemExit(main())
