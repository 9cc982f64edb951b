"""What a GPU would notice, seen on the CPU: an operation whose result the host must know before it can go on."""

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from companion.diagnostics._loss.waiting import waits


class NoWaiting(TorchDispatchMode):
    """Refuses every operation whose result, or its shape, must be known on the host."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if waits(func, args):
            raise AssertionError(f"{func} waits for the GPU")
        return func(*args, **(kwargs or {}))
