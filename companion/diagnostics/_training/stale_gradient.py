"""Whether the gradient of a step is still in the one of the next, or was set to zero in between."""

import weakref
from typing import Any

import torch
from torch import Tensor


class StaleGradient:
    """Follows one gradient through all backward passes between two steps.

    The last pass counts: the first may be of another loss, as that of a generator, which reaches the discriminator
    before its gradients are set to zero.
    """

    def __init__(self) -> None:
        self._handles: list[Any] = []
        self._left: Tensor | None = None

    def watch(self, parameter: Tensor) -> None:
        """Follow the gradient of this parameter, which is now that of a step just taken."""
        self.release()
        if parameter.grad is None or not parameter.requires_grad:
            return
        seen: tuple[weakref.ref[Tensor], int] | None = _mark(parameter.grad)

        def before(_: Tensor) -> None:
            nonlocal seen
            there = parameter.grad
            if there is None or seen is None or there is not seen[0]() or there._version != seen[1]:
                seen = self._left = None
            else:
                # `.data.zero_()` is no write that autograd counts.
                values = there.detach()
                self._left = torch.linalg.vector_norm(values.coalesce().values() if values.is_sparse else values)

        def after(_: Tensor) -> None:
            nonlocal seen
            if seen is not None and parameter.grad is not None:
                seen = _mark(parameter.grad)

        self._handles = [
            parameter.register_hook(before),  # type: ignore[no-untyped-call]
            parameter.register_post_accumulate_grad_hook(after),  # type: ignore[no-untyped-call]
        ]

    def found(self) -> bool:
        """Whether the last pass has found one; waits for the device if so."""
        left, self._left = self._left, None
        return left is not None and bool(left > 0)

    def release(self) -> None:
        """Take the hooks off."""
        for handle in self._handles:
            handle.remove()
        self._handles = []


def _mark(gradient: Tensor) -> tuple[weakref.ref[Tensor], int]:
    """What tells a gradient that nobody wrote to: the tensor, and the number of writes to it."""
    return weakref.ref(gradient), gradient._version
