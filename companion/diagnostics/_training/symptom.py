"""What the detectors of symptoms share: a finding with the step of its onset."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from companion.diagnostics._findings import Finding, Severity

SNAPSHOTS = 3  # snapshots before norms are judged: one may be a freak


class Symptom(NamedTuple):
    """A finding, and the step of its onset."""

    step: int
    finding: Finding


def symptom(step: int, name: str, what: str, where: str, cure: str, severity: Severity = "warning") -> Symptom:
    return Symptom(step, Finding(name, severity, what, f"since step {step}: {where}", cure))


def onset(flags: Tensor) -> int | None:
    """Where the last unbroken run of true flags begins, or None if the last is false or there are too few."""
    false = (~flags).nonzero()
    start = int(false[-1]) + 1 if len(false) else 0
    return start if len(flags) - start >= SNAPSHOTS else None


def listed(names: Sequence[str], most: int = 3) -> str:
    """Names for a sentence, cut short."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
