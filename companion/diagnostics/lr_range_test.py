"""Which learning rates can a model be trained with? A short run with rising rates, after which all is as before."""

import math
from collections.abc import Callable, Iterable, Iterator
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from companion._checks import above, integer
from companion.diagnostics._gradients import check_scalar
from companion.diagnostics._preserved import preserved


class LRRange(NamedTuple):
    """What :func:`lr_range_test` returns."""

    lr: Tensor
    loss: Tensor
    smooth: Tensor
    suggestion: float | None
    lowest: float
    diverged: bool

    def plot(self, ax: Any = None) -> Any:
        """Draws loss against rate on ``ax``, the suggestion marked, and returns it."""
        from matplotlib import pyplot as plt

        ax = plt.subplots()[1] if ax is None else ax
        ax.plot(self.lr, self.loss, ".", color="0.6", label="each batch")
        ax.plot(self.lr, self.smooth, linewidth=2, label="smoothed")
        if self.suggestion is not None:
            ax.axvline(self.suggestion, color="0.3", linestyle="--", label=f"suggestion {self.suggestion:.1e}")
        ax.set(xscale="log", xlabel="learning rate", ylabel="training loss")
        ax.legend()
        return ax


def lr_range_test(
    model: nn.Module,
    optimizer: Optimizer,
    loss: Callable[[nn.Module, Any], Tensor],
    batches: Iterable[Any],
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
) -> LRRange:
    r"""Finds the learning rates at which a model learns, by a moment of training with a rate that rises all the way.

    Step s takes the rate :math:`\mathrm{low} \cdot (\mathrm{high} / \mathrm{low})^{s / (\mathrm{steps} - 1)}`. While
    the rate is too small the loss is flat, then it falls, and where the rate is too large it rises. The test ends
    there: when the loss of a batch is not finite, or has risen above where it began by twice its fall so far or twice
    its first value, whichever is more. Medians of three batches are compared.

    The suggestion is the rate at which the smoothed loss falls most steeply over the logarithm of the rate, before its
    lowest point. It is a rate to start a search from, no optimum, and tends to lie below the best one. The steps build
    on each other, so that many of them have learned what there is to learn before the rate becomes large: the
    suggestion falls as ``steps`` grows. A few dozen steps do not see what happens later in training, and a rate found
    for one batch size, one optimizer or one initialisation need not suit another. Where the loss does not fall by
    twice the noise of its batches there is no suggestion.

    Model, optimizer, gradients, buffers, modes and the random numbers of torch, NumPy and Python are put back as they
    were, also after an error. State that neither ``model`` nor ``optimizer`` holds is not: a loss that remembers, such
    as a weighter, belongs into the model (``nn.ModuleList([model, weighter])``), and hooks see the steps of the test.

    Args:
        model: In the mode it is to be trained in: call ``model.train()`` first.
        optimizer: Made for the model. Its groups keep the ratios of their rates, the largest being ``lr``.
        loss: Called with model and batch; returns the scalar to minimise.
        batches: A loader or a list, begun anew when it ends; a generator must last for all ``steps``.
        low: First learning rate.
        high: Last learning rate.
        steps: How many, at least 10.

    Returns:
        * ``lr``: the rates ``(T,)``, float64, on the CPU as all of these;
        * ``loss``: loss of each batch before the step at that rate ``(T,)``;
        * ``smooth``: the same, smoothed over 3 % of ``steps`` to both sides ``(T,)``;
        * ``suggestion``: where ``smooth`` falls most steeply, or None;
        * ``lowest``: the rate at which ``smooth`` is lowest, near which training is about to become unstable;
        * ``diverged``: whether the test ended before ``high``.

        Its ``plot()`` draws them.

    Raises:
        TypeError: If ``loss`` does not return a floating point tensor, or an option has the wrong type.
        ValueError: If ``loss`` returns no scalar or is not finite at first, ``batches`` end, all rates of the optimizer
            are 0, or an option is out of range.

    Example:
        >>> model = nn.Linear(1, 1)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> x = torch.linspace(-1, 1, 8).unsqueeze(1)
        >>> loss = lambda model, batch: (model(batch) - 2 * batch).square().mean()
        >>> found = lr_range_test(model, optimizer, loss, [x], high=1e4)
        >>> found.diverged, found.suggestion < found.lowest
        (True, True)

    References:
        Smith, *Cyclical Learning Rates for Training Neural Networks*, WACV 2017, where the rate rises linearly.
        https://arxiv.org/abs/1506.01186
    """
    above(0.0)("low", low)
    above(low)("high", high)
    integer("steps", steps)
    if steps < 10:
        raise ValueError(f"`steps` must be at least 10, got {steps}.")
    largest = max(float(group["lr"]) for group in optimizer.param_groups)
    if largest == 0:
        raise ValueError("`optimizer` must have a learning rate above 0 in one of its groups, got 0 in all.")
    ratios = [float(group["lr"]) / largest for group in optimizer.param_groups]
    rates = torch.logspace(math.log10(low), math.log10(high), steps, dtype=torch.float64)
    source, seen = _endless(batches), list[float]()
    with preserved(model, optimizer):
        for rate in rates.tolist():
            _set_rates(optimizer, [rate * ratio for ratio in ratios])
            value = _step(model, optimizer, loss, next(source))
            if not seen and not math.isfinite(value):
                raise ValueError(f"`loss` must be finite at first, got {value}. Look at it with `check_loss`.")
            if not math.isfinite(value) or _has_risen(seen):
                break
            seen.append(value)
    return _read(rates[: len(seen)], torch.tensor(seen, dtype=torch.float64), steps)


def _endless(batches: Iterable[Any]) -> Iterator[Any]:
    while True:
        ended = True
        for batch in batches:
            ended = False
            yield batch
        if ended:
            raise ValueError(
                "`batches` must hold a batch and, where they end, begin anew. A generator ends for good: pass the "
                "loader itself, or a list."
            )


def _set_rates(optimizer: Optimizer, rates: list[float]) -> None:
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        if isinstance(group["lr"], Tensor):  # a compiled step reads the tensor
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def _step(model: nn.Module, optimizer: Optimizer, loss: Callable[[nn.Module, Any], Tensor], batch: Any) -> float:
    """One step, and the loss before it."""
    values = []

    def closure() -> Tensor:  # as L-BFGS wants it; the others call it once
        optimizer.zero_grad()
        value = check_scalar("loss(model, batch)", loss(model, batch))
        value.backward()  # type: ignore[no-untyped-call]
        values.append(value.detach())
        return value

    optimizer.step(closure)  # type: ignore[arg-type]
    return float(values[0])


def _has_risen(seen: list[float]) -> bool:
    if len(seen) < 6:
        return False
    first = median(seen[:3])
    return median(seen[-3:]) > first + 2 * max(first - min(seen), abs(first))


def _read(lr: Tensor, loss: Tensor, steps: int) -> LRRange:
    import numpy as np
    from scipy.ndimage import gaussian_filter1d

    # Without its last rise, which would leak into the points before it.
    tame = loss.clamp_max(float(2 * loss[:3].median() - loss.min()))
    smooth = gaussian_filter1d(tame.numpy(), 0.03 * steps, mode="nearest")
    lowest = int(smooth.argmin())
    suggestion = None
    noise = float((tame.numpy() - smooth)[: lowest + 1].std())
    start = float(np.median(smooth[: max(1, steps // 10)]))
    fall = start - float(smooth[lowest])
    if lowest > 0 and fall > 2 * noise:
        slope = np.gradient(smooth, np.log(lr.numpy()))
        # Before the last fall begins there is noise, which may be steep too.
        begin = int((smooth[: lowest + 1] >= start - 0.1 * fall).nonzero()[0].max(initial=0))
        suggestion = float(lr[begin + int(slope[begin : lowest + 1].argmin())])
    return LRRange(lr, loss, torch.from_numpy(smooth), suggestion, float(lr[lowest]), len(lr) < steps)
