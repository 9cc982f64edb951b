"""The gate in the browser: a clean page passes, every defect is found on its page and in its look alone."""

import asyncio
import stat
from pathlib import Path

import browser
import pytest

SLIDER = """<figure><svg role="img" aria-label="A curve that follows gamma"><path data-curve d="M0,0"/></svg>
<input type="range" min="0" max="4" value="0" aria-label="gamma"><output>0</output></figure>"""
FOLLOW = """<script>const input = document.querySelector("input");input.oninput = () => {
document.querySelector("path").setAttribute("d", "M0," + input.value);
document.querySelector("output").textContent = input.value}</script>"""
ONLY_DARK = "<style>@media (prefers-color-scheme: dark) { p { color: #eee; background: #fff } }</style>"
PAGES = {
    "clean": f"""<p>It costs $5 or $6. <code>$x$</code> <a href="label.html">on</a></p>{SLIDER}{FOLLOW}
        <details><summary>Solution</summary>4</details>
        <pre tabindex="0" style="overflow: auto">{"wide " * 200}</pre>""",
    "label": "<input>",
    "faint": '<p style="color: #ccc">faint</p>',
    "faint in the dark": f"{ONLY_DARK}<p>faint</p>",
    "faint when open": '<details><summary>Solution</summary><p style="color: #ccc">faint</p></details>',
    "faint code": '<pre><span>one</span><span>two</span><span class="c" style="color: #ccc">faint</span></pre>',
    "console": "<script>console.error('a loss went missing')</script>",
    "uncaught": "<script>throw new Error('a loss went missing')</script>",
    "network": '<img src="http://cdn.test/a.png" alt="A falling curve">',
    "missing": '<img src="gone.png" alt="A falling curve">',
    "wide": f"<p>{'W' * 200}</p>",
    "wide on a phone": '<p style="width: 500px">wide</p>',
    "raw": "<p>The loss is $-\\log p$.</p>",
    "unset": '<p>The loss is <span class="math">x</span>.</p>',
    "dead slider": SLIDER,
    "slider deaf to keys": SLIDER + FOLLOW + "<script>input.onkeydown = key => key.preventDefault()</script>",
    "slider without readout": SLIDER + FOLLOW.replace("output", "h1"),
    "stuck": "<details><summary onclick='return false'>Solution</summary>4</details>",
    "theme": '<script>document.documentElement.dataset.theme = "light"</script>',
    "search": """<button onclick="document.querySelector('input').focus()">Search</button>
        <form><input name="q" aria-label="words"></form><ul id="search-results"></ul><script>
        if (location.search.includes("focal")) document.querySelector("ul").innerHTML =
        '<li><a href="clean.html">focal loss costs</a></li>'</script>""",
}
ALL = ("dark", "light", "phone")
CAUGHT = {
    "label": ("label", ALL),
    "faint": ("color-contrast", ALL),
    "faint in the dark": ("color-contrast", ("dark",)),
    "faint when open": ("color-contrast", ALL),
    "faint code": ("color-contrast", ALL),
    "console": ("console", ALL),
    "uncaught": ("console", ALL),
    "network": ("network", ALL),
    "missing": ("request", ALL),
    "wide": ("overflow", ALL),
    "wide on a phone": ("overflow", ("phone",)),
    "raw": ("math", ALL),
    "unset": ("math", ALL),
    "dead slider": ("slider", ALL),
    "slider deaf to keys": ("slider", ALL),
    "slider without readout": ("slider", ALL),
    "stuck": ("hidden", ALL),
    "theme": ("theme", ("dark",)),
}


def site(folder: Path, pages: dict[str, str]) -> Path:
    for name, body in pages.items():
        (folder / f"{name}.html").write_text(
            '<!DOCTYPE html><html lang="en"><head><title>A page</title><link rel="icon" href="data:,"></head>'
            f"<body><article><h1>Title</h1>{body}</article></body></html>"
        )
    return folder


def meet(folder: Path, query: str | None = None) -> list[str]:
    chromium = browser.find_chromium()
    if not chromium:
        pytest.skip("no Chromium was found; install one, or name it: CHROMIUM=/path/to/chromium")
    try:
        return asyncio.run(browser.check(folder, chromium, query=query))[0]
    except browser.NoBrowser as error:
        pytest.skip(str(error))


def test_every_defect_is_found_on_its_page_and_in_its_look_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "WAIT", 10_000)
    found = meet(site(tmp_path, PAGES), "costs")
    caught: dict[str, dict[str, set[str]]] = {}
    for problem in found:
        page, rest = problem.split(".html [", 1)
        look, rule = rest.split(":")[0].split("] ")
        caught.setdefault(page.replace("%20", " "), {}).setdefault(rule, set()).add(look)
    expected = {page: {rule: set(looks)} for page, (rule, looks) in CAUGHT.items()}
    expected["search"] = {"search": set(ALL)}  # it knows of "focal" alone
    assert caught == expected
    assert sum("moved by mouse, the curve" in problem for problem in found) == 3
    assert sum("moved by keyboard, the curve" in problem for problem in found) == 6
    label = next(problem for problem in found if problem.startswith("label.html [dark] label: <input>"))
    assert "https://dequeuniversity.com/rules/axe/" in label


def test_an_answer_to_the_query_passes(tmp_path: Path) -> None:
    pages = {"search": PAGES["search"], "clean": "<p>The focal loss</p>"}
    assert meet(site(tmp_path, pages), "focal loss") == []


@pytest.fixture
def no_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder on an otherwise empty PATH."""
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["browser.py", str(tmp_path)])
    return tmp_path


def test_says_so_where_there_is_no_browser(no_browser: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert browser.main() == 0
    assert capsys.readouterr().out.startswith("browser gate skipped: no Chromium was found")


@pytest.mark.parametrize("named", [False, True])
def test_a_browser_that_does_not_start_fails_only_if_it_was_named(
    no_browser: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], named: bool
) -> None:
    broken = no_browser / "chromium"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    if named:
        monkeypatch.setenv("CHROMIUM", str(broken))
    assert browser.main() == named
    word = "failed" if named else "skipped"
    assert f"browser gate {word}: {broken} does not start" in capsys.readouterr().out
