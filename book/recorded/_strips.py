"""Strips of real handwritten digits, and how well a strip was read."""

from collections import Counter
from collections.abc import Sequence
from math import exp, log

import torch
from torch import Tensor

from companion import data

WIDTH, LONGEST, BLANK = 64, 5, 0
CLASSES = 10
END, IGNORED = 10, -100


def loose(rows: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Three to five digits somewhere on a strip of paper, in order and never on top of each other.

    Returns:
        The strips ``(count, 8, WIDTH)``, their text as digit + 1 ``(count, LONGEST)``, 0 beyond its end, the number of
        digits ``(count,)``, and the first column of each digit ``(count, LONGEST)``.
    """
    images, digits = data.digits()
    draw = torch.Generator().manual_seed(seed)
    paper = torch.zeros(count, 8, WIDTH)
    text, start = (torch.zeros(count, LONGEST, dtype=torch.int64) for _ in range(2))
    length = torch.randint(3, LONGEST + 1, (count,), generator=draw)
    for i, n in enumerate(length.tolist()):
        chosen = rows[torch.randint(len(rows), (n,), generator=draw)]
        gaps = torch.rand(n + 1, generator=draw).square()
        start[i, :n] = (gaps / gaps.sum() * (WIDTH - 8 * n)).long()[:n].cumsum(0) + 8 * torch.arange(n)
        text[i, :n] = digits[chosen] + 1
        for row, column in zip(chosen, start[i].tolist(), strict=False):
            paper[i, :, column : column + 8] = images[row].view(8, 8)
    return paper, text, length, start


def counting(
    rows: Tensor, count: int, seed: int, *, length: int = 8, keep: float = 0.8, noise: float = 0.6
) -> tuple[Tensor, Tensor]:
    """Noisy digits that mostly count on: after a three a four, but for every fifth digit, which is drawn at random."""
    draw = torch.Generator().manual_seed(seed)
    y = torch.randint(CLASSES, (count, length), generator=draw)
    on = torch.rand(count, length, generator=draw) < keep
    for t in range(1, length):
        y[:, t] = torch.where(on[:, t], (y[:, t - 1] + 1) % CLASSES, y[:, t])
    return pictures(rows, y, draw, noise), y


def checked(rows: Tensor, count: int, seed: int, noise: float = 0.6) -> tuple[Tensor, Tensor]:
    """Noisy digits in threes that add up to a multiple of ten; the answer is the number they make, 0 to 999."""
    draw = torch.Generator().manual_seed(seed)
    y = torch.randint(CLASSES, (count, 3), generator=draw)
    y[:, 2] = (-y[:, 0] - y[:, 1]) % CLASSES
    return pictures(rows, y, draw, noise), y @ torch.tensor([100, 10, 1])


def pictures(rows: Tensor, y: Tensor, draw: torch.Generator, noise: float) -> Tensor:
    """A real image of each digit, from these rows, under Gaussian noise."""
    images, digits = data.digits()
    x = torch.empty(*y.shape, 64)
    for c in range(CLASSES):
        own = rows[digits[rows] == c]
        x[y == c] = images[own[torch.randint(len(own), (int((y == c).sum()),), generator=draw)]]
    return x + noise * torch.randn(x.shape, generator=draw)


def read(logits: Tensor) -> list[list[int]]:
    """The best class of each frame ``(N, C, T)``, repetitions merged, then blanks dropped."""
    merged = (torch.unique_consecutive(path).tolist() for path in logits.argmax(1))
    return [[c for c in path if c != BLANK] for path in merged]


def edit_distance(a: Sequence[int], b: Sequence[int]) -> int:
    """Fewest insertions, deletions and substitutions that turn `a` into `b`."""
    above = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (x != y)))
        above = row
    return above[-1]


def bleu(answers: Sequence[Sequence[int]], truth: Sequence[Sequence[int]], longest: int = 4) -> float:
    """BLEU of a corpus with one reference each: geometric mean of the n-gram precisions, times the brevity penalty."""
    logs = []
    for n in range(1, longest + 1):
        hits = total = 0
        for a, b in zip(answers, truth, strict=True):
            said, right = (Counter(tuple(s[i : i + n]) for i in range(len(s) - n + 1)) for s in (a, b))
            hits, total = hits + (said & right).total(), total + said.total()
        if hits == 0:
            return 0.0
        logs.append(log(hits / total))
    short = 1 - sum(map(len, truth)) / max(1, sum(map(len, answers)))
    return exp(sum(logs) / longest + min(0.0, short))
