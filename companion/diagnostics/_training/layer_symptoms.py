"""Symptoms in gradients, updates and units, each with its threshold named and explained."""

from collections.abc import Sequence

import torch

from companion.diagnostics._training.record import Record
from companion.diagnostics._training.symptom import SNAPSHOTS, Symptom, listed, onset, symptom

DEAD = 0.6  # share of the units of a layer; healthy layers of ReLUs lose up to half of theirs
VANISHING = 1e-4  # gradient per weight of one layer to that of another; ten layers of sigmoids reach 1e-9
EXPLODING = 100.0  # times the gradient norm that was usual before; healthy trainings stay within ten
HUGE = 1e3  # norm of gradient times norm of weight, summed over tensors, relative to the loss
LARGE = 0.25  # update to weight, three times; 1e-3 is common, and Adam may begin with 0.1
SMALL = 1e-5  # a weight then needs 1e5 steps to change by its own size


def no_gradient(record: Record, frozen: Sequence[str]) -> list[Symptom]:
    """Parameters without any gradient and, as a note, those that are frozen."""
    found = []
    if frozen:
        what = f"{len(frozen)} of {len(record.names)} parameters are frozen: they have requires_grad=False."
        found.append(symptom(0, "no-gradient", what, listed(frozen), "None is needed if it is meant.", "note"))
    none = ~(record.gradient > 0)
    starts = {n: onset(none[:, i]) for i, n in enumerate(record.names) if n not in frozen}
    late = {n: start for n, start in starts.items() if start is not None}
    # Where all gradients end at once, the loss has reached its lowest value.
    if not late or (len(late) == len(starts) and min(late.values()) > 0):
        return found
    start = min(late.values())
    blamed = [name for name, at in late.items() if at == start]
    missing = bool(record.gradient[-1, [record.names.index(name) for name in blamed]].isnan().all())
    cure = (
        "Look for detach(), torch.no_grad(), .item() or argmax on its way to the loss, or a layer that forward does "
        "not call."
        if missing
        else "Look for dead units, a weight of 0, a clamp, or a loss that is flat where the model is."
    )
    what = (
        f"The gradient of {len(blamed)} of {len(record.names)} parameters is {'missing' if missing else 'exactly 0'}, "
        "so they do not learn."
    )
    return [*found, symptom(record.steps[start], "no-gradient", what, listed(blamed), cure)]


def not_optimised(record: Record, forgotten: Sequence[str]) -> Symptom | None:
    """Parameters that want to learn and that the optimizer does not know."""
    # Where a weight changes all the same, another optimizer has it.
    changes = (record.weight != record.weight[:1]).any(0).tolist() if record.norms else []
    forgotten = [n for n in forgotten if not changes or not changes[record.names.index(n)]]
    if not forgotten:
        return None
    what = f"{len(forgotten)} of {len(record.names)} parameters are in no parameter group: they never change."
    cure = "Pass them to the optimizer, or set requires_grad=False if they are to stay as they are."
    return symptom(0, "small-update", what, listed(forgotten), cure)


def stale_gradient(record: Record) -> Symptom | None:
    """Gradients that are added up from step to step."""
    if not any(record.stale):
        return None
    return symptom(
        record.steps[record.stale.index(True)],
        "stale-gradient",
        "Gradients of earlier steps are still there when the next are added: a step follows the sum of all so far.",
        f"seen after {sum(record.stale)} of {len(record.stale)} snapshots",
        "Call optimizer.zero_grad() before every backward pass.",
        "error",
    )


def vanishing_gradient(record: Record, tables: Sequence[str] = ()) -> Symptom | None:
    """One layer gets far less gradient than another."""
    if len(record.steps) < SNAPSHOTS:
        return None
    # Relative to the weights, so that layers of several sizes and scales compare.
    relative = (record.gradient / record.weight).masked_fill(~(record.gradient > 0), torch.nan)
    usual = relative.nanmedian(0).values.masked_fill(~record.matrices, torch.nan)
    # Of a table of embeddings a batch reaches a few rows: its gradient is small, and does not vanish on its way.
    usual[[record.names.index(name) for name in tables]] = torch.nan
    if usual.isfinite().sum() < 2:
        return None
    low = int(usual.nan_to_num(nan=torch.inf).argmin())
    high = int(usual.nan_to_num(nan=0.0, posinf=0.0).argmax())
    if usual[low] > VANISHING * usual[high]:
        return None
    return symptom(
        record.steps[0],
        "vanishing-gradient",
        f"Relative to its weight, the gradient of {record.names[low]} is {float(usual[low] / usual[high]):.0e} times "
        f"that of {record.names[high]}.",
        record.names[low],
        "Take other activations (ReLU, GELU), normalisation or skip connections, other initial weights, fewer layers.",
    )


def exploding_gradient(record: Record) -> Symptom | None:
    """The gradient is far above what was usual before, or above what the loss is worth."""
    norms, (_, values) = record.total_gradient, record.total()
    values = values[values.isfinite()]
    # A loss may begin at 0, as that of a critic; then what it gains says what it is worth.
    began = values[:SNAPSHOTS].median() if len(values) else torch.tensor(torch.nan)
    size = max(began.abs(), began - values.min()) if len(values) else began
    # Tensor by tensor, for the norm of a large table of embeddings says nothing about the other weights.
    worth = (record.gradient * record.weight).nansum(1) / size
    for at, norm in enumerate(norms):
        usual = torch.maximum(norms[:at].median(), norms[:SNAPSHOTS].median()) if at >= SNAPSHOTS else norm
        if not norm.isfinite():
            return None  # nothing to compare: non-finite says so
        if norm > EXPLODING * usual:
            what = f"The gradient norm is {float(norm):.3g}, where {float(usual):.3g} was usual before."
        elif worth[at] > HUGE:
            what = (
                f"The gradient norm is {float(norm):.3g}: along it, a change of each tensor by 1 % of its size would "
                f"change the loss by {float(worth[at]) / 100:.3g} times its size."
            )
        else:
            continue
        return symptom(
            record.steps[at],
            "exploding-gradient",
            what,
            record.names[int(record.gradient[at].nan_to_num(nan=0.0).argmax())],
            "Clip the gradient norm, lower the learning rate, start from smaller weights, use normalisation or gates.",
        )
    return None


def large_update(record: Record) -> Symptom | None:
    """Updates of the size of the weights."""
    from_zero = (record.ratio[:1] - 1).abs() < 1e-6  # grows by its own size at first, as it must
    flagged = (record.ratio > LARGE) & record.matrices & record.ratio.isfinite() & ~from_zero
    often = flagged.sum(0) >= SNAPSHOTS
    if not len(record.steps) or not bool(often.any()):
        return None
    first = int(flagged[:, often].any(1).nonzero()[0])
    largest = float(record.ratio[flagged & often].max())
    names = [n for n, f in zip(record.names, often.tolist(), strict=True) if f]
    what = f"A step changes {len(names)} of {int(record.matrices.sum())} weights by up to {largest:.0%} of their size."
    cure = "Lower the learning rate, ten times at first (lr_range_test finds it), or warm it up."
    return symptom(record.steps[first], "large-update", what, f"{listed(names)}; 0.1 % is common", cure)


def small_update(record: Record) -> Symptom | None:
    """Updates too small to matter, at the highest learning rate, of weights that have a gradient."""
    if len(record.steps) < SNAPSHOTS:
        return None
    rates = torch.tensor(record.rates, dtype=torch.float64)
    high = rates >= 0.5 * rates.max() if bool(rates.isfinite().all()) else torch.ones_like(rates, dtype=torch.bool)
    counted = high.unsqueeze(1) & record.matrices & (record.gradient > 0) & record.ratio.isfinite()
    # The largest, for the updates of a training that has converged vanish, as they should.
    if not bool(counted.any()) or float(record.ratio[counted].max()) > SMALL:
        return None
    largest = float(record.ratio[counted].max())
    what = f"A step changes no weight by more than {largest:.0e} of its size; 1e-3 is common."
    cure = (
        "Raise the learning rate (lr_range_test finds it); check that the loss is not divided twice by the batch size."
    )
    return symptom(record.steps[0], "small-update", what, f"learning rate {float(rates.max()):.2g}", cure)


def dead_units(record: Record) -> Symptom | None:
    """Layers many of whose units give the same value for every row."""
    found = {}
    for name, series in record.dead.items():
        steps, shares = series.tensors()
        start = onset(shares >= DEAD)
        if start is not None:
            found[name] = (int(steps[start]), float(shares[-1]))
    if not found:
        return None
    of_layers = [f"{share:.0%} of {name}" for name, (_, share) in found.items()]
    return symptom(
        min(step for step, _ in found.values()),
        "dead-units",
        f"Units give the same value for every row, and nothing is learned through them: {listed(of_layers)}.",
        listed(list(found)),
        "Units that are dead stay so: start anew with a lower learning rate, biases at 0 and standardised inputs, or "
        "with LeakyReLU or GELU.",
    )
