"""Meet the built book as its readers do: in a browser, in light, in dark and on a phone.

    python book/tools/browser.py [_build/html]

On every page: no violation of WCAG 2 A and AA that axe can see, no error on the console, nothing from the
network, nothing wider than the page, equations set; whatever is hidden opens, sliders move by mouse and by
keyboard, and the search finds. `CHROMIUM=/path` names the browser; without one, nothing is checked.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

from axe_playwright_python.base import AXE_SCRIPT
from check_html import page_files
from playwright.async_api import Browser, ConsoleMessage, Error, Page, Response, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": DESKTOP, "color_scheme": "light"},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light"},
}
QUESTIONS = Path(__file__).with_suffix(".js")
WAIT = 30_000  # milliseconds for one step of the browser
PATIENCE = 180  # seconds for one page in one look
SHOWN = 3  # examples of one problem on one page
# The one server is ours; the browser's own errands and the page's external requests end here.
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
# `preload` fetches stylesheets anew and takes a nested @import to be relative to the page.
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"], "preload": False}

HIDDEN = "article .toggle-button-hidden, article details:not([open]) > summary"


class NoBrowser(Exception):
    """There is no browser that starts."""


def find_chromium() -> str | None:
    """Return the browser that `CHROMIUM` names, or else one that is installed."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


async def check(folder: Path, chromium: str, *, query: str | None = None) -> tuple[list[str], Counter[str]]:
    """Meet every page under `folder` in every look.

    Args:
        folder: The built book.
        chromium: The browser's program.
        query: What to search for in each look; by default the search is not tried.

    Returns:
        What is wrong, one sentence each, and how much of each kind was met.

    Raises:
        NoBrowser: If the browser does not start.
    """
    pages = [quote(page.relative_to(folder).as_posix()) for page in page_files(folder) if not _redirects(page)]
    met = Counter(pages=len(pages))
    with _server(folder) as base:
        async with _browser(chromium) as browser:
            found = await asyncio.gather(*(_look(browser, look, base, pages, query, met) for look in LOOKS))
    return sorted(problem for problems in found for problem in problems), met


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """Serve `folder` on a free port; the address."""

    class Quiet(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # one connection for many files

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing; a request that fails is seen in the browser."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@asynccontextmanager
async def _browser(chromium: str) -> AsyncIterator[Browser]:
    """Start the browser with a home of its own: the reader's may be read-only, and is none of its business."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        env = os.environ | dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"), home)
        async with async_playwright() as playwright:
            try:
                browser = await playwright.chromium.launch(executable_path=chromium, env=env, args=[OFFLINE])
            except Error as error:
                raise NoBrowser(f"{chromium} does not start: {error.message.splitlines()[0]}") from error
            yield browser
            await browser.close()


def _redirects(page: Path) -> bool:
    return 'http-equiv="refresh"' in page.read_text(encoding="utf-8").lower()


async def _look(
    browser: Browser, look: str, base: str, pages: list[str], query: str | None, met: Counter[str]
) -> list[str]:
    """Meet all pages in one look, one after the other in one tab."""
    context = await browser.new_context(**LOOKS[look])
    context.set_default_timeout(WAIT)
    await context.add_init_script(AXE_SCRIPT)
    await context.add_init_script(path=QUESTIONS)
    tab = await context.new_page()
    noticed = _listen(tab, base)
    found = []
    for page in pages:
        noticed.clear()
        try:
            async with asyncio.timeout(PATIENCE):
                problems = await _visit(tab, base + page, look, met)
        except TimeoutError:
            return [*found, f"{page} [{look}] browser: not done after {PATIENCE} s; no page after it was met"]
        except Error as error:
            problems = [f"browser: {error.message.splitlines()[0]}"]
        found += [f"{page} [{look}] {problem}" for problem in dict.fromkeys([*noticed, *problems])]
    if query:
        found += [f"search.html [{look}] search: {problem}" for problem in await _search(tab, base, query)]
    return found


async def _visit(tab: Page, url: str, look: str, met: Counter[str]) -> list[str]:
    """Open one page, use what it offers, and return what is wrong."""
    await tab.goto(url)
    await tab.evaluate("gate.settle()")
    found = []
    if await tab.evaluate("document.documentElement.dataset.theme") not in (None, LOOKS[look]["color_scheme"]):
        found.append("theme: does not follow the colour scheme that the reader's system asks for")
    found += await _math(tab, met)
    found += await _open_hidden(tab, met)
    found += [f"overflow: wider than the page: {html}" for html in (await tab.evaluate("gate.wide()"))[:SHOWN]]
    found += await _axe(tab)
    found += await _sliders(tab, met)
    return found


def _listen(tab: Page, base: str) -> list[str]:
    """Collect what goes wrong by itself; the list grows as it happens."""
    noticed: list[str] = []
    own = (base, "data:", "blob:")

    def console(message: ConsoleMessage) -> None:
        # A request that failed is told of as such; only that for the icon is seen here alone.
        where = message.location["url"]
        if message.type == "error" and (
            "Failed to load resource" not in message.text or where.endswith("/favicon.ico")
        ):
            noticed.append(f"console: {message.text} ({where})")

    def response(got: Response) -> None:
        if got.status >= 400:
            noticed.append(f"request: {got.url} answers {got.status}")

    tab.on("console", console)
    tab.on("response", response)
    tab.on("pageerror", lambda error: noticed.append(f"console: uncaught {error.message}"))
    tab.on(
        "request",
        lambda sent: sent.url.startswith(own) or noticed.append(f"network: loads {sent.url}; ship it instead"),
    )
    tab.on(
        "requestfailed",
        lambda sent: sent.url.startswith(own) and noticed.append(f"request: {sent.url} failed, {sent.failure}"),
    )
    return noticed


async def _math(tab: Page, met: Counter[str]) -> list[str]:
    """Equations that were not set, or set wrongly, and TeX in the prose."""
    rendered, raw = await tab.evaluate("gate.math()")
    met["equations"] += rendered
    return [f"math: raw or wrong TeX: {text}" for text in raw[:SHOWN]]


async def _open_hidden(tab: Page, met: Counter[str]) -> list[str]:
    """Click open all that is hidden, from the outside in."""
    hidden = tab.locator(HIDDEN)
    while left := await hidden.count():
        await hidden.first.click()
        if await hidden.count() >= left:
            return [f"hidden: a click does not open {(await hidden.first.evaluate('e => e.outerHTML'))[:120]}"]
        met["hidden parts"] += 1
    await tab.evaluate("gate.still()")
    return []


async def _axe(tab: Page) -> list[str]:
    await tab.evaluate("gate.thinOut()")
    result = await tab.evaluate("options => axe.run(document, options)", AXE)
    return [
        f"{rule['id']}: {node['html'][:120]} at {' '.join(map(str, node['target']))}: "
        f"{node['failureSummary'].splitlines()[-1].strip()} ({len(rule['nodes'])} of this kind; {rule['helpUrl']})"
        for rule in result["violations"]
        for node in rule["nodes"][:SHOWN]
    ]


async def _sliders(tab: Page, met: Counter[str]) -> list[str]:
    """Drag each slider to its end, then step back by key; curve and readout must follow both times."""
    found = []
    for knob in await tab.locator("input[type=range]").all():
        await knob.scroll_into_view_if_needed()
        box = await knob.bounding_box()
        height = box["y"] + box["height"] / 2
        shown = [await knob.evaluate("e => gate.drawn(e)")]
        await tab.mouse.move(box["x"] + 0.05 * box["width"], height)
        await tab.mouse.down()
        await tab.mouse.move(box["x"] + 0.95 * box["width"], height)
        await tab.mouse.up()
        shown.append(await knob.evaluate("e => gate.drawn(e)"))
        await knob.press("ArrowLeft")
        shown.append(await knob.evaluate("e => gate.drawn(e)"))
        for by, before, after in zip(("mouse", "keyboard"), shown, shown[1:], strict=False):
            for what, old, new in zip(("curve", "readout"), before, after, strict=True):
                if old == new:
                    name = await knob.evaluate("e => e.outerHTML.slice(0, 120)")
                    found.append(f"slider: moved by {by}, the {what} stays as it was: {name}")
        met["sliders"] += 1
    return found


async def _search(tab: Page, base: str, query: str) -> list[str]:
    """Type a query as a reader does, look at the answers and follow the first."""
    try:
        await tab.goto(base + "search.html")
        await tab.get_by_role("button", name="Search").click()
        await tab.keyboard.type(query)
        await tab.keyboard.press("Enter")
        answer = tab.locator("#search-results li a").first
        await answer.wait_for()
        found = await _axe(tab)
        await answer.click()
        await tab.wait_for_function("q => document.body.innerText.toLowerCase().includes(q)", arg=query.lower())
    except Error as error:
        return [f"no answer to {query!r}: {error.message.splitlines()[0]}"]
    return found


def main() -> int:
    """Run the command line and return the exit status."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "_build/html").resolve()
    chromium = find_chromium()
    if not chromium:
        print("browser gate skipped: no Chromium was found; install one, or name it: CHROMIUM=/path/to/chromium")
        return 0
    try:
        problems, met = asyncio.run(check(folder, chromium, query="cross entropy"))
    except NoBrowser as error:
        named = "CHROMIUM" in os.environ
        print(f"browser gate {'failed' if named else 'skipped'}: {error}")
        return named
    problems += [
        f"no {kind} found in the whole book" for kind in ("equations", "hidden parts", "sliders") if not met[kind]
    ]
    print(*problems, sep="\n")
    print(f"{len(problems)} problems; met in {len(LOOKS)} looks: {', '.join(f'{n} {kind}' for kind, n in met.items())}")
    return bool(problems)


if __name__ == "__main__":
    raise SystemExit(main())
