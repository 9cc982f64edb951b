"""The residual r = input - target, above 0 where the prediction is too high; much of the literature writes -r.

A loss here is a function of the elements; this file checks, takes half precision to float32, weighs and reduces.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from companion._checks import Reduction, check_same_shape
from companion._margin import transformed, upcast
from companion._reduce import reduce_rows

CAP = 40.0  # exp(40) = 2.4e17: times a residual of 1e4 squared, a slope of 1e4 and a batch, still a float32

Function = Callable[[Tensor], Tensor]


def residual_loss(
    f: Function,
    input: Tensor,
    target: Tensor,
    *,
    slope: Function | None = None,
    sample_weight: Tensor | None,
    reduction: Reduction,
) -> Tensor:
    """The loss f(r) of every element, weighed and reduced; ``slope`` is the derivative of f, where that is cheaper."""
    x, y = pair(input, target)
    loss = f(x - y) if slope is None else known(f, slope, x - y)
    return reduce_rows(loss, sample_weight, reduction)


def known(f: Function, slope: Function, x: Tensor) -> Tensor:
    """f(x), with its derivative by ``slope``; where a compiler or a transform looks on, by autograd."""
    if transformed(x):
        return f(x)
    y: Tensor = _Known.apply(x, f, slope)  # type: ignore[no-untyped-call]
    return y


class _Known(torch.autograd.Function):
    """A function of which the derivative is known: nothing is kept but x, where autograd keeps every step."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, f: Function, slope: Function) -> Tensor:
        ctx.save_for_backward(x)
        ctx.slope = slope
        return f(x)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        return g * ctx.slope(x), None, None


def pair(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Two tensors of one shape, in float32 or, for a float64 ``input``, float64."""
    check_same_shape(input, target)
    x = upcast(input)
    return x, target.to(x.dtype)


def check_real(name: str, value: Tensor) -> None:
    """`value` is a tensor of real numbers, integers included."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"`{name}` must be a tensor, got {type(value).__name__}. Did you mean `torch.as_tensor({name})`?"
        )
    if value.is_complex():
        raise TypeError(f"`{name}` must be real, got dtype {value.dtype}.")


def capped_exp(u: Tensor) -> Tensor:
    """exp(u) up to CAP, from there on its tangent: once differentiable, and finite for any input up to 1e4."""
    return known(_capped_exp, lambda u: torch.exp(u.clamp_max(CAP)), u)


def _capped_exp(u: Tensor) -> Tensor:
    return torch.exp(u.clamp_max(CAP)) * (1 + F.relu(u - CAP))
