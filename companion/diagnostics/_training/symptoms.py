"""All symptoms of a sick training, and which of them could not be looked for.

Each is a function of what was recorded: those of losses and those of layers have a file each, with their thresholds.
"""

from collections.abc import Sequence

from companion.diagnostics._training.layer_symptoms import (
    dead_units,
    exploding_gradient,
    large_update,
    no_gradient,
    not_optimised,
    small_update,
    stale_gradient,
    vanishing_gradient,
)
from companion.diagnostics._training.loss_symptoms import (
    LEAST,
    VALIDATIONS,
    divergence,
    idle_parts,
    non_finite,
    oscillation,
    overfitting,
    plateau,
    spike,
)
from companion.diagnostics._training.record import Record
from companion.diagnostics._training.symptom import SNAPSHOTS, Symptom

OF_COURSE = ("plateau", "spike", "oscillation", "divergence")
OF_LAYERS = (
    "vanishing-gradient",
    "exploding-gradient",
    "large-update",
    "small-update",
    "no-gradient",
    "stale-gradient",
)
NAMES = ("non-finite", *OF_COURSE, "idle-part", "overfitting", *OF_LAYERS, "dead-units")


def symptoms(
    record: Record, frozen: Sequence[str] = (), forgotten: Sequence[str] = (), tables: Sequence[str] = ()
) -> list[Symptom]:
    """All that are seen, by the step of their onset.

    Args:
        record: What was recorded.
        frozen: Names of parameters with ``requires_grad=False``.
        forgotten: Names of parameters that want to learn and are in no parameter group of the optimizer.
        tables: Names of parameters that are tables of embeddings.
    """
    of_record = (
        non_finite,
        overfitting,
        exploding_gradient,
        large_update,
        small_update,
        stale_gradient,
        dead_units,
    )
    found = [detect(record) for detect in of_record]
    found += [detect(*record.total()) for detect in (plateau, spike, oscillation, divergence)]
    found += [*idle_parts(record), *no_gradient(record, frozen), not_optimised(record, forgotten)]
    found.append(vanishing_gradient(record, tables))
    return sorted((s for s in found if s is not None), key=lambda s: s.step)


def unchecked(record: Record) -> dict[str, str]:
    """Names of the symptoms that could not be looked for, with the reason."""
    reasons: dict[str, str] = {}
    if len(record.total()[0]) < LEAST:
        reasons |= dict.fromkeys((*OF_COURSE, "idle-part"), f"fewer than {LEAST} steps were logged")
    elif len(record.parts()) < 2:
        reasons["idle-part"] = "one loss was logged; pass its parts as a mapping"
    if not any(len(series.steps) >= VALIDATIONS for series in record.validation.values()):
        reasons["overfitting"] = f"`validate` was called fewer than {VALIDATIONS} times"
    elif not record.validation.keys() & record.losses.keys():
        reasons["overfitting"] = "`validate` and `log` got other names, so there is nothing to compare"
    if len(record.steps) < SNAPSHOTS:
        reasons |= dict.fromkeys(OF_LAYERS, f"there are fewer than {SNAPSHOTS} snapshots")
    if not record.dead:
        reasons["dead-units"] = "no activation module was seen: activations are functions, or the model is compiled"
    return reasons
