"""What the contract needs to know of a loss."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from companion._twin import Twin

Options = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class LossInfo:
    """A loss and what the contract needs to know of it."""

    function: Callable[..., Tensor]
    twin: type[Twin]
    reference: Callable[..., Any]
    region: bool = False
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
