"""What a trait of a task is: the words it is known by, the losses it asks for, why, and when not."""

from typing import NamedTuple


class Trait(NamedTuple):
    """One trait of a task or a table. ``losses`` begin with the plainest, ``avoid`` says when none of the others helps.

    Names of losses are those of ``companion.losses``, of ``companion.weighters`` or of ``torch.nn.functional``.
    ``words`` are phrases in the singular that speak of the trait, besides its name.
    """

    name: str
    words: tuple[str, ...]
    losses: tuple[str, ...]
    reason: str
    avoid: str
    link: str
