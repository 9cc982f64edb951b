"""The gate over the pages: a clean page passes, every defect is found."""

from pathlib import Path

import pytest
from check_html import check

CLEAN = """<!DOCTYPE html><html><head>
<link rel="stylesheet" href="_static/book.css?v=1"><link rel="canonical" href="https://book.test/">
<script src="_static/book.js"></script><script>const x = {a: 1}; // see https://book.test</script>
</head><body><article>
<h1 id="top">Title</h1><p><a href="#top">up</a> <a href="other.html#there">there</a>
<a href="https://arxiv.org/abs/1708.02002">paper</a> {a set} of <code>{ref}`shown as code`</code></p>
<img src="_images/a.png" alt="A falling curve of loss against p">
<p>The gap is <span class="pasted-text">0.12</span>.</p><pre>Traceback (most recent call last) in a docstring</pre>
BODY</article></body></html>"""


COLAB = "https://colab.research.google.com/github/some/book/blob/main/notebooks"


def problems(folder: Path, body: str = "", css: str = "p { color: red }") -> list[str]:
    (folder / "notebooks").mkdir()
    for name in ("one.md", "one.ipynb"):
        (folder / "notebooks" / name).write_text("")
    (folder / "_static").mkdir()
    (folder / "_images").mkdir()
    (folder / "_static" / "book.css").write_text(css)
    (folder / "_static" / "book.js").write_text("")
    (folder / "_images" / "a.png").write_bytes(b"")
    (folder / "index.html").write_text(CLEAN.replace("BODY", body))
    (folder / "other.html").write_text('<body><article><p id="there">Text</p></article></body>')
    return check(folder, folder)


def test_a_clean_page_passes(tmp_path: Path) -> None:
    assert problems(tmp_path, f'<a href="{COLAB}/one.ipynb">Colab</a>') == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('<a href="gone.html">x</a>', "dead link gone.html"),
        ('<a href="other.html#gone">x</a>', "dead anchor other.html#gone"),
        ('<a href="#gone">x</a>', "dead anchor #gone"),
        (f'<a href="{COLAB}/two.ipynb">x</a>', "opens notebooks/two.ipynb in Colab"),
        (f'<a href="{COLAB}/one.md">x</a>', "opens notebooks/one.md in Colab"),
        ('<img src="_images/b.png" alt="A curve that is not there">', "dead link _images/b.png"),
        ('<img src="_images/a.png">', "is described as ''"),
        ('<img src="_images/a.png" alt="_images/a.png">', "is described as '_images/a.png'"),
        ('<img src="_images/a.png" alt="A plot">', "is described as 'A plot'"),
        ('<img src="_images/a.png" alt="see the plot in _images/a.png">', "is described as"),
        ('<svg role="img"></svg>', "svg figure has no description"),
        ('<script src="https://cdn.test/x.js"></script>', "<script> loads https://cdn.test/x.js"),
        ('<script src="//cdn.test/x.js"></script>', "<script> loads //cdn.test/x.js"),
        ('<link rel="stylesheet" href="https://cdn.test/x.css">', "<link> loads"),
        ('<link rel="preconnect" href="https://cdn.test">', "<link> loads"),
        ('<img src="https://cdn.test/a.png" alt="A falling curve of loss">', "<img> loads"),
        ('<iframe src="https://cdn.test"></iframe>', "<iframe> loads"),
        ('<p style="background: url(https://cdn.test/a.png)">x</p>', "a style loads"),
        ("<style>@import 'https://cdn.test/a.css';</style>", "a style loads"),
        ("<script>import('https://cdn.test/a.js')</script>", "a script loads"),
        ("<p>```{note} Mind</p>", "raw markup"),
        ("<p>\n:::{note}</p>", "raw markup"),
        ("<p>see {ref}`fig`</p>", "raw markup"),
        ("<p>see {cite:t}<code>lin</code></p>", "raw markup"),
        ('<div class="cell_output"><pre>Traceback (most recent call last)</pre></div>', "shows a traceback"),
        ('<div class="output traceback">ValueError</div>', "shows a traceback"),
        ('<span class="pasted-text"> </span>', "a glued number is empty"),
        ("<p>is np.float64(0.1)</p>", "np.float64("),
        ("<pre>&lt;Axes: xlabel='p'&gt;</pre>", "<Axes"),
    ],
)
def test_a_defect_is_found(tmp_path: Path, body: str, said: str) -> None:
    found = problems(tmp_path, body)
    assert len(found) == 1
    assert found[0].startswith("index.html: ")
    assert said in found[0]


def test_styles_that_load_from_the_network_are_found(tmp_path: Path) -> None:
    found = problems(tmp_path, css="@font-face { src: url(https://cdn.test/a.woff2) }")
    assert found == ["_static/book.css: loads 'url(https://cdn.test/a.woff2'"]


def test_an_empty_folder_does_not_pass(tmp_path: Path) -> None:
    assert check(tmp_path, tmp_path) == [f"{tmp_path} holds no page"]
