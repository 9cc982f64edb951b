"""Whatever a diagnostic does to a model inside, outside it is as it was."""

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


@contextmanager
def preserved(model: nn.Module, optimizer: Optimizer | None = None) -> Iterator[None]:
    """Puts ``model``, ``optimizer`` and the sources of random numbers back as they were, also after an exception.

    Of the model these are parameters, buffers, gradients and modes. Inside, no parameter has a gradient. Values are
    put back into the very tensors that held them, for others may hold those too.
    """
    groups = [] if optimizer is None else optimizer.param_groups
    owned = [*model.parameters(), *(p for group in groups for p in group["params"])]
    parameters = {id(p): p for p in owned}.values()
    gradients = [p.grad for p in parameters]
    buffers = [(module, dict(module._buffers)) for module in model.modules()]
    modes = [(module, module.training) for module in model.modules()]
    values = [(p, p.detach().clone()) for p in parameters]
    values += [(b, b.detach().clone()) for _, named in buffers for b in named.values() if b is not None]
    state = {} if optimizer is None else {p: deepcopy(kept) for p, kept in optimizer.state.items()}
    options = [(group, {k: v for k, v in group.items() if k != "params"}) for group in groups]
    values += [(v, v.detach().clone()) for _, named in options for v in named.values() if isinstance(v, Tensor)]
    for p in parameters:
        p.grad = None
    try:
        with same_random_numbers():
            yield
    finally:
        for p, gradient in zip(parameters, gradients, strict=True):
            p.grad = gradient
        for module, named in buffers:
            module._buffers.clear()
            module._buffers.update(named)
        for module, mode in modes:
            module.training = mode
        for group, named in options:
            group.update(named)
        with torch.no_grad():
            for tensor, value in values:
                tensor.copy_(value)
        if optimizer is not None:
            optimizer.state.clear()
            optimizer.state.update(state)


@contextmanager
def same_random_numbers() -> Iterator[None]:
    # Augmentations in a loader often draw from these two; where NumPy was never imported, nobody draws from it.
    numpy = sys.modules.get("numpy")
    python, arrays = random.getstate(), numpy.random.get_state() if numpy else None
    try:
        with torch.random.fork_rng(range(torch.cuda.device_count())):
            yield
    finally:
        random.setstate(python)
        if numpy:
            numpy.random.set_state(arrays)
