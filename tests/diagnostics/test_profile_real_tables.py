"""The tables of the book, looked at one by one: what is said of them is right, and nothing else is said."""

from importlib import import_module

import pandas as pd
import pytest
from sklearn import datasets

from companion.diagnostics import profile_data


def sklearn_table(name: str) -> tuple[pd.DataFrame, str]:
    return getattr(datasets, f"load_{name}")(as_frame=True).frame, "target"


def statsmodels_table(name: str, target: str | None = None) -> tuple[pd.DataFrame, str]:
    table = import_module(f"statsmodels.datasets.{name}").load_pandas().data
    return table, target or table.columns[0]


def linnerud(target: str) -> tuple[pd.DataFrame, str]:
    bunch = datasets.load_linnerud(as_frame=True)
    return bunch.data.assign(**{target: bunch.target[target]}), target


CASES = {
    # Rows come class after class.
    "iris": (*sklearn_table("iris"), "classes", [], ["sorted-target"]),
    "wine": (*sklearn_table("wine"), "classes", [], ["sorted-target"]),
    # Radius and perimeter; of the first hundred tumours 65 are malignant, of the others a third.
    "breast_cancer": (*sklearn_table("breast_cancer"), "binary", [], ["collinear", "temporal"]),
    # Three corners are never inked; the writers were asked for 0 to 9 in a row.
    "digits": (*sklearn_table("digits"), "classes", [], ["constant-column", "temporal"]),
    "diabetes": (*sklearn_table("diabetes"), "real", [], []),
    # One of twenty men jumped 250 times, the others 25 to 120 times.
    "linnerud weight": (*linnerud("Weight"), "real", ["influential-rows"], []),
    "linnerud waist": (*linnerud("Waist"), "real", ["influential-rows"], []),
    "linnerud pulse": (*linnerud("Pulse"), "real", [], []),
    # Persons in up to five years, families together.
    "randhie": (*statsmodels_table("randhie", "mdvis"), "count", ["heavy-tail", "temporal"], ["count-target"]),
    # All women with affairs come first.
    "fair": (
        *statsmodels_table("fair", "affairs"),
        "amount",
        ["heavy-tail"],
        ["positive-target", "zero-inflated", "sorted-target"],
    ),
    # 99 of 6366 women rate their marriage 1, 2684 rate it 5; and many who answer alike rate it differently.
    "fair rating": (*statsmodels_table("fair", "rate_marriage"), "ordered", ["imbalance", "conflicting-labels"], []),
    "co2": (*statsmodels_table("co2"), "real", ["missing-target", "temporal"], []),
    "sunspots": (
        *statsmodels_table("sunspots", "SUNACTIVITY"),
        "amount",
        ["temporal"],
        ["positive-target", "identifier"],
    ),
    "elec_equip": (*statsmodels_table("elec_equip"), "real", ["temporal"], []),
}


@pytest.mark.parametrize(("table", "target", "kind", "findings", "notes"), CASES.values(), ids=CASES)
def test_what_is_said_of_a_table(
    table: pd.DataFrame, target: str, kind: str, findings: list[str], notes: list[str]
) -> None:
    profile = profile_data(table, target)
    assert profile.kind == kind
    assert sorted(profile.report.names) == sorted(findings)
    assert sorted(note.name for note in profile.report.notes) == sorted(notes)
    plain = {"classes": "cross_entropy", "ordered": "cross_entropy", "binary": "binary_cross_entropy_with_logits"}
    assert profile.recommended[0].losses[0] == plain.get(kind, "mse_loss")
