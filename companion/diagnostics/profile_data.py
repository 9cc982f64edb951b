"""A table in: what its target and its columns say about the loss out."""

from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from companion.diagnostics._findings import Finding, Report
from companion.diagnostics._table.features import (
    alone,
    collinear,
    constant_columns,
    describe,
    groups,
    identifiers,
    leakage,
    missing_values,
    mixed_types,
)
from companion.diagnostics._table.kind import Kind
from companion.diagnostics._table.labels import noisy_labels
from companion.diagnostics._table.page import fragment, page
from companion.diagnostics._table.rows import conflicting_labels, duplicates, influential_rows, temporal
from companion.diagnostics._table.sample import Sample, Seen, take_sample
from companion.diagnostics._table.target import (
    constant_target,
    distribution,
    heavy_tail,
    imbalance,
    missing_target,
    outliers,
    read_as,
    skewed,
    zero_inflated,
)
from companion.diagnostics._table.traits_of_tables import TRAITS
from companion.diagnostics.recommend import Recommendation, recommend

if TYPE_CHECKING:
    import pandas as pd

CHECKS: dict[str, Callable[[Sample], Seen]] = {
    "constant-target": constant_target,
    "missing-target": missing_target,
    "kind of target": read_as,
    "imbalance": imbalance,
    "heavy-tail": heavy_tail,
    "skewed-target": skewed,
    "outliers": outliers,
    "zero-inflated": zero_inflated,
    "missing-values": missing_values,
    "mixed-types": mixed_types,
    "constant-column": constant_columns,
    "identifier": identifiers,
    "collinear": collinear,
    "leakage": leakage,
    "groups": groups,
    "duplicates": duplicates,
    "conflicting-labels": conflicting_labels,
    "temporal": temporal,
    "influential-rows": influential_rows,
    "label-noise": noisy_labels,
}


class DataProfile(NamedTuple):
    """What :func:`profile_data` returns."""

    report: Report
    kind: Kind | None
    columns: "pd.DataFrame"
    distribution: "pd.DataFrame"
    recommended: list[Recommendation]

    def __str__(self) -> str:
        return f"{self.report}\n\n{self.advice}\n" + "".join(f"\n{found}\n" for found in self.recommended)

    def __repr__(self) -> str:
        return str(self)

    @property
    def advice(self) -> str:
        """The loss to try first, and whether anything speaks against it."""
        if not self.recommended:
            return "No loss: the target does not vary in the rows that were looked at."
        first = f"Try first: {self.recommended[0].losses[0]}."
        if len(self.recommended) > 1:
            return f"{first} Then compare, on held-out rows, what these traits ask for."
        return f"{first} Nothing that was seen here asks for another loss."

    def _repr_html_(self) -> str:
        return fragment(self)

    def save(self, path: str | Path) -> Path:
        """Write the profile as a page that needs no other file."""
        path = Path(path)
        path.write_text(page(self), encoding="utf-8")
        return path


def profile_data(
    table: "pd.DataFrame",
    target: Hashable,
    *,
    kind: Kind | None = None,
    rows: int = 100_000,
    seed: int = 0,
    progress: bool = False,
) -> DataProfile:
    """Looks at a table before a loss is chosen: what kind of target, what is wrong, which losses answer it.

    It reads the target as classes, a count, an amount, a share or a real number; looks at its tails, zeros and rare
    classes; at gaps, copies, contradictions and order of the rows; fits a tree to each column alone to see which knows
    too much, and a forest to all to see which labels nobody believes who has not seen them. Each finding has its
    figures, the rows or columns concerned, and a cure. The table is not changed.

    It sees one table: not what the columns mean, not what a mistake costs, not whether the rows are those you will meet
    later. Wrong labels that follow from the columns look right. A trait that is absent from ``report.unchecked`` and
    from the findings was looked for and not seen, by rules that prefer silence to a false alarm.

    Args:
        table: One row for each case, one column for each thing known about it, and the target.
        target: The name of the target's column.
        kind: How to read the target, ``"binary"``, ``"classes"``, ``"ordered"``, ``"count"``, ``"amount"``,
            ``"share"`` or ``"real"``; by default it is guessed. Whole numbers in a row are classes if they are at most
            20 and do not fall off to an open end as counts do.
        rows: At most so many rows are looked at, drawn at random; a note says so.
        seed: Which rows are drawn.
        progress: Whether to show a progress bar.

    Returns:
        A result that shows itself as text and, in a notebook, as tables; ``save(path)`` writes it as a page.

        * ``report``: the findings and notes.
        * ``kind``: how the target was read; None if it is constant.
        * ``columns``: a table of the columns: what each holds, missing share, distinct values, extremes, and ``alone``,
          how well it predicts the target by itself on held-out rows, from 0 (not at all) to 1; for classes that is
          balanced accuracy above chance, for numbers explained variance.
        * ``distribution``: how many rows each class, or each interval of the target, has.
        * ``recommended``: losses for the kind of target and for what was found, as from :func:`recommend`; the first
          loss of the first is the one to begin with.

    Raises:
        TypeError: If ``table`` is not a pandas DataFrame.
        ValueError: If the table has no rows or a column twice, or the target is not in it, has no value or can be
            neither classes nor numbers.

    Example:
        >>> import pandas as pd
        >>> visits = np.random.default_rng(0).permutation([0] * 120 + [1] * 90 + [2] * 50 + [3] * 38 + [90] * 2)
        >>> profile = profile_data(pd.DataFrame({"visits": visits}), "visits")
        >>> profile.kind, profile.report.names, [found.trait for found in profile.recommended]
        ('count', ['heavy-tail', 'outliers'], ['count', 'heavy-tail', 'outliers'])

    References:
        Cook, *Detection of Influential Observation in Linear Regression*, Technometrics 1977.
        https://doi.org/10.1080/00401706.1977.10489493

        Northcutt, Jiang, Chuang, *Confident Learning: Estimating Uncertainty in Dataset Labels*, Journal of Artificial
        Intelligence Research 2021. https://arxiv.org/abs/1911.00068
    """
    from tqdm import tqdm

    sample = take_sample(table, target, rows, seed, kind)
    sample = replace(sample, alone=alone(sample))
    seen, unchecked = [], {}
    if len(sample.y) < np.isfinite(sample.target.values).sum():
        seen.append(_sampled(len(sample.y), sample.rows, "drawn at random from those with a target"))
    for name, check in tqdm(CHECKS.items(), desc="profile", disable=not progress, leave=False):
        answer = check(sample) if sample.kind or name in ("constant-target", "missing-target") else []
        if isinstance(answer, str):
            unchecked[name] = answer
        else:
            seen += answer
    subject = (
        f"{sample.rows} rows, {table.shape[1]} columns, target {sample.name!r} read as {sample.kind or 'constant'}"
    )
    report = Report(subject, seen, checked=[name for name in CHECKS if name not in unchecked], unchecked=unchecked)
    traits = {trait.name for trait in TRAITS} & {found.name for found in seen}
    recommended = recommend([sample.kind, *sorted(traits)]) if sample.kind else []
    return DataProfile(report, sample.kind, describe(sample), distribution(sample), recommended)


def _sampled(kept: int, rows: int, how: str) -> Finding:
    what = f"{kept} of {rows} rows were looked at, {how}."
    return Finding("sampled", "note", what, "all columns", "Nothing to mend; `rows` decides how many are looked at.")
