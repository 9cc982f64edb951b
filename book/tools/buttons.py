"""Sphinx extension: the buttons that lead from a page to its notebook and to the repository.

With an address, the theme's own buttons open the notebook in Colab, the repository and a new issue;
without one there are none. Every notebook can be downloaded: what the reader gets is the twin with the
present address, not the executed source that the theme would offer, whose prose only Sphinx can read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from address import COLAB, Address
from doors import repository_of, stamp
from sphinx.errors import ConfigError
from sphinx.util import logging
from twins import read_twin

LOGGER = logging.getLogger(__name__)


def set_addresses(app: Any, config: Any) -> None:
    """Tell the theme the address, before it reads its options."""
    try:
        address = Address.read(Path(app.srcdir))
    except ValueError as error:
        raise ConfigError(str(error)) from error
    config.html_theme_options.update(
        repository_url=address.repository,
        repository_branch=address.branch,
        use_repository_button=bool(address.repository),
        use_issues_button=bool(address.repository),
        launch_buttons={"colab_url": COLAB if address.repository else ""},
    )


def is_notebook(app: Any, page: str) -> bool:
    """Whether `page` has code to run."""
    return "kernelspec" in app.env.metadata.get(page, {})


def offer_twin(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Name the twin to the theme's download button, which points into `_sources`."""
    if not is_notebook(app, page):
        return
    if not Path(app.srcdir, f"{page}.ipynb").exists():
        LOGGER.warning("%s.ipynb is missing. Run `make twins NOTEBOOKS=%s.md`.", page, page)
    context["ipynb_source"] = f"{page}.ipynb"


def copy_twins(app: Any, exception: Exception | None) -> None:
    """Put the twins where the download buttons point, in place of what the theme left there."""
    if exception or app.builder.format != "html":
        return
    address = Address.read(Path(app.srcdir))
    for page in (page for page in sorted(app.env.found_docs) if is_notebook(app, page)):
        source = Path(app.srcdir, f"{page}.md")
        if not source.with_suffix(".ipynb").exists():  # said when its page was written
            continue
        twin = read_twin(source)
        if address.repository and not repository_of(twin):
            LOGGER.info("%s.ipynb does not name %s: run `make address` and commit.", page, address.repository)
        stamp(twin, source.stem, address)
        there = Path(app.outdir, "_sources", f"{page}.ipynb")
        there.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(twin, there)


def setup(app: Any) -> dict[str, Any]:
    """Register the handlers; the address comes before the theme asks for it."""
    app.connect("config-inited", set_addresses, priority=100)
    app.connect("html-page-context", offer_twin)
    app.connect("build-finished", copy_twins)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
