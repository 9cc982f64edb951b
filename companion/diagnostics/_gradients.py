"""Gradients of several scalars with respect to the same parameters; ``.grad`` of nothing is touched."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

Parameters = nn.Module | Tensor | Iterable[Tensor]
Gradient = Sequence[Tensor | None]


def parameter_list(parameters: Parameters) -> list[Tensor]:
    """The tensors among ``parameters`` that require a gradient."""
    if isinstance(parameters, Tensor):
        found = [parameters]
    else:
        found = list(parameters.parameters() if isinstance(parameters, nn.Module) else parameters)
    for tensor in found:
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"`parameters` must be a module or tensors, got {type(tensor).__name__} among them. "
                "Did you mean `dict(module.named_parameters()).values()`?"
            )
    needed = [tensor for tensor in found if tensor.requires_grad]
    if not needed:
        cure = " Are they frozen?" if found else " Was a generator already used up?"
        raise ValueError(
            f"`parameters` must hold a tensor that requires a gradient, got {len(found)} that do not.{cure}"
        )
    return needed


def gram_of(count: int, gradient: Callable[[int], Gradient], parameters: Sequence[Tensor]) -> Tensor:
    """Inner products ``(count, count)`` of gradients, on the CPU; where a gradient is None it counts as zero."""
    rows = [gradient(i) for i in range(count)]
    gram = torch.zeros(count, count, dtype=torch.float64)
    for parts in zip(*rows, parameters, strict=True):  # tensor by tensor: the wide copy is never larger than one
        # In float64: the square of a gradient of 1e-20 is 0 in float32.
        wide = [_wide(part, parts[-1]) for part in parts[:-1]]
        stacked = torch.stack(wide)
        gram += stacked @ stacked.T
    return gram


def _wide(part: Tensor | None, parameter: Tensor) -> Tensor:
    if part is None:
        return torch.zeros(parameter.numel() * (2 if parameter.is_complex() else 1), dtype=torch.float64)
    dense = part.detach().to_dense() if part.is_sparse else part.detach()
    if dense.is_complex():  # a pair of real numbers to the optimizer, whose inner product is this one's real part
        dense = torch.view_as_real(dense)
    return dense.flatten().cpu().double()


def check_scalar(name: str, value: object) -> Tensor:
    """``value`` is a floating point scalar tensor."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        found = f"dtype {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(f"`{name}` must be a floating point tensor, got {found}.")
    if value.dim() > 0:
        raise ValueError(f"`{name}` must be a scalar, got shape {tuple(value.shape)}. Did you forget `.mean()`?")
    return value
