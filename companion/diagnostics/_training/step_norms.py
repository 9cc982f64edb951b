"""The norms that say what a step of training did, in as few operations as there can be."""

import math

import torch
from torch import Tensor


def step_norms(parameters: list[Tensor], before: list[Tensor]) -> list[list[float]]:
    """Norms of gradients, parameters and updates, one per parameter; NaN for a gradient that is missing.

    It waits for the device, and overwrites ``before``, the parameters before the step.
    """
    gradients = [p.grad for p in parameters]
    weights = [p.detach() for p in parameters]
    torch._foreach_sub_(before, weights)
    found = iter(_norms([*(g for g in gradients if g is not None), *weights, *before]))
    gradient = [math.nan if g is None else next(found) for g in gradients]
    return [gradient, [next(found) for _ in weights], [next(found) for _ in weights]]


def _norms(tensors: list[Tensor]) -> list[float]:
    """Infinite for whatever is not finite."""
    place = tensors[-1].device
    if all(t.dtype == torch.float32 and t.device == place and not t.is_sparse for t in tensors):
        norms = list(torch._foreach_norm(tensors))
    else:
        dense = [t.coalesce().values() if t.is_sparse else t for t in tensors]
        wide = [torch.promote_types(t.dtype, torch.float32) for t in dense]  # the squares of halves overflow
        norms = [
            torch.linalg.vector_norm(t, dtype=d).to(place, torch.float32) for t, d in zip(dense, wide, strict=True)
        ]
    return [norm if norm < math.inf else math.inf for norm in torch.stack(norms).tolist()]
