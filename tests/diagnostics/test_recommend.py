"""The vocabulary of traits: its losses and links exist, and it understands what it says it understands."""

import re
from pathlib import Path

import pytest
import torch

from companion import losses, weighters
from companion.diagnostics import recommend
from companion.diagnostics._table.traits_of_tasks import BUILDING_BLOCKS
from companion.diagnostics.recommend import VOCABULARY

ROOT = Path(__file__).parents[2]
PLAIN = {"cross_entropy", "binary_cross_entropy_with_logits", "mse_loss"}


def traits(description: str) -> list[str]:
    return [found.trait for found in recommend(description)]


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("rare fraud, misses cost more than alarms", ["binary", "imbalance", "unequal-costs"]),
        ("count of visits with outliers", ["count", "outliers"]),
        ("Classes with noisy labels", ["classes", "label-noise"]),
        ("balanced species without outliers", ["classes"]),
        ("house prices", ["amount"]),
        ("pixels of a tumour", ["segmentation"]),
        ("heavy-tailed target", ["heavy-tail"]),
    ],
)
def test_plain_words_are_understood(description: str, expected: list[str]) -> None:
    assert traits(description) == expected


def test_it_says_which_words_it_understood_as_they_were_written() -> None:
    count, outliers = recommend("Count of VISITS with outliers")
    assert count.understood == ("count", "visits")
    assert outliers.understood == ("outliers",)


@pytest.mark.parametrize("name", VOCABULARY)
def test_a_name_is_understood_as_a_name_and_as_words(name: str) -> None:
    assert [found.trait for found in recommend([name])] == [name]
    assert name in traits(name.replace("-", " "))


@pytest.mark.parametrize("name", VOCABULARY)
def test_every_word_of_the_vocabulary_is_heard(name: str) -> None:
    for words in VOCABULARY[name].words:
        assert name in traits(words), words


def test_no_phrase_stands_for_two_traits() -> None:
    phrases = [phrase for trait in VOCABULARY.values() for phrase in {trait.name, *trait.words}]
    assert len(phrases) == len(set(phrases))


def test_a_word_inside_a_longer_phrase_is_silent() -> None:
    assert traits("long tail") == ["imbalance"]
    assert traits("long tailed target") == ["heavy-tail"]


@pytest.mark.parametrize(
    "description", ["no outliers, a count", "a count without any outliers", "not with outliers: counts"]
)
def test_what_is_denied_does_not_count(description: str) -> None:
    assert traits(description) == ["count"]


@pytest.mark.parametrize("name", VOCABULARY)
def test_every_loss_exists(name: str) -> None:
    assert VOCABULARY[name].losses
    for loss in VOCABULARY[name].losses:
        assert any(hasattr(place, loss) for place in (losses, weighters, torch.nn.functional)), loss


@pytest.mark.parametrize("name", [name for name, trait in VOCABULARY.items() if PLAIN & set(trait.losses)])
def test_the_plain_loss_comes_first(name: str) -> None:
    assert VOCABULARY[name].losses[0] in PLAIN


def test_every_loss_is_recommended_or_a_building_block() -> None:
    public = {n for n in losses.__all__ if n[0].islower() or n in ("ELRLoss", "AdaptiveBarronLoss")}
    recommended = {loss for trait in VOCABULARY.values() for loss in trait.losses}
    assert public - recommended == set(BUILDING_BLOCKS)
    assert all(BUILDING_BLOCKS.values())


def anchors(page: Path) -> set[str]:
    """The labels and headings of a page as the book makes them anchors, and the objects that it documents."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    names = re.findall(r"^\((.+)\)=$|^#+ (.+)$", text, flags=re.MULTILINE)
    slugs = {re.sub(r"[^a-z0-9]+", "-", (label or heading).lower()).strip("-") for label, heading in names}
    documented = re.findall(r"^\.\. auto(?:function|class):: (\w+)$", page.read_text(), flags=re.MULTILINE)
    return slugs | {f"companion.losses.{name}" for name in documented}


@pytest.mark.parametrize("name", VOCABULARY)
def test_every_link_leads_into_the_book(name: str) -> None:
    page, anchor = VOCABULARY[name].link.split("#")
    assert anchor in anchors(ROOT / page.replace(".html", ".md"))


def test_text_says_what_why_and_when_not() -> None:
    (found,) = recommend("count")
    for part in ("'count'", "poisson_nll_loss", found.reason, found.avoid, found.link):
        assert part in " ".join(str(found).split())


@pytest.mark.parametrize(
    ("description", "error", "says"),
    [
        ("", ValueError, "`description` must hold a word of the vocabulary, got ''"),
        ("xyzzy", ValueError, "understood by name.*outliers"),
        (["outlier"], ValueError, r"got \['outlier'\]. There are: binary"),
        ([], ValueError, "got none"),
        (["count", 3], TypeError, "text or a sequence of names, got list"),
        (7, TypeError, "got int"),
    ],
)
@pytest.mark.as_user
def test_errors_name_the_argument(description: object, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        recommend(description)
