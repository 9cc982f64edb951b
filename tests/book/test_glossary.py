"""The glossary: each word once, explained briefly, with a link to where it is at work."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[2] / "book" / "glossary.md").read_text()
ENTRIES = re.findall(r"^(?! |:|`)(\S.*)\n((?:  .*\n)+)", PAGE[PAGE.index("```{glossary}") :], re.M)
PLACE = re.compile(r"\{(?:func|class|doc|ref|numref|eq)\}`")


def test_words_are_explained_once_and_stand_in_order() -> None:
    words = [word.lower() for word, _ in ENTRIES]
    assert len(words) == len(re.findall(r"^$\n\S", PAGE[PAGE.index(":sorted:") :], re.M))
    assert words == sorted(set(words))


@pytest.mark.parametrize(("word", "text"), ENTRIES, ids=[word for word, _ in ENTRIES])
def test_word_has_a_short_explanation_and_a_place(word: str, text: str) -> None:
    assert 5 <= len(text.split()) <= 60
    assert text.strip().endswith(".")
    assert PLACE.search(text)
