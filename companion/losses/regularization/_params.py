"""Which tensors a penalty on parameters counts."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)


def penalised(params: nn.Module | Iterable[Tensor]) -> list[Tensor]:
    """The weights of a module that learn, without biases and parameters of norm layers; of an iterable every tensor."""
    if isinstance(params, nn.Module):
        return _weights(params)
    if isinstance(params, Tensor) or not isinstance(params, Iterable):
        cure = " Did you mean `[params]`?" if isinstance(params, Tensor) else ""
        raise TypeError(f"`params` must be a Module or an iterable of tensors, got {type(params).__name__}.{cure}")
    tensors = list(params)
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            cure = " For a dictionary of them use `params.values()`." if isinstance(tensor, str) else ""
            cure = (
                " Did you mean `parameters()` instead of `named_parameters()`?" if isinstance(tensor, tuple) else cure
            )
            raise TypeError(f"`params` must hold tensors, got {type(tensor).__name__}.{cure}")
        if not tensor.is_floating_point():
            raise TypeError(f"`params` must hold floating point tensors, got dtype {tensor.dtype}.")
    if not tensors:
        raise ValueError(
            "`params` must hold at least one tensor, got none. An iterator such as `model.parameters()` is empty after "
            "its first use: pass the model or a list."
        )
    return tensors


def _weights(module: nn.Module) -> list[Tensor]:
    """As the optimiser sees them: what is frozen stays, and a tied weight counts once."""
    norms = tuple(f"{name}." if name else "" for name, part in module.named_modules() if isinstance(part, NORMS))
    return [
        parameter
        for name, parameter in module.named_parameters()
        if parameter.requires_grad and not name.startswith(norms) and not _is_bias(name)
    ]


def _is_bias(name: str) -> bool:
    """bias, in_proj_bias, bias_ih_l0, parametrizations.bias.original."""
    return "bias" in name.replace(".", "_").split("_")


def add_up(sums: list[Tensor]) -> Tensor:
    """The sum of scalars, which may live on several devices."""
    return torch.stack([s.to(sums[0].device) for s in sums]).sum() if sums else torch.zeros(())
