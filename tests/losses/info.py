"""What the contract needs to know of a loss."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from companion._twin import Twin

Options = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class LossInfo:
    """A loss of classes or regions, with `input` and `target`, and what the contract needs to know of it."""

    function: Callable[..., Tensor]
    twin: type[Twin]
    reference: Callable[..., Any]
    region: bool = False
    pooled: bool = False  # one loss per image, its classes together
    scores: bool = False  # the reference of a region takes logits, not probabilities
    most: float = 1.0  # the largest loss of a region
    binary: bool = False
    needs: Callable[[int], Options] = lambda classes: {}  # options without a default, for so many classes
    sweep: Sequence[Options] = ({},)
    probabilities: bool = True  # takes a target of probabilities
    sibling: str | None = None  # the binary loss that a single class is pointed to
    excused: Mapping[str, str] = field(default_factory=dict)  # name of the test -> reason

    @property
    def name(self) -> str:
        return self.function.__name__

    def takes(self, option: str) -> bool:
        return option in inspect.signature(self.function).parameters

    def __call__(self, input: Tensor, target: Tensor, **options: Any) -> Tensor:
        classes = input.shape[1] if input.dim() > 1 else 1
        return self.function(input, target, **{**self.needs(classes), **options})


@dataclass(frozen=True, eq=False)
class OwnInfo:
    """A loss whose data are its own (residuals, embeddings, emissions, energies), and what the contract needs to know.

    ``example(rows, draw)`` gives the data of one call in float64, in the order of the signature; every size but the
    number of rows is fixed. ``reference(*data, **options)`` gives, from the equation, slowly and on its own, what the
    loss returns under ``reduction="none"`` (or the scalar, for a loss without reductions), flattened.
    ``extreme()`` gives calls in float32 with numbers up to 1e4, ties, zeros. ``nothing()`` gives calls without anything
    to learn from, which must return 0 with a gradient of 0. ``learned`` are options that may be tensors with a
    gradient, each with a value to try.
    """

    function: Callable[..., Tensor]
    twin: type[Twin] | None
    example: Callable[[int, torch.Generator], tuple[Tensor, ...]]
    reference: Callable[..., Sequence[Any]]
    extreme: Callable[[], Sequence[tuple[Tensor, ...]]]
    nothing: Callable[[], Sequence[tuple[Tensor, ...]]] = tuple
    sweep: Sequence[Options] = ({},)
    needs: Options = field(default_factory=dict)  # options without a default
    learned: Options = field(default_factory=dict)
    slopes: Sequence[int] = (0,)  # positions of the data that get a gradient
    rows: int = 4  # of the usual example
    excused: Mapping[str, str] = field(default_factory=dict)  # name of the test -> reason

    @property
    def name(self) -> str:
        return self.function.__name__

    def takes(self, option: str) -> bool:
        return option in inspect.signature(self.function).parameters

    def __call__(self, *data: Tensor, **options: Any) -> Tensor:
        return self.function(*data, **{**self.needs, **options})
