"""A monitor that watches a training from the side, and says what went wrong, since when, and what to try."""

import math
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from companion._checks import count
from companion.diagnostics._findings import Report
from companion.diagnostics._training.dead_units import DeadUnits
from companion.diagnostics._training.inbox import Inbox, scalar
from companion.diagnostics._training.record import Record, Series
from companion.diagnostics._training.stale_gradient import StaleGradient
from companion.diagnostics._training.step_norms import step_norms
from companion.diagnostics._training.symptom import Symptom
from companion.diagnostics._training.symptoms import NAMES, symptoms, unchecked

Losses = Tensor | float | Mapping[str, Tensor | float]


class TrainingMonitor:
    r"""Watches a training from the side, and says what went wrong, since when, and what to try.

    Call :meth:`log` once a step. The monitor keeps the losses of every step and, by hooks that are there only then,
    the norms of gradients, weights and updates and the share of dead units at some steps: 0, 1, 2, 4, 8, ... and every
    ``interval``. For each weight that is, with :math:`\theta_t` before and :math:`\theta_{t+1}` after the step,

    .. math:: \lVert \nabla_\theta L \rVert , \qquad
              \frac{\lVert \theta_{t+1} - \theta_t \rVert}{\lVert \theta_{t+1} \rVert} ,

    of which the second is common between :math:`10^{-4}` and :math:`10^{-2}`. At the interval, and only there, training
    waits for its device, and for the length of one step there is a second copy of the parameters. Model, optimizer,
    gradients and random numbers are left as they are.

    :meth:`diagnose` looks for what the book lists as ``non-finite``, ``plateau``, ``spike``, ``oscillation``,
    ``divergence``, ``overfitting``, ``dead-units``, ``vanishing-gradient``, ``exploding-gradient``, ``large-update``,
    ``small-update``, ``no-gradient``, ``stale-gradient`` (gradients that are never set to zero) and ``idle-part``.

    It cannot see what the losses do not show: a loss that is wrong and falls, leaking data, labels in another order in
    training and validation alike. A training that has converged and one that is stuck far down look alike, so a
    plateau is only reported where the loss has never moved. Activations that are functions rather than modules, or
    inside a compiled model, are not searched for dead units.

    Args:
        model: The model that is trained.
        optimizer: Its optimizer; closures, gradient scalers and several parameter groups are fine.
        interval: Steps between two looks at gradients, updates and units, and the length of the memory of losses on a
            device. 1 looks at every step, which costs about as much as a small step itself.
        writer: Gets what is recorded, at the interval, by ``add_scalar(name, value, step)``, as TensorBoard's
            ``SummaryWriter`` has it.

    Returns:
        A monitor, which is also a context manager that takes its hooks off at the end. :meth:`state_dict` and
        :meth:`load_state_dict` carry it over a checkpoint. A copy has no writer.

    Raises:
        TypeError: If ``model``, ``optimizer``, ``interval`` or ``writer`` is of another type.
        ValueError: If ``interval`` is below 1.

    Example:
        >>> x, y = torch.randn(64, 8), torch.randn(64, 1)
        >>> model = torch.nn.Linear(8, 1)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=1e-9)  # far too little
        >>> monitor = TrainingMonitor(model, optimizer)
        >>> for _ in range(40):
        ...     loss = torch.nn.functional.mse_loss(model(x), y)
        ...     optimizer.zero_grad()
        ...     loss.backward()
        ...     monitor.log(loss)
        ...     optimizer.step()
        >>> monitor.diagnose().names
        ['small-update', 'plateau']

    References:
        Pascanu, Mikolov, Bengio, *On the difficulty of training recurrent neural networks*, ICML 2013, on exploding and
        vanishing gradients. https://arxiv.org/abs/1211.5063
        Lu, Shin, Su, Karniadakis, *Dying ReLU and Initialization: Theory and Numerical Examples*, Communications in
        Computational Physics 2020. https://arxiv.org/abs/1903.06733
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        interval: int = 200,
        writer: Any = None,
    ) -> None:
        _check(model, optimizer, interval, writer)
        self.model, self.optimizer, self.interval, self.writer = model, optimizer, interval, writer
        named = {p: name.replace("_orig_mod.", "") for name, p in model.named_parameters()}
        for g, group in enumerate(optimizer.param_groups):
            for i, p in enumerate(group["params"]):
                named.setdefault(p, f"group {g}, parameter {i}")
        self._parameters: list[Tensor] = list(named)
        self._record = Record(list(named.values()))
        self._dead = DeadUnits(model)
        self._inbox = Inbox(interval)
        self._stale = StaleGradient()
        self._step, self._next = 0, 0  # steps taken; step of the next snapshot
        self._before: list[Tensor] = []
        self._searches = isinstance(optimizer, torch.optim.LBFGS)  # of the losses of a line search the first counts
        self._after = optimizer.register_step_post_hook(self._after_step)
        self._watch()

    def log(self, losses: Losses) -> None:
        """Record the losses of this step: once a step, or once per batch where gradients are accumulated.

        It may stand anywhere between the forward pass and the next one, before or after ``optimizer.step()``, or inside
        a closure; of the calls within a step of L-BFGS the first counts. It waits for no device.

        Args:
            losses: The loss, or its parts by name, as scalar tensors; numbers will do.

        Raises:
            TypeError: If a loss is not a real number.
            ValueError: If a loss is not a scalar.
        """
        for name, loss in losses.items() if isinstance(losses, Mapping) else (("loss", losses),):
            self._inbox.put(name, self._step, loss)

    def validate(self, losses: Losses) -> None:
        """Record losses on held-out data, once an epoch or so.

        Args:
            losses: The loss, or its parts by the names that :meth:`log` gets, as scalar tensors or numbers.

        Raises:
            TypeError: If a loss is not a real number.
            ValueError: If a loss is not a scalar.
        """
        for name, loss in losses.items() if isinstance(losses, Mapping) else (("loss", losses),):
            value = scalar(name, loss)
            self._record.validation.setdefault(name, Series()).add(self._step, value)
            self._write((self._step, f"validation/{name}", value))

    def diagnose(self) -> Report:
        """What went wrong so far, since which step, and what to try; errors first, then by the step of the onset."""
        self._read()
        reasons = unchecked(self._record)
        subject = f"training of {type(self.model).__name__}, {self._step} steps"
        checked = [name for name in NAMES if name not in reasons]
        return Report(subject, [seen.finding for seen in self._symptoms()], checked, reasons)

    def _symptoms(self) -> list[Symptom]:
        optimised = {p for group in self.optimizer.param_groups for p in group["params"]}
        named = list(zip(self._record.names, self._parameters, strict=True))
        frozen = [name for name, p in named if not p.requires_grad]
        forgotten = [name for name, p in named if p.requires_grad and p not in optimised]
        embeddings = {m.weight for m in self.model.modules() if isinstance(m, (nn.Embedding, nn.EmbeddingBag))}
        tables = [name for name, p in named if p in embeddings]
        return symptoms(self._record, frozen, forgotten, tables)

    def table(self) -> Any:
        """All that was recorded, as a DataFrame: one row per ``step`` and ``quantity``, with its ``value``."""
        import pandas as pd

        self._read()
        rows = sorted(self._record.rows(), key=lambda row: row[0])
        return pd.DataFrame(rows, columns=["step", "quantity", "value"])

    def plot(self) -> Any:
        """A matplotlib figure of losses, gradients, updates and dead units, the findings marked at their onset."""
        from companion.diagnostics._training.panel import panel

        self._read()
        return panel(self._record, self._symptoms())

    def state_dict(self) -> dict[str, Any]:
        """Everything that was recorded, to be saved with the model, and read with ``weights_only=True``."""
        self._read()
        return {"record": self._record.state(), "dead": self._dead.state(), "step": self._step}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a :meth:`state_dict`; what was recorded here is forgotten.

        Args:
            state_dict: Of a monitor of the same model.

        Raises:
            ValueError: If it is of a model with other parameters.
        """
        record = Record.from_state(state_dict["record"])
        if record.names != self._record.names:
            differ = sorted(set(record.names) ^ set(self._record.names)) or "their order"
            raise ValueError(f"`state_dict` must be of a model with the same parameters; these differ: {differ}.")
        self._record, self._inbox = record, Inbox(self.interval)
        self._step = state_dict["step"]
        self._next = self._next_from(self._step)
        self._stale.release()
        self._dead.load(state_dict["dead"])
        self._unwatch()
        if self._step == self._next:
            self._watch()

    def close(self) -> None:
        """Take the hooks off model and optimizer; what was recorded stays."""
        self._after.remove()
        self._unwatch()
        self._stale.release()

    def __enter__(self) -> "TrainingMonitor":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __getstate__(self) -> tuple[nn.Module, torch.optim.Optimizer, int, dict[str, Any]]:
        return self.model, self.optimizer, self.interval, self.state_dict()

    def __setstate__(self, state: tuple[nn.Module, torch.optim.Optimizer, int, dict[str, Any]]) -> None:
        model, optimizer, interval, recorded = state
        self.__init__(model, optimizer, interval=interval)  # type: ignore[misc]  # a copied optimizer lost its hooks
        self.load_state_dict(recorded)

    def _next_from(self, step: int) -> int:
        """The first step from this one on that gets a snapshot: multiples of the interval, at first powers of two."""
        while step % self.interval and (step > self.interval or step & (step - 1)):
            step += 1
        return step

    def _watch(self) -> None:
        """Put on the hooks that the next step needs, and no other."""
        self._dead.watch()
        self._until = self.optimizer.register_step_pre_hook(self._before_step)

    def _unwatch(self) -> None:
        self._dead.release()
        self._until.remove()
        self._before = []

    def _before_step(self, *_: Any) -> None:
        with torch.no_grad():
            self._before = list(torch._foreach_mul(self._parameters, 1.0))

    def _after_step(self, *_: Any) -> None:
        self._stale.release()
        if self._before:
            self._snapshot()
        self._step += 1
        if self._step == self._next:
            self._watch()

    @torch.no_grad()
    def _snapshot(self) -> None:
        """Norms of gradients, weights and updates; here and only here a training waits for its device."""
        norms = step_norms(self._parameters, self._before)
        rate = max((float(group.get("lr", torch.nan)) for group in self.optimizer.param_groups), default=torch.nan)
        if self._record.stale:
            self._record.stale[-1] = self._stale.found()
        self._record.snapshot(self._step, rate, torch.tensor(norms))
        for name, share in self._dead.shares().items():
            self._record.dead.setdefault(name, Series()).add(self._step, share)
            self._write((self._step, f"dead/{name}", share))
        self._read()
        if self.writer is not None:
            losses = ((s.steps[-1], f"loss/{name}", s.values[-1]) for name, s in self._record.losses.items())
            self._write(*losses, *self._record.snapshot_rows(-1))
        self._unwatch()
        learned = [(p.numel(), i) for i, p in enumerate(self._parameters) if 0 < norms[0][i] < math.inf]
        if learned:
            self._stale.watch(self._parameters[min(learned)[1]])
        self._next = self._next_from(self._step + 1)

    def _read(self) -> None:
        for name, step, value in self._inbox.read():
            series = self._record.losses.setdefault(name, Series())
            last = series.steps[-1] if series.steps else -1
            # Where the step before has no loss, but the one before that, it is late: logged after `optimizer.step()`.
            late = last == step - (1 if step == series.called else 2)
            series.called, step = step, step - late
            if not (self._searches and last == step):
                series.add(step, value)

    def _write(self, *rows: tuple[int, str, float]) -> None:
        if self.writer is not None:
            for step, quantity, value in rows:
                self.writer.add_scalar(quantity, value, step)


def _check(model: Any, optimizer: Any, interval: int, writer: Any) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(f"`model` must be a torch.nn.Module, got {type(model).__name__}.")
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(f"`optimizer` must be a torch.optim.Optimizer, got {type(optimizer).__name__}.")
    count("interval", interval)
    if writer is not None and not callable(getattr(writer, "add_scalar", None)):
        raise TypeError(f"`writer` must have a method `add_scalar(name, value, step)`, got {type(writer).__name__}.")
