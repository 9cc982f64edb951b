"""Units that give the same value for every row, seen by forward hooks that are there only while they are needed."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

ROWS = 256  # a unit that was alike on so many rows in a row counts as dead; a live one that fires on 3 % passes
AT_ONCE = 64  # rows of a batch that are looked at
ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Sigmoid, nn.Tanh, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.Softplus, nn.Softshrink, nn.Hardshrink,
    nn.Threshold,
)  # fmt: skip

Units = tuple[int, int]  # the axis, and how many there are


class DeadUnits:
    """Counts, per unit of each activation module, on how many rows in a row it was alike."""

    def __init__(self, model: nn.Module) -> None:
        # What is compiled would be compiled anew, and then not call the hook.
        compiled = any(hasattr(m, "_orig_mod") or m._compiled_call_impl is not None for m in model.modules())
        named = [] if compiled else model.named_modules()
        self._modules = {f"{name} ({type(m).__name__})": m for name, m in named if isinstance(m, ACTIVATIONS)}
        self._alike: dict[str, dict[Units, Tensor]] = {}  # by module and units, for a module may be used twice
        self._handles: list[Any] = []

    def watch(self) -> None:
        """Put the hooks on."""
        self.release()
        for name, module in self._modules.items():
            self._handles.append(module.register_forward_hook(_Hook(self._see, name)))

    def release(self) -> None:
        """Take the hooks off."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def shares(self) -> dict[str, float]:
        """Share of dead units per module that was seen."""
        return {
            name: max(sum(r >= ROWS for r in rows.tolist()) / n for (_, n), rows in units.items())
            for name, units in self._alike.items()
        }

    def state(self) -> dict[str, dict[Units, Tensor]]:
        return {name: {n: rows.cpu() for n, rows in units.items()} for name, units in self._alike.items()}

    def load(self, state: Mapping[str, Mapping[Units, Tensor]]) -> None:
        self._alike = {name: {n: rows.clone() for n, rows in units.items()} for name, units in state.items()}

    def _see(self, name: str, output: Tensor) -> None:
        output = output.detach()
        if len(output) > AT_ONCE:
            output = output[:AT_ONCE]
        seen = self._alike.setdefault(name, {})
        for axis in (1, 2) if output.dim() == 3 else (1,):  # (N, C, H, W) has channels; (N, C, T) too, or (N, T, D)
            others = [a for a in range(output.dim()) if a != axis]
            alike = output.amin(others) == output.amax(others)
            key = (axis, len(alike))
            rows = seen.get(key, torch.zeros(len(alike), dtype=torch.long)).to(output.device)
            seen[key] = (rows + len(output)) * alike


class _Hook:
    """A forward hook that is left behind where the model is copied or pickled."""

    def __init__(self, see: Callable[[str, Tensor], None] | None = None, name: str = "") -> None:
        self.see, self.name = see, name

    def __call__(self, module: nn.Module, args: Any, output: Any) -> None:
        if torch.compiler.is_compiling() or self.see is None or not torch.is_grad_enabled():
            return
        if isinstance(output, Tensor) and output.dim() >= 2 and output.numel() > output.shape[1]:
            self.see(self.name, output)

    def __reduce__(self) -> tuple[type["_Hook"], tuple[()]]:
        return _Hook, ()
