"""A chain of tags, scored by emissions (N, T, C) and transitions between neighbours; a masked step is skipped."""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from companion._checks import check_floating
from companion._similarity import wide
from companion.losses.structured._pieces import check_integers, check_mask


class Chain(NamedTuple):
    """The scores of a batch of chains: emissions (N, T, C), from-to (C, C), ends (C,), and kept steps (N, T)."""

    emissions: Tensor
    transitions: Tensor
    start: Tensor
    end: Tensor
    mask: Tensor


class Gold(NamedTuple):
    """What the true tagging scores: by its emissions, its moves, both (N, T, 1), and its end (N, 1)."""

    emitted: Tensor
    moved: Tensor
    ended: Tensor


def chain(
    emissions: Tensor, mask: Tensor | None, transitions: Tensor | None, start: Tensor | None, end: Tensor | None
) -> Chain:
    """The scores in the precision of their sums; what is missing scores 0."""
    classes = emissions.shape[2]
    x = wide(emissions)
    return Chain(
        x,
        x.new_zeros(classes, classes) if transitions is None else transitions.to(x.dtype),
        x.new_zeros(classes) if start is None else start.to(x.dtype),
        x.new_zeros(classes) if end is None else end.to(x.dtype),
        torch.ones(x.shape[:2], dtype=torch.bool, device=x.device) if mask is None else mask,
    )


def gold(c: Chain, tags: Tensor) -> Gold:
    """The parts of the score of the tagging ``tags``; what is masked does not matter."""
    tags = tags.long().masked_fill(~c.mask, 0)
    before, first, last = _neighbours(c.mask, tags)
    moved = torch.where(first, c.start[tags], c.transitions[before, tags])
    return Gold(c.emissions.gather(2, tags.unsqueeze(2)), moved.unsqueeze(2), c.end[last].unsqueeze(1))


def scan(c: Chain, g: Gold, combine: Callable[..., Tensor]) -> Tensor:
    """How far all taggings of each chain, combined by ``combine`` (logsumexp, amax), are ahead of the true one, (N,).

    The lead is kept step by step, so the true tagging stands at 0, and nothing large is taken from anything large.
    """
    gained = c.emissions - g.emitted - g.moved
    ahead = c.start + gained[:, :0].sum(dim=1)  # the empty sum is 0, but a gradient flows where there is no step
    begun = torch.zeros_like(ahead[:, :1], dtype=torch.bool)
    for gain, on in zip(gained.unbind(1), c.mask.unsqueeze(2).unbind(1), strict=True):
        came = torch.where(begun, combine(ahead.unsqueeze(2) + c.transitions, dim=1), ahead)
        ahead = torch.where(on, came + gain, ahead)
        begun = begun | on
    return torch.where(begun.squeeze(1), combine(ahead + c.end, dim=1) - g.ended.squeeze(1), 0.0)


def check_chain(
    emissions: Tensor,
    tags: Tensor | None,
    mask: Tensor | None,
    transitions: Tensor | None,
    start: Tensor | None,
    end: Tensor | None,
) -> None:
    check_floating("emissions", emissions)
    if emissions.dim() != 3 or emissions.shape[2] < 2:
        raise ValueError(
            "`emissions` must have shape (N, T, C), one score per step and tag, at least two tags, "
            f"got {tuple(emissions.shape)}. For a single sequence add a batch axis: `emissions.unsqueeze(0)`."
        )
    steps, classes = tuple(emissions.shape[:2]), emissions.shape[2]
    if tags is not None:
        swapped = "emissions.transpose(0, 1)"  # steps first, as recurrent layers return them
        check_integers("tags", tags, steps, "one tag per step of `emissions`", transposed=swapped)
    check_mask(mask, steps)
    for name, value, shape in (
        ("transitions", transitions, (classes, classes)),
        ("start", start, (classes,)),
        ("end", end, (classes,)),
    ):
        if value is None:
            continue
        check_floating(name, value)
        if value.shape != shape:
            raise ValueError(
                f"`{name}` must have shape {shape}, the last axis of `emissions` being {classes} tags, "
                f"got {tuple(value.shape)}."
            )


def _neighbours(mask: Tensor, tags: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The tag of the last kept step before each step, whether there is none, and the tag of the last kept step."""
    step = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    kept = F.pad(torch.where(mask, step, 0), (1, 0))  # 0 stands for no step
    known = F.pad(tags, (1, 0))
    before = kept[:, :-1].cummax(dim=1).values
    last = kept.amax(dim=1, keepdim=True)
    return known.gather(1, before), before == 0, known.gather(1, last).squeeze(1)
