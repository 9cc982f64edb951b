"""Markdown for Colab: every construct the notebooks use, and errors for those they may not."""

import pytest
from colab import CLOSE, OPEN, Book, Converter, MystError

BOOK = Book(
    citations={
        "lin": ("Lin et al.", "2017", "https://doi.org/1"),
        "cui": ("Cui et al.", "2019", "https://doi.org/2"),
    },
    titles={"ch:other": ("Another page", "notebooks/other.html")},
)
CELLS = [
    "$$\nx\n$$ (eq:x)",
    "```{math}\n:label: eq:y\ny\n```",
    "```{exercise} Sum\n:class: wide\n:label: ex:sum\nAdd.\n```",
]


def colab(text: str, book: Book = BOOK) -> str:
    return Converter("notebooks/here.md", book, CELLS, ["fig:a", "fig:b"]).convert(text)


@pytest.mark.parametrize(
    ("myst", "plain"),
    [
        ("A plain line, $a_b$ and `code`.", "A plain line, $a_b$ and `code`."),
        ("(ch:here)=\n# Title", "# Title"),
        ("% a comment\nText", "Text"),
        ("$$\nx\n$$ (eq:x)", "$$\nx \\tag{1}\n$$"),
        ("$$ x $$", "$$\nx\n$$"),
        ("```{math}\n:label: eq:y\ny\n```", "$$\ny \\tag{2}\n$$"),
        ("see {eq}`eq:y`", "see (2)"),
        ("see {numref}`fig:b`", "see Figure 2"),
        ("see {numref}`picture %s <fig:a>`", "see picture 1"),
        (":::{note}\nMind.\n:::", "> **Note**\n>\n> Mind."),
        ("```{admonition} You will see\n:class: tip\n- a\n- b\n```", "> **You will see**\n>\n> - a\n> - b"),
        ("````{tip}\n```python\n1 + 1\n```\n````", "> **Tip**\n>\n> ```python\n> 1 + 1\n> ```"),
        ("::::{note}\n:::{tip}\nIn.\n:::\n::::", "> **Note**\n>\n> > **Tip**\n> >\n> > In."),
        ("```{exercise} Sum\n:label: ex:sum\nAdd.\n```", "> **Exercise 1: Sum**\n>\n> Add."),
        ("```{solution} ex:sum\n:class: dropdown\nDone.\n```", "> **Solution to exercise 1**\n>\n> Done."),
        ("```{solution-start} ex:sum\n```", "**Solution to exercise 1**"),
        ("```{solution-end}\n```", ""),
        ("```{code-block} python\nx = 1\n```", "```python\nx = 1\n```"),
        ("```text\n{ref}`kept`\n```", "```text\n{ref}`kept`\n```"),
        ("as `{ref}` says", "as `{ref}` says"),
        ("{cite:t}`lin`", "Lin et al. [[2017](https://doi.org/1)]"),
        ("{cite:p}`lin,cui`", "[[Lin et al., 2017](https://doi.org/1); [Cui et al., 2019](https://doi.org/2)]"),
        ("{func}`~companion.losses.focal_loss`", "`focal_loss`"),
        ("{py:class}`companion.losses.FocalLoss`", "`companion.losses.FocalLoss`"),
        ("{term}`recall <recall>`", "recall"),
        ("{ref}`ex:sum`", "exercise 1"),
        ("{ref}`there <ch:other>`", "there"),
        ("{ref}`a long\ntext <ch:other>`", "a long text"),
        ("[there](other.md) and [up](../book/api.md#x)", "there and up"),
        ("[paper](https://arxiv.org/abs/1)", "[paper](https://arxiv.org/abs/1)"),
        ("is {glue:text}`gap:.2f` wide", f"is {OPEN}gap:.2f{CLOSE} wide"),
    ],
)
def test_becomes_plain(myst: str, plain: str) -> None:
    assert colab(myst) == plain


@pytest.mark.parametrize(
    ("myst", "message"),
    [
        ("ok\n\n```{mermaid}\ngraph\n```", r"notebooks/here\.md, line 3: directive `\{mermaid\}`"),
        ("ok\nbut {unknown}`x`", r"line 2: role `\{unknown\}`"),
        (":::{note}\none\n{wrong}`x`\n:::", r"line 3: role `\{wrong\}`"),
        ("```{note}\nnever closed", "line 1: .*not closed"),
        ("$$\nx", r"line 1: `\$\$` is not closed"),
        ("{cite:t}`nobody`", "`nobody` is not in book/references.bib"),
        ("{eq}`eq:none`", "no equation labelled `eq:none`"),
        ("{ref}`nowhere`", "label `nowhere`"),
        ("{glue:text}`other.md::key`", "glued in another notebook"),
        ("![a picture](local.png)", "draw it in a cell"),
        ("a claim[^1]", "footnote"),
    ],
)
def test_says_what_has_no_plain_form(myst: str, message: str) -> None:
    with pytest.raises(MystError, match=message):
        colab(myst)


def test_links_lead_to_the_published_book_once_it_has_an_address() -> None:
    book = Book(titles=BOOK.titles, address="https://book.test")
    assert colab("{ref}`ch:other`", book) == "[Another page](https://book.test/notebooks/other.html#ch-other)"
    assert colab("[the API](../book/api.md)", book) == "[the API](https://book.test/book/api.html)"
