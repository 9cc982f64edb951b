"""A loss with the numbers it is tried on: how it is called, in which precision, and on which rows."""

import copy
import functools
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

Loss = Callable[..., Any]


NO_ROWS = "not all that it takes has one entry per row"


class Unanswered(Exception):
    """A rule cannot be applied here, and why: no finding is then no acquittal."""


@dataclass(frozen=True)
class Case:
    """A loss, its input and what else it takes. Every call works on copies and draws the same random numbers."""

    loss: Loss
    input: Tensor
    target: tuple[Tensor, ...]
    stateful: bool = True  # until two calls have been seen to agree
    link: Callable[[Tensor], Tensor] | None = None  # from what is varied to the input

    def call(self, input: Tensor | None = None, target: Sequence[Tensor] | None = None) -> Any:
        """What the loss returns, whatever that is."""
        x = (self.input if input is None else input).clone()
        if self.link is not None:
            x = self.link(x)
        loss = own_copy(self.loss) if self.stateful else self.loss
        _seed(x.device)
        return loss(x, *(t.clone() for t in (self.target if target is None else target)))

    def scalar(self, input: Tensor | None = None, target: Sequence[Tensor] | None = None) -> Tensor:
        """The loss, averaged where it returns more than one number."""
        value: Tensor = self.call(input, target)
        return value if value.dim() == 0 else value.mean()

    def value(self, input: Tensor | None = None, target: Sequence[Tensor] | None = None) -> float:
        with torch.no_grad():
            return float(self.scalar(input, target))

    def finite(self, input: Tensor | None = None, target: Sequence[Tensor] | None = None) -> float | None:
        """The value, if the loss has a finite one there."""
        try:
            value = self.value(input, target)
        except Exception:
            return None
        return value if abs(value) < float("inf") else None

    def gradient(self, input: Tensor | None = None, target: Sequence[Tensor] | None = None) -> Tensor:
        """The gradient of the loss; zeros where none reaches the input."""
        return self.both(input, target)[1]

    def both(self, input: Tensor | None = None, target: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """The loss and its gradient."""
        leaf = (self.input if input is None else input).detach().clone().requires_grad_()
        value = self.scalar(leaf, target)
        if not value.requires_grad:
            return value, torch.zeros_like(leaf)
        (slope,) = torch.autograd.grad(value, leaf, allow_unused=True, materialize_grads=True)
        return value.detach(), slope

    def to(self, dtype: torch.dtype) -> "Case":
        """The same case with every floating-point number in another precision."""
        return replace(
            self,
            loss=_cast(self.loss, dtype),
            input=self.input.to(dtype),
            target=tuple(_cast(t, dtype) for t in self.target),
        )

    @functools.cached_property
    def fine(self) -> "Case":
        """The case in float64 where the loss computes in it, else as it is."""
        try:
            double = self.to(torch.float64)
            value = double.both()[0]
        except Exception:
            return self
        return double if value.dtype == torch.float64 and not _rounds(double) else self

    @property
    def eps(self) -> float:
        """The rounding of the precision that it computes in."""
        return torch.finfo(self.input.dtype).eps

    @property
    def takes_rows(self) -> bool:
        """Whether everything that it takes has one entry per row along the first axis."""
        n = len(self.input) if self.input.dim() else 0
        return n > 0 and self.link is None and all(t.dim() > 0 and len(t) == n for t in self.target)

    def rows(self, index: Tensor) -> "Case":
        """The case of these rows, which may repeat."""
        return replace(self, input=self.input[index], target=tuple(t[index] for t in self.target))


def show(x: Tensor, most: int = 6) -> str:
    """The numbers of a tensor, the first of them if there are many."""
    flat = x.detach().flatten()[:most].tolist()
    numbers = ", ".join(f"{v:.6g}" if isinstance(v, float) else str(v) for v in flat)
    return f"[{numbers}{', ...' if x.numel() > most else ''}]" if x.dim() else numbers


def describe(input: Tensor, target: Sequence[Tensor] = ()) -> str:
    """The input of one call, and its target, in short."""
    text = f"input {show(input)} of shape {tuple(input.shape)}"
    return text + (f", target {show(target[0])}" if target else "")


def own_copy(loss: Any) -> Any:
    """A copy of a module, of another object or of a method's owner, so that their state is not the user's.

    A function is itself.
    """
    try:
        return copy.deepcopy(loss)
    except Exception:  # such as of a tensor in the middle of a graph
        return loss


def _seed(device: torch.device) -> None:
    """The whole check runs in a fork of the random state, so seeding here changes nothing outside."""
    torch.default_generator.manual_seed(0)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(0)


def _cast(thing: Any, dtype: torch.dtype) -> Any:
    if isinstance(thing, Tensor):
        return thing.detach().to(dtype) if thing.is_floating_point() else thing
    if isinstance(thing, nn.Module):
        return own_copy(thing).to(dtype)
    if isinstance(thing, types.MethodType):
        return types.MethodType(thing.__func__, _cast(thing.__self__, dtype))
    if isinstance(thing, functools.partial):
        options = {name: _cast(value, dtype) for name, value in thing.keywords.items()}
        return functools.partial(_cast(thing.func, dtype), *(_cast(a, dtype) for a in thing.args), **options)
    return thing


def _rounds(case: Case) -> bool:
    """Whether a change far below the rounding of float32 leaves the loss as it was, as after an inner ``.float()``."""
    near = case.input * (1 + 1e-10) + 1e-12
    return case.value(near) == case.value() and bool(case.gradient().abs().sum() > 0)
