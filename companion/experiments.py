"""Experiments that can be believed: many seeds at once, paired comparisons, an equal budget for every method."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy import stats
from statsmodels.stats.multitest import multipletests
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from tqdm import tqdm

from companion._device import device as best_device

Loss = Callable[[Tensor, Tensor], Tensor]
Options = Mapping[str, Sequence[Any]]
PerSeed = Tensor | Sequence[Tensor]  # shared by all seeds, or one tensor per seed


@dataclass(frozen=True)
class Fit:
    """The models that :func:`fit_seeds` trained.

    Attributes:
        seeds: The seeds, in the order of every leading axis below.
        parameters: Trained parameters by name, ``(S, *)`` each.
        buffers: Buffers by name, ``(S, *)`` each.
        losses: Training loss of every step, before its update, ``(S, steps)``.
    """

    seeds: tuple[int, ...]
    parameters: dict[str, Tensor]
    buffers: dict[str, Tensor]
    losses: Tensor
    _skeleton: nn.Module

    def model(self, index: int) -> nn.Module:
        """An ordinary module in eval mode with a copy of what was trained for ``seeds[index]``."""
        model = deepcopy(self._skeleton)
        state = {name: stacked[index] for name, stacked in (self.parameters | self.buffers).items()}
        model.load_state_dict(state, strict=False)  # buffers that are not persistent have no place there
        return model.eval()

    @overload
    def logits(self, x: Tensor) -> Tensor: ...
    @overload
    def logits(self, x: Sequence[Tensor]) -> list[Tensor]: ...
    @torch.no_grad()
    def logits(self, x: PerSeed) -> Tensor | list[Tensor]:
        """What every trained model says, in eval mode and without gradients, on the CPU.

        Args:
            x: Inputs ``(N, *)`` shared by all seeds, or a sequence of one tensor per seed.

        Returns:
            ``(S, N, C, *)`` for shared inputs, else a list of ``(N_s, C, *)``.
        """
        found = []
        for index, own in enumerate(_each("x", x, len(self.seeds), self.losses.device)):
            model = self.model(index)
            found.append(torch.cat([model(rows).cpu() for rows in torch.split(own, 1024)]))
        return torch.stack(found) if isinstance(x, Tensor) else found


def fit_seeds(
    make_model: Callable[[], nn.Module],
    loss: Loss,
    x: PerSeed,
    y: PerSeed,
    *,
    seeds: int | Sequence[int] = 10,
    steps: int,
    batch_size: int,
    lr: float,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    weight_decay: float = 0.0,
    draw_weight: PerSeed | None = None,
    device: torch.device | str | None = None,
    progress: bool | None = None,
) -> Fit:
    """Train a small model once per seed, all seeds in the same tensor operations.

    The parameters of all models are stacked and one vmapped step trains them, which equals training one by one up to
    rounding. A seed fixes the initial parameters and the batches, whatever the other seeds are: two losses compared
    with the same seeds start alike and see the same batches. Batches run through the rows in shuffled epochs.

    Args:
        make_model: Builds a fresh model; called per seed with torch seeded. Dropout also depends on the other seeds.
        loss: Maps outputs and targets of a batch to a scalar under ``torch.func.vmap``; a module is copied to `device`.
        x: Inputs ``(N, *)`` shared by all seeds, or a sequence of one tensor per seed (its own split, say).
        y: Targets, likewise.
        seeds: How many, counted from 0, or which.
        steps: Optimiser steps.
        batch_size: Rows per step and seed.
        lr: Learning rate.
        optimizer: Called with the stacked parameters, ``lr`` and ``weight_decay``. It must treat every element of a
            parameter on its own, as SGD, Adam and AdamW do; clipping a norm, L-BFGS or Muon would mix the seeds.
        weight_decay: Handed to ``optimizer``.
        draw_weight: Resampling: rows are drawn with replacement, in proportion to these weights ``(N,)``.
        device: Where to train; by default :func:`companion.device`.
        progress: Whether to show a bar on stderr; by default only in a terminal, so books and tests stay silent.

    Returns:
        The trained models.

    Raises:
        ValueError: If the data of the seeds do not fit together or ``batch_size`` exceeds the rows.

    Example:
        >>> x, y = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]]), torch.tensor([0, 0, 1, 1])
        >>> fit = fit_seeds(lambda: nn.Linear(1, 2), nn.functional.cross_entropy, x, y,
        ...                 seeds=3, steps=50, batch_size=2, lr=0.1)
        >>> fit.losses.shape, fit.logits(x).argmax(-1).tolist()
        (torch.Size([3, 50]), [[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]])
    """
    names = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    if not names or len(set(names)) < len(names):
        raise ValueError(f"`seeds` must hold at least one seed and none twice, got {seeds}.")
    place = best_device() if device is None else torch.device(device)
    loss = deepcopy(loss).to(place) if isinstance(loss, nn.Module) else loss
    xs, ys = (_each(name, data, len(names), place) for name, data in (("x", x), ("y", y)))
    if any(len(a) != len(b) for a, b in zip(xs, ys, strict=True)):
        raise ValueError(f"`y` must have one target per row of `x`, got {len(ys[0])} targets for {len(xs[0])} rows.")
    weights = [None] * len(names) if draw_weight is None else _each("draw_weight", draw_weight, len(names), place)
    own_rows = [_batches(len(a), steps, batch_size, s, w) for a, s, w in zip(xs, names, weights, strict=True)]
    batches = torch.stack(own_rows, 1).to(place)  # (steps, S, batch_size)

    with torch.random.fork_rng(range(torch.cuda.device_count())):  # the caller's random streams stay as they are
        models = []
        for seed in names:
            torch.manual_seed(seed)
            models.append(make_model().to(place).train())
        parameters, buffers = stack_module_state(models)
        all_losses = _all_losses(models[0], loss, place)
        updater = optimizer(list(parameters.values()), lr=lr, weight_decay=weight_decay)
        history = torch.empty(len(names), steps, device=place)
        hidden = None if progress is None else not progress
        for i, rows in enumerate(tqdm(batches, desc=f"{len(names)} seeds", disable=hidden, leave=False)):
            batch = (torch.stack([own[r] for own, r in zip(data, rows, strict=True)]) for data in (xs, ys))
            value = all_losses(parameters, buffers, *batch)
            if value.dim() != 1:
                raise ValueError(f"`loss` must return a scalar, got shape {tuple(value.shape[1:])}. Check `reduction`.")
            history[:, i] = value.detach()
            updater.zero_grad()
            torch.autograd.backward(value.sum())
            updater.step()
    return Fit(names, {name: stacked.detach() for name, stacked in parameters.items()}, buffers, history, models[0])


def _all_losses(model: nn.Module, loss: Loss, place: torch.device) -> Callable[..., Tensor]:
    """Maps stacked parameters, stacked buffers and (S, batch, *) inputs and targets to S losses."""

    def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return loss(functional_call(model, (parameters, buffers), (x,)), y)

    def in_turn(parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        unbound = zip(*(stacked.unbind() for stacked in parameters.values()), strict=True)
        own = [dict(zip(parameters, values, strict=True)) for values in unbound]
        kept = [{name: stacked[s] for name, stacked in buffers.items()} for s in range(len(x))]
        return torch.stack([one(*of_seed) for of_seed in zip(own, kept, x, y, strict=True)])

    # On a CPU the grouped convolutions that vmap makes take twice as long as one model after the other.
    convolves = any(isinstance(part, nn.Conv1d | nn.Conv2d | nn.Conv3d) for part in model.modules())
    return in_turn if convolves and place.type == "cpu" else vmap(one, randomness="different")


def _each(name: str, data: PerSeed, seeds: int, place: torch.device) -> list[Tensor]:
    """One tensor per seed, the same one for all where `data` is shared."""
    if isinstance(data, Tensor):
        return [data.to(place)] * seeds
    if len(data) != seeds:
        raise ValueError(f"`{name}` must hold one tensor per seed, {seeds} of them, got {len(data)}.")
    return [own.to(place) for own in data]


def _batches(n: int, steps: int, batch_size: int, seed: int, weight: Tensor | None) -> Tensor:
    """Row numbers (steps, batch_size) that depend on this seed alone."""
    if not 1 <= batch_size <= n:
        raise ValueError(f"`batch_size` must lie between 1 and the number of rows, {n}, got {batch_size}.")
    generator, total = torch.Generator().manual_seed(seed), steps * batch_size
    if weight is None:
        epochs = [torch.randperm(n, generator=generator) for _ in range(math.ceil(total / n))]
        return torch.cat(epochs)[:total].view(steps, batch_size)
    if weight.shape != (n,):
        raise ValueError(f"`draw_weight` must have shape ({n},), one weight per row, got {tuple(weight.shape)}.")
    drawn = torch.multinomial(weight.double().cpu(), total, replacement=True, generator=generator)
    return drawn.view(steps, batch_size)


def compare(scores: Mapping[str, Any], *, baseline: str, level: float = 0.95) -> pd.DataFrame:
    """Paired comparison of methods with a baseline: same seeds and splits, differences seed by seed.

    The interval is the bootstrap percentile interval of the mean difference (10,000 resamples, fixed seed), widened
    for few seeds as Hesterberg proposes: at ten seeds the plain one covers the truth 91 times in 100, not 95. The
    p-value is Wilcoxon's signed-rank test; ``p_holm`` is adjusted for all comparisons in the table, so put all of one
    question into one call. All this speaks of new seeds on these data, not of new data.

    Args:
        scores: Per method its scores ``(S,)``, entry s of every method from the same seed; or, for several metrics, a
            mapping or DataFrame of metric name to ``(S,)``.
        baseline: The method that the others are compared with.
        level: Coverage of the interval.

    Returns:
        One row per metric and method: ``metric``, ``method``, ``seeds``, ``mean``, ``difference`` from the baseline,
        ``low``, ``high``, ``p`` (1 if all differences are 0), ``p_holm``; NaN from ``difference`` on for the baseline.

    Raises:
        ValueError: If there are fewer than 6 seeds (five never reach p < 0.05), or scores are missing or not finite.

    Example:
        >>> table = compare({"plain": [1, 2, 3, 4, 5, 6], "better": [2, 4, 4, 6, 6, 8]}, baseline="plain")
        >>> table.loc[1, ["mean", "difference", "p"]].tolist()
        [5.0, 1.5, 0.03125]

    References:
        Hesterberg, *What Teachers Should Know About the Bootstrap*, The American Statistician 2015.
        https://arxiv.org/abs/1411.5279
        Holm, *A Simple Sequentially Rejective Multiple Test Procedure*, Scandinavian Journal of Statistics 1979.
    """
    if baseline not in scores or len(scores) < 2:
        raise ValueError(f"`baseline` must be one of at least two methods, got {baseline!r} among {list(scores)}.")
    if not 0 < level < 1:
        raise ValueError(f"`level` must lie between 0 and 1, got {level}.")
    tables = {method: _by_metric(method, values) for method, values in scores.items()}
    wanted = {metric: len(column) for metric, column in tables[baseline].items()}
    for method, table in tables.items():
        if {metric: len(column) for metric, column in table.items()} != wanted:
            raise ValueError(f"`scores` of {method!r} must hold the metrics and seeds of the baseline {baseline!r}.")
    rows = []
    for metric, method in itertools.product(wanted, tables):
        own = tables[method][metric]
        row = {"metric": metric, "method": method, "seeds": len(own), "mean": own.mean()}
        rows.append(row if method == baseline else row | _difference(own - tables[baseline][metric], level))
    found = pd.DataFrame(rows)
    others = found["method"] != baseline
    found.loc[others, "p_holm"] = multipletests(found.loc[others, "p"], method="holm")[1]
    return found


def _by_metric(method: str, values: Any) -> dict[str, npt.NDArray[np.float64]]:
    named = values if isinstance(values, Mapping | pd.DataFrame) else {"score": values}
    table = {metric: np.asarray(column, dtype=np.float64) for metric, column in named.items()}
    for metric, column in table.items():
        if column.ndim != 1 or len(column) < 6:
            raise ValueError(f"`scores` need at least 6 seeds, got shape {column.shape} for {method!r}, {metric!r}.")
        if not np.isfinite(column).all():
            raise ValueError(f"`scores` must be finite, got {column} for {method!r}, {metric!r}.")
    return table


def _difference(d: npt.NDArray[np.float64], level: float) -> dict[str, float]:
    d = d.round(12)  # rounding noise must not break ties
    mean, n = float(d.mean()), len(d)
    p = float(stats.wilcoxon(d).pvalue) if d.any() else 1.0  # scipy divides 0 by 0 where all are 0
    if np.ptp(d) == 0:  # nothing to resample
        return {"difference": mean, "low": mean, "high": mean, "p": p}
    wide = 1 - 2 * stats.norm.cdf(math.sqrt(n / (n - 1)) * stats.t.ppf((1 - level) / 2, n - 1))
    options = {"confidence_level": wide, "n_resamples": 10_000, "method": "percentile", "random_state": 0}
    low, high = stats.bootstrap((d,), np.mean, **options).confidence_interval
    return {"difference": mean, "low": float(low), "high": float(high), "p": p}


def tune(score: Callable[..., float], choices: Options, *, budget: int) -> tuple[dict[str, Any], pd.DataFrame]:
    """Try ``budget`` combinations of options and keep the best; give every method the same budget.

    Args:
        score: Called with one value per option by keyword; returns a validation score, higher being better. NaN, as
            from a diverged run, counts as the worst.
        choices: Values to try for each option.
        budget: Calls of ``score`` at most: all combinations if they fit, else the same random sample every time.

    Returns:
        The best options, and a table of all trials with their ``score``, best first.

    Raises:
        ValueError: If ``budget`` is below 1, an option has no values, or every score is NaN.

    Example:
        >>> tune(lambda lr, gamma: -abs(lr - 0.1) - gamma, {"lr": [0.01, 0.1, 1.0], "gamma": [0, 2]}, budget=6)[0]
        {'lr': 0.1, 'gamma': 0}
    """
    grid = [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]
    if budget < 1 or not grid:
        raise ValueError(f"`budget` must be at least 1 and every option needs a value, got {budget} and {choices}.")
    if len(grid) > budget:
        grid = [grid[i] for i in np.random.default_rng(0).choice(len(grid), budget, replace=False)]
    results = np.array([score(**options) for options in grid], dtype=np.float64)
    if np.isnan(results).all():
        raise ValueError("`score` must return a number at least once, got NaN for every trial.")
    trials = pd.DataFrame(grid, dtype=object).assign(score=results)
    trials = trials.sort_values("score", ascending=False, kind="stable", ignore_index=True)
    return grid[int(np.nanargmax(results))], trials
