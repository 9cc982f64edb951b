"""Which loss? The traits of a task, in plain words or by name, looked up in one table."""

import re
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from companion.diagnostics._table.trait import Trait
from companion.diagnostics._table.traits_of_tables import KINDS
from companion.diagnostics._table.traits_of_tables import TRAITS as OF_TABLES
from companion.diagnostics._table.traits_of_tasks import TRAITS as OF_TASKS

VOCABULARY = {trait.name: trait for trait in (*KINDS, *OF_TABLES, *OF_TASKS)}
NEGATIONS = {"no", "not", "without", "never", "neither", "nor", "hardly"}


class Recommendation(NamedTuple):
    """What :func:`recommend` returns."""

    trait: str
    losses: tuple[str, ...]
    reason: str
    avoid: str
    link: str
    understood: tuple[str, ...]

    def __str__(self) -> str:
        heard = f" (from {', '.join(map(repr, self.understood))})" if self.understood else ""
        lines = textwrap.wrap(f"{self.trait}{heard}: {', '.join(self.losses)}", 100, subsequent_indent=" " * 12)
        for label, text in (("why", self.reason), ("when not", self.avoid), ("more", self.link)):
            lines += textwrap.wrap(text, 100, initial_indent=f"  {label:<10}", subsequent_indent=" " * 12)
        return "\n".join(lines)


def recommend(description: str | Sequence[str]) -> list[Recommendation]:
    """Names the losses to try for a task that is described in a few words, the plainest first, and says when not to.

    The description is searched for the words of a small vocabulary, in which each trait of a task has the losses that
    answer it. Plurals count as singulars, and a word with "no", "not" or "without" just before it does not count. That
    is all it understands: it sees neither your data nor what you left out, and a trait that is not named is not
    considered. :func:`profile_data` looks at a table and uses the same vocabulary.

    Every answer begins with the loss that is tried first, which is mostly cross entropy or squared error. The others
    are worth their options only if they do better on held-out rows, under the metric that counts.

    Args:
        description: A sentence or a few words, such as ``"count of visits with outliers"``; or names of traits, such
            as ``["count", "outliers"]``.

    Returns:
        One recommendation for each trait that was understood, in the order of the vocabulary, the kind of target
        first. Each has

        * ``trait``: its name.
        * ``losses``: names in ``companion.losses``, ``companion.weighters`` or ``torch.nn.functional``, the
          plainest first.
        * ``reason``: why these.
        * ``avoid``: when not.
        * ``link``: the page of the book with the experiment or the formula.
        * ``understood``: the words of the description that spoke for the trait; none for names of traits.

    Raises:
        TypeError: If ``description`` is neither text nor a sequence of names.
        ValueError: If no word was understood, or a name is not in the vocabulary.

    Example:
        >>> for found in recommend("count of visits with outliers"):
        ...     print(found.trait, found.understood, found.losses[:2])
        count ('count', 'visits') ('mse_loss', 'poisson_nll_loss')
        outliers ('outliers',) ('huber_loss', 'cauchy_loss')

    References:
        Hastie, Tibshirani, Friedman, *The Elements of Statistical Learning*, second edition, Springer 2009.
        https://hastie.su.domains/ElemStatLearn/
    """
    if isinstance(description, str):
        heard = _understand(description)
        if not heard:
            raise ValueError(
                f"`description` must hold a word of the vocabulary, got {description!r}. Traits, which are understood "
                f"by name and by words near them: {', '.join(VOCABULARY)}."
            )
        return [_recommendation(trait, words) for trait, words in heard]
    if not isinstance(description, Sequence) or not all(isinstance(name, str) for name in description):
        raise TypeError(f"`description` must be text or a sequence of names, got {type(description).__name__}.")
    wrong = [name for name in description if name not in VOCABULARY]
    if wrong or not description:
        raise ValueError(
            f"`description` must name traits of the vocabulary, got {wrong or 'none'}. There are: "
            f"{', '.join(VOCABULARY)}. For a description in words pass one string."
        )
    return [_recommendation(trait, ()) for name, trait in VOCABULARY.items() if name in description]


def _recommendation(trait: Trait, words: tuple[str, ...]) -> Recommendation:
    return Recommendation(trait.name, trait.losses, trait.reason, trait.avoid, trait.link, words)


def _understand(text: str) -> list[tuple[Trait, tuple[str, ...]]]:
    """The traits that the text speaks of, each with the words that say so; a phrase inside a longer one is silent."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    tokens = [_singular(word) for word in words]
    places = [
        (start, start + len(phrase), trait.name)
        for trait in VOCABULARY.values()
        for phrase in _phrases(trait)
        for start in range(len(tokens) - len(phrase) + 1)
        if tokens[start : start + len(phrase)] == phrase
    ]
    heard: dict[str, list[str]] = {}
    for start, end, name in sorted(places):
        inside = any(s <= start and end <= e and e - s > end - start for s, e, _ in places)
        if not inside and NEGATIONS.isdisjoint(words[max(0, start - 2) : start]):
            heard.setdefault(name, []).append(" ".join(words[start:end]))
    return [(trait, tuple(dict.fromkeys(heard[name]))) for name, trait in VOCABULARY.items() if name in heard]


def _phrases(trait: Trait) -> list[list[str]]:
    return [[_singular(word) for word in re.split("[ -]", phrase)] for phrase in {trait.name, *trait.words}]


def _singular(word: str) -> str:
    """The word without the ending of a plural."""
    for plural, singular in (("sses", "ss"), ("ies", "y"), ("ss", "ss"), ("us", "us"), ("is", "is"), ("s", "")):
        if word.endswith(plural) and len(word) > 3:
            return word.removesuffix(plural) + singular
    return word
