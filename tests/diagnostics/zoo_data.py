"""What a row of the zoo is, and the small examples on which its losses are examined."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

Loss = Callable[..., Any]


class Example(NamedTuple):
    """What a loss is called with: ``target`` is a tensor, a tuple of further arguments, or None."""

    input: Tensor
    target: Any = None
    truth: Tensor | None = None
    by_design: tuple[str, ...] = ()


class Sick(NamedTuple):
    """A faulty loss, the names that its report must hold, and a loss without the fault on the same example."""

    loss: Loss
    example: Example
    finds: tuple[str, ...]
    healthy: Loss

    @property
    def name(self) -> str:
        return self.loss.__name__


Admit = Callable[..., Callable[[Loss], Loss]]


def ward() -> tuple[list[Sick], Admit]:
    """An empty list, and the decorator that fills it: ``@sick(example, names, healthy=loss)``."""
    rows: list[Sick] = []

    def sick(example: Example, *finds: str, healthy: Loss) -> Callable[[Loss], Loss]:
        def admit(loss: Loss) -> Loss:
            rows.append(Sick(loss, example, finds, healthy))
            return loss

        return admit

    return rows, sick


def same_shape(input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        raise ValueError(f"shapes differ: {tuple(input.shape)}, {tuple(target.shape)}")


def _normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


_LABELS = torch.tensor([0, 2, 1, 1, 0, 2, 2, 0])
_BITS = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0])

CLASSES = Example(2 * _normal(8, 3), _LABELS)
ABSENT_CLASS = Example(2 * _normal(8, 4), _LABELS)
SOME_IGNORED = Example(2 * _normal(8, 3), torch.where(torch.arange(8) % 4 == 1, -100, _LABELS))
ALL_IGNORED = Example(2 * _normal(8, 3), torch.full((8,), -100))
SOFT = Example(2 * _normal(8, 3), _normal(8, 3, seed=1).softmax(1), truth=_normal(8, 3, seed=1).log_softmax(1))
TEACHER = Example(2 * _normal(8, 3), _normal(8, 3, seed=1))
TOKENS = Example(2 * _normal(4, 3, 5), torch.arange(20).view(4, 5) * 7 % 3)
MAPS = Example(2 * _normal(2, 3, 4, 4), torch.arange(32).view(2, 4, 4) * 5 % 7 % 3)
ABSENT_MAP = Example(2 * _normal(2, 3, 4, 4), torch.arange(32).view(2, 4, 4) % 2)

BINARY = Example(2 * _normal(8), _BITS)
MULTI_LABEL = Example(2 * _normal(8, 3), (_normal(8, 3, seed=1) > 0).float())
SOFT_BINARY = Example(2 * _normal(8), torch.linspace(0.1, 0.9, 8), truth=torch.linspace(0.1, 0.9, 8).logit())
MASKS = Example(2 * _normal(2, 1, 8, 8), (_normal(2, 1, 8, 8, seed=1) > 0).float())
WIDE_MASKS = Example(2 * _normal(2, 1, 32, 32), (_normal(2, 1, 32, 32, seed=1) > 0).float())
LARGE_MASKS = Example(_normal(1, 1, 272, 272) + 6, torch.ones(1, 1, 272, 272))

NUMBERS = Example(1.5 * _normal(8), _normal(8, seed=1))
COLUMN = Example(1.5 * _normal(8, 1), _normal(8, seed=1))
WITH_ZERO = Example(_normal(8), torch.tensor([0.0, 1.0, -2.0, 0.5, 0.0, 3.0, -1.0, 0.25]))
POSITIVE = Example(_normal(8).clamp(min=-0.8), _normal(8, seed=1).exp())
FAR_APART = Example(100 * _normal(8), 100 * _normal(8, seed=1) + 350)
MANY = Example(30 * _normal(128), 30 * _normal(128, seed=1))
ALONE = Example(0.5 * _normal(8) - 0.2)
CODES = Example(_normal(8, 4), _normal(8, 4, seed=1))
HIDDEN = Example(2 * _normal(8, 4))

EMBEDDINGS = Example(_normal(8, 4), _LABELS)
LONELY = Example(_normal(8, 4), torch.tensor([0, 0, 1, 1, 2, 2, 2, 3]))
VIEWS = Example(_normal(8, 4), _normal(8, 4, seed=1))
WITH_ZERO_ROW = Example(_normal(8, 4) * (torch.arange(8) != 3).float()[:, None], _normal(8, 4, seed=1))
COSINES = Example(_normal(8, 3).clamp(-0.9, 0.9), _LABELS)
ENERGIES = Example(2 * _normal(8, 3), _LABELS, truth=-20 * F.one_hot(_LABELS, 3).float())
_UNIT = _normal(4, 3, 2, 2).flatten(1)
GRADIENTS = Example(_normal(4, 3, 2, 2, seed=1), truth=F.normalize(_UNIT, dim=1).view(4, 3, 2, 2))
_OTHER = _normal(8, 4, seed=1)
PAIRS = Example(_normal(8, 4), (_OTHER, _BITS), truth=_OTHER + 20 * (1 - _BITS)[:, None])
