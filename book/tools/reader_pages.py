"""Sphinx extension: what the pages need beyond Jupyter Book's own.

* MathJax beside the pages, from the pinned package `sphinx-mathjax-offline`, so that equations need no
  network. Not under `_static`, where Jupyter Book loads every script it finds on every page.
* An API reference in which a twin such as `FocalLoss`, which carries the docstring of `focal_loss` for
  `help()`, only points to the function beside it.
* Markup that screen readers can read, where Sphinx writes lists whose parts do not fit together: the
  entries of the bibliography, and the parameters of a long signature.
* The reader's own choice of light or dark on the first page too, where the theme reports an error instead;
  and titles of source pages that break at their dots.
"""

from __future__ import annotations

import re
import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

FOLLOW_SYSTEM = 'document.documentElement.dataset.mode ||= "auto"'
MATHJAX = ("tex-chtml.js", "output/chtml/fonts")
PARAMETERS = re.compile(r"<dl>\s*(<dd><em class=\"sig-param.*?)</dl>", re.S)


def copy_mathjax(app: Any, exception: Exception | None) -> None:
    """Copy the one script and its fonts into the finished book; `mathjax_path` points there."""
    if exception or app.builder.format != "html":
        return
    with as_file(files("sphinx-mathjax-offline") / "static" / "mathjax") as source:
        for name in MATHJAX:
            here, there = source / name, Path(app.outdir) / "mathjax" / name
            there.parent.mkdir(parents=True, exist_ok=True)
            if here.is_dir():
                shutil.copytree(here, there, dirs_exist_ok=True)
            else:
                shutil.copyfile(here, there)


def shorten_docstring(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Let a twin point to its function, and keep napoleon from reading "The loss in nats: ..." as a type."""
    from companion._twin import Twin

    if what == "class" and isinstance(obj, type) and issubclass(obj, Twin):
        lines[:] = [f":func:`{obj.function.__name__}` as an ``nn.Module`` that stores the options."]
    for before, line in enumerate(lines[1:]):
        if lines[before].strip() == "Returns:":
            lines[before + 1] = re.sub(r"(?<!:): ", " \N{EN DASH} ", line, count=1)


def mend_markup(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Make plain blocks of lists that are none, and let long titles break."""
    body = context.get("body", "")
    body = re.sub(r"<h1>Source code for .*?</h1>", lambda m: m[0].replace(".", ".<wbr>"), body)
    body = re.sub(r' role="(?:list|doc-biblioentry)"', "", body)
    context["body"] = PARAMETERS.sub(
        lambda m: m[1].replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>"), body
    )


def setup(app: Any) -> dict[str, Any]:
    """Register the handlers; docstrings come here before napoleon reads them."""
    app.connect("autodoc-process-docstring", shorten_docstring, priority=100)
    app.connect("html-page-context", mend_markup)
    app.add_js_file(None, body=FOLLOW_SYSTEM)
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
