"""The profile as HTML: whole, escaped, the same findings as the text, and no other file needed."""

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd

from companion.diagnostics import DataProfile, profile_data
from companion.diagnostics._table.page import histogram

VOID = {"meta", "line", "br"}


class Balance(HTMLParser):
    """Raises where an element is closed that was not the last one opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def profile() -> DataProfile:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"<b>": rng.normal(size=300), "c": np.where(rng.random(300) < 0.1, np.nan, 1.5)})
    return profile_data(table.assign(y=rng.choice(["<i>", "b & c"], 300, p=[0.95, 0.05])), "y")


def test_the_page_is_whole_and_needs_no_other_file(tmp_path: Path) -> None:
    written = profile().save(tmp_path / "page.html")
    page = written.read_text(encoding="utf-8")
    balance = Balance()
    balance.feed(page)
    assert balance.open == []
    assert not re.search(r"src=|href=|url\(|@import|<script", page)
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page


def test_the_page_says_what_the_text_says_with_its_words_escaped(tmp_path: Path) -> None:
    found = profile()
    text = page_text(found.save(tmp_path / "page.html"))
    for part in (*found.report.names, found.advice, "<b>", "'b & c'", *found.recommended[0].losses):
        assert part in text
    assert not re.search("<[bi]>|b & c", (tmp_path / "page.html").read_text(encoding="utf-8"))


def page_text(page: Path) -> str:
    """What a reader sees."""
    return unescape(re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8").split("</style>")[1]))


def test_the_histogram_has_a_bar_for_each_class_and_says_so_to_those_who_do_not_see_it() -> None:
    drawing = histogram(pd.DataFrame({"class": ["a", "b", "c"], "rows": [10, 0, 5]}))
    heights = [float(height) for height in re.findall(r'height="([\d.]+)"><title>', drawing)]
    assert heights == [160.0, 0.0, 80.0]
    assert 'role="img" aria-label="Rows of each class of the target; the largest has 10."' in drawing


def test_of_many_classes_the_first_are_drawn() -> None:
    assert "960 more classes" in histogram(pd.DataFrame({"class": [str(i) for i in range(1000)], "rows": 1}))


def test_in_a_notebook_the_links_lead_into_the_book() -> None:
    shown = profile()._repr_html_()
    assert 'href="../book/findings.html#imbalance"' in shown
    assert 'href="../notebooks/imbalance.html#when-not-to-use"' in shown
    balance = Balance()
    balance.feed(shown)
    assert balance.open == []
