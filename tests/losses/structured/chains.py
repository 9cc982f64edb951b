"""Every tagging of a short chain, one by one."""

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor


def score(
    emissions: Tensor, tags: tuple[int, ...], transitions: Tensor, start: Tensor | None, end: Tensor | None
) -> Tensor:
    """The score of one tagging of emissions (T, C)."""
    total = sum((e[tag] for e, tag in zip(emissions, tags, strict=True)), emissions.new_zeros(()))
    total = total + sum(transitions[a, b] for a, b in itertools.pairwise(tags))
    if start is not None and tags:
        total = total + start[tags[0]]
    if end is not None and tags:
        total = total + end[tags[-1]]
    return total


def every_tagging(emissions: Tensor) -> Iterator[tuple[int, ...]]:
    return itertools.product(range(emissions.shape[1]), repeat=len(emissions))


def batch(*, rows: int = 5, steps: int = 4, classes: int = 3, dtype: torch.dtype = torch.float64) -> tuple[Tensor, ...]:
    """Emissions, tags, a mask with gaps, a late start and an early end, and one row without any step."""
    emissions = 2 * torch.randn(rows, steps, classes, dtype=dtype)
    tags = torch.randint(classes, (rows, steps))
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0]]).bool()
    return emissions, tags, mask[:rows, :steps]


def scores(*, classes: int = 3, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    return {
        "transitions": torch.randn(classes, classes, dtype=dtype),
        "start": torch.randn(classes, dtype=dtype),
        "end": torch.randn(classes, dtype=dtype),
    }
