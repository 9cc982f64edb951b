"""What a GPU would notice, seen on the CPU: an operation whose result the host must know before it can go on."""

import traceback
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
NUMBERS = {aten._local_scalar_dense, aten.item, aten.equal, aten.is_nonzero}
SIZES = {aten.nonzero, aten.masked_select, aten._unique2, aten.unique_dim, aten.unique_consecutive, aten.bincount}
FOUND = {aten._linalg_check_errors, aten._linalg_eigh, aten._linalg_eigvals, aten._linalg_svd}
WAITING = NUMBERS | SIZES | FOUND
# On the CPU these copy without an operation that could be seen below.
COPIES = {Tensor.numpy, Tensor.tolist, Tensor.cpu, Tensor.__array__}


def waits(func: Any, args: Any) -> bool:
    """Whether the result of an operation, or its shape, must be known on the host."""
    by_mask = func.overloadpacket in (aten.index, aten.index_put) and any(
        isinstance(i, Tensor) and i.dtype in (torch.bool, torch.uint8) for i in args[1]
    )
    return by_mask or func.overloadpacket in WAITING


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the bytes that operations allocate, and the lines of those that wait for the device."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = 0
        self.listening = True
        self.waiting: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self.listening and waits(func, args):
            self.waiting.append(f"{func.overloadpacket.__name__} in {line()}")
        out = func(*args, **(kwargs or {}))
        given = {t.untyped_storage()._cdata for t in args if isinstance(t, Tensor)}
        for t in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(t, Tensor) and t.untyped_storage()._cdata not in given:
                self.bytes += t.untyped_storage().nbytes()
        return out


class Copies(TorchFunctionMode):
    """Notes the lines in which a tensor is copied to the host, and hides what waits on the CPU alone."""

    def __init__(self, operations: Operations) -> None:
        super().__init__()
        self.operations = operations
        self.waiting: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in COPIES:
            self.waiting.append(f"{func.__name__} in {line()}")
        # The range of the classes is only tested on the CPU.
        self.operations.listening = func is not F.one_hot or self._classes(args, kwargs or {}) < 0
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self.operations.listening = True

    @staticmethod
    def _classes(args: Any, kwargs: Any) -> int:
        return int(args[1] if len(args) > 1 else kwargs.get("num_classes", -1))


def line() -> str:
    """The line of the innermost caller between these diagnostics and torch."""
    here = Path(__file__).parent
    for frame in reversed(traceback.extract_stack()):
        path = Path(frame.filename)
        if path.parent == here and path.name != Path(__file__).name:
            break
        if path.parent != here and "torch" not in path.parts:
            return f"line {frame.lineno} of {frame.name}: {frame.line}"
    return "a function of torch"
