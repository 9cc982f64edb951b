"""What all weighters share: losses in, one scalar out, and a state that is saved, compiled and never poisoned."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from companion.weighters._gram import Shared, gram_matrix, mean_over_ranks
from companion.weighters._options import check_history, check_names, check_period, check_total

Losses = Mapping[str, Tensor] | Sequence[Tensor]
State = dict[str, Tensor]
Total = float | Literal["tasks"] | None


@dataclass(frozen=True)
class History:
    """What a weighter saw and did, oldest step first, on the CPU.

    Attributes:
        names: The losses, in the order of the columns.
        steps: Numbers of the steps, counted from 0, ``(T,)``.
        losses: Values of the losses, averaged over the ranks, ``(T, K)``.
        weights: The weights they were given, ``(T, K)``.
    """

    names: tuple[str, ...]
    steps: Tensor
    losses: Tensor
    weights: Tensor


class Weighter(nn.Module):
    """Base of all weighters: ``loss = weighter(losses, shared=features)``, then ``loss.backward()``.

    In training mode a call looks at the detached losses (and, where ``needs_gram``, at the inner products of their
    gradients), sets the weights and returns the weighted sum. In eval mode it applies the last weights and changes
    nothing. A step with a loss or gradient that is not finite keeps weights and state as they were; the sum that it
    returns is not finite either, so that the trouble is seen; ``looks`` then stays behind ``step``. A step that a
    ``GradScaler`` skips because the scaled gradients overflowed counts as a look, for its losses were finite.

    Where gradients are accumulated over n batches, ``period=n`` looks once for all; the last of them already has the
    new weights. Inside a line search, as of L-BFGS, which evaluates a step many times, call ``eval()`` first.

    A method names in its constructor what it will ``_remember`` and says in ``_rule`` how values become weights.
    A rule is a pure function of tensors: it waits for no GPU and runs under ``torch.compile`` and ``torch.func.vmap``.

    Attributes:
        names: The losses, in the order of ``weights``.
        weights: Weights of the last step, ``(K,)``.
        step: Steps taken, ``()``.
        looks: How often the weights were set, ``()``.
    """

    needs_gram: ClassVar[bool] = False  # whether `_rule` gets the (K, K) inner products of the gradients
    weights: Tensor
    step: Tensor
    looks: Tensor
    _ring: Tensor
    _ring_steps: Tensor

    def __init__(self, names: Sequence[str], *, sum_to: Total = "tasks", period: int = 1, history: int = 1000) -> None:
        super().__init__()
        self.names = check_names(names)
        self.sum_to = check_total(sum_to, len(self.names))
        self.period = check_period(period)
        rows, tasks = check_history(history), len(self.names)
        self._initial: State = {}
        self._remember(
            weights=torch.full((tasks,), 1.0 if self.sum_to is None else self.sum_to / tasks),
            step=torch.tensor(0),
            looks=torch.tensor(0),
        )
        if period > 1:
            self._remember(period_values=torch.zeros(tasks), period_steps=torch.tensor(0))
            if self.needs_gram:
                self._remember(period_gram=torch.zeros(tasks, tasks, dtype=torch.float64))
        self.register_buffer("_ring", torch.zeros(rows, 2, tasks), persistent=False)
        self.register_buffer("_ring_steps", torch.full((rows,), -1), persistent=False)

    def _remember(self, **initial: Tensor) -> None:
        """Declare state by its initial value: buffers that are saved, moved and reset with the module."""
        for name, value in initial.items():
            self.register_buffer(name, value.clone())
            self._initial[name] = value

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        """How this method turns what it sees into weights; a pure function that changes nothing.

        Args:
            values: Detached losses ``(K,)``, averaged over ranks and ``period``.
            gram: Inner products of the gradients ``(K, K)``, float64, if ``needs_gram``.
            state: All that was declared by ``_remember``.

        Returns:
            Weights ``(K,)`` before they are scaled to ``sum_to``, and the state that changes.
        """
        raise NotImplementedError

    def _inner(self, losses: dict[str, Tensor], shared: Shared | None) -> Tensor:
        """What `_rule` is told of the gradients, ``(K, K)``, float64; the mean of it over ``period``."""
        return gram_matrix(losses, shared)

    def _combine(self, losses: Tensor, weights: Tensor) -> Tensor:
        """The scalar to train on; its derivative with respect to a loss is that loss's weight."""
        return (weights.to(losses.dtype) * losses).sum()

    def forward(self, losses: Losses, *, shared: Shared | None = None) -> Tensor:
        """The weighted sum of the losses.

        Args:
            losses: One scalar per name, as a mapping, or as a sequence in the order of ``names``.
            shared: What the losses share: features, parameters or a module. Methods of values do not read it. Features
                are tensors that an operation made, so pass them before ``detach``; parameters are leaves, which
                under several processes must be the same in each. If trunk and heads are compiled as one, features
                cannot be reached: pass the parameters.

        Returns:
            A scalar with a gradient.

        Raises:
            KeyError: If a name is missing or unknown.
            TypeError: If a loss is not a floating point tensor.
            ValueError: If a loss is not a scalar, ``shared`` is missing, or a loss does not depend on it.
        """
        terms = self._terms(losses)
        stacked = torch.stack([term if term.dtype == torch.float64 else term.float() for term in terms])
        if not self.training:
            return self._combine(stacked, self.weights.clone())
        with _full_precision(stacked.device.type):
            values = mean_over_ranks(stacked.detach().to(self.weights.dtype))
            gram = self._inner(dict(zip(self.names, terms, strict=True)), shared) if self.needs_gram else None
            return self._combine(stacked, self.look(values, gram))

    def look(self, values: Tensor, gram: Tensor | None = None) -> Tensor:
        """Set the weights from values and inner products that are at hand, and return them.

        Args:
            values: Losses ``(K,)``.
            gram: Inner products of their gradients ``(K, K)``, if ``needs_gram``.
        """
        values, gram = values.detach(), None if gram is None else gram.detach()
        state = self.advance(values, gram, self.state())
        if len(self._ring):
            at = (self.step % len(self._ring)).view(1)
            self._ring.index_copy_(0, at, torch.stack([values, state["weights"]]).unsqueeze(0).to(self._ring.dtype))
            self._ring_steps.index_copy_(0, at, self.step.view(1))
        for name, value in state.items():
            before = getattr(self, name)
            if value is not before:
                before.copy_(value)
        return state["weights"]

    def state(self) -> State:
        """All that the next step depends on, by name."""
        return {name: getattr(self, name) for name in self._initial}

    def advance(self, values: Tensor, gram: Tensor | None, state: State) -> State:
        """One step as a pure function: the :meth:`state` after it, ``weights`` included, for ``torch.func.vmap``."""
        due: Tensor | None = None
        kept: State = {}  # `dict[str, Tensor]()` is beyond torch.compile
        if self.period > 1:
            values, gram, due, kept = self._over_period(values, gram, state)
        weights, changed = self._rule(values, gram, state)
        changed = changed | {"weights": self._scaled(weights)}
        finite = _finite(values, gram, *changed.values())
        due = finite if due is None else due & finite
        changed = {name: torch.where(due, value.to(state[name].dtype), state[name]) for name, value in changed.items()}
        return state | kept | changed | {"step": state["step"] + 1, "looks": state["looks"] + due}

    @torch.no_grad()
    def reset(self) -> None:
        """Forget all that was seen: weights, state and history are as they were at first."""
        for name, value in self._initial.items():
            getattr(self, name).copy_(value)
        self._ring_steps.fill_(-1)

    def history(self) -> History:
        """The last steps, as many as ``history`` in the constructor keeps; the one call that waits for a GPU."""
        order = self._ring_steps.argsort()
        steps = self._ring_steps[order]
        order = order[(steps >= 0) & (steps < self.step)]  # a state loaded from an earlier step has undone later ones
        ring = self._ring[order].cpu()
        return History(self.names, self._ring_steps[order].cpu(), ring[:, 0], ring[:, 1])

    def extra_repr(self) -> str:
        return ", ".join(map(repr, self.names))

    def get_extra_state(self) -> dict[str, Any]:
        return {"names": list(self.names)}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        if tuple(state["names"]) != self.names:
            raise ValueError(
                f"`state_dict` was saved for the losses {tuple(state['names'])}, this weighter has {self.names}. "
                "Make the weighter with the same names in the same order."
            )

    def _apply(self, fn: Any, recurse: bool = True) -> "Weighter":
        def at_least_float32(tensor: Tensor) -> Tensor:  # `model.half()` must not round the statistics
            moved: Tensor = fn(tensor)
            return tensor.to(moved.device) if moved.dtype in (torch.float16, torch.bfloat16) else moved

        return super()._apply(at_least_float32, recurse)  # type: ignore[no-untyped-call, no-any-return]

    def _terms(self, losses: Losses) -> list[Tensor]:
        """One scalar per name: mappings pair by name, sequences by place."""
        if isinstance(losses, Mapping):
            missing, unknown = set(self.names) - set(losses), set(losses) - set(self.names)
            if missing or unknown:
                found = f"missing: {sorted(missing)}, unknown: {sorted(map(str, unknown))}"
                raise KeyError(f"`losses` must hold {self.names}; {found}.")
            terms = [losses[name] for name in self.names]
        elif isinstance(losses, Tensor):
            raise TypeError(
                "`losses` must be a mapping or a sequence of scalars, got a tensor. Pass the scalars it was made of: "
                "a gradient through an entry of a stack visits every loss."
            )
        else:
            terms = list(losses)
            if len(terms) != len(self.names):
                raise ValueError(f"`losses` must hold one scalar per name, {len(self.names)}, got {len(terms)}.")
        for name, term in zip(self.names, terms, strict=True):
            if not isinstance(term, Tensor) or not term.is_floating_point():
                found = f"dtype {term.dtype}" if isinstance(term, Tensor) else type(term).__name__
                raise TypeError(f"`losses[{name!r}]` must be a floating point tensor, got {found}.")
            if term.dim() > 0:
                raise ValueError(
                    f"`losses[{name!r}]` must be a scalar, got shape {tuple(term.shape)}. Did you forget `.mean()`?"
                )
        return terms

    def _scaled(self, weights: Tensor) -> Tensor:
        # A weight may be negative (IMTL-G): divided by their sum alone, the weights could all change sign.
        return weights if self.sum_to is None else weights * (self.sum_to / torch.linalg.vector_norm(weights, 1))

    def _over_period(
        self, values: Tensor, gram: Tensor | None, state: State
    ) -> tuple[Tensor, Tensor | None, Tensor, State]:
        """Means over the finite steps of this period, whether it ends here, and the sums to keep if it does not."""
        finite = _finite(values, gram)
        ends = (state["step"] + 1) % self.period == 0
        sums = {
            "period_values": state["period_values"] + torch.where(finite, values, 0.0),
            "period_steps": state["period_steps"] + finite,
        }
        if gram is not None:
            sums["period_gram"] = state["period_gram"] + torch.where(finite, gram, 0.0)
        steps = sums["period_steps"]
        mean_values = sums["period_values"] / steps.clamp_min(1)
        mean_gram = None if gram is None else sums["period_gram"] / steps.clamp_min(1)
        kept = {name: torch.where(ends, torch.zeros_like(total), total) for name, total in sums.items()}
        return mean_values, mean_gram, ends & (steps > 0), kept


def _full_precision(device: str) -> AbstractContextManager[Any]:
    """Where autocast is on, products of small gradients and of slopes would be taken in half precision."""
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        return torch.autocast(device, enabled=False)
    return nullcontext()


def _finite(*tensors: Tensor | None) -> Tensor:
    # The largest magnitude of all of them, NaN if there is one: three operations, for each costs more than its numbers.
    found = [tensor.flatten() for tensor in tensors if tensor is not None and tensor.is_floating_point()]
    finite: Tensor = torch.linalg.vector_norm(torch.cat(found), torch.inf) < torch.inf
    return finite
