"""What a GPU would notice, seen on the CPU: an operation whose result the host must know before it can go on."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
WAITING = {aten._local_scalar_dense, aten.item, aten.nonzero, aten.equal, aten.is_nonzero, aten.masked_select}
WAITING |= {aten._linalg_check_errors, aten._linalg_eigh, aten._linalg_eigvals, aten._linalg_svd}  # was it found?


class NoWaiting(TorchDispatchMode):
    """Refuses every operation whose result, or its shape, must be known on the host."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        by_mask = func.overloadpacket in (aten.index, aten.index_put) and any(
            isinstance(i, Tensor) and i.dtype in (torch.bool, torch.uint8) for i in args[1]
        )
        if by_mask or func.overloadpacket in WAITING:
            raise AssertionError(f"{func} waits for the GPU")
        return func(*args, **(kwargs or {}))
