"""Each finding on a table in which it was planted, with its figures, and not on the same table without it."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from companion.diagnostics import profile_data
from companion.diagnostics._findings import Finding

Table = tuple[pd.DataFrame, str]


def seen(table: pd.DataFrame, target: str = "y") -> dict[str, Finding]:
    report = profile_data(table, target).report
    return {found.name: found for found in [*report.findings, *report.notes]}


def numbers(n: int = 600) -> pd.DataFrame:
    """Three columns, and a target that two of them explain by half."""
    x = np.random.default_rng(0).normal(size=(n, 4))
    return pd.DataFrame(x[:, :3], columns=["a", "b", "c"]).assign(y=x[:, 0] + x[:, 1] + 1.5 * x[:, 3])


def labels(n: int = 600) -> pd.DataFrame:
    table = numbers(n)
    return table.assign(y=np.where(table["a"] + table["b"] > 0, "yes", "no"))


def at(table: pd.DataFrame, rows: list[int], column: str, value: object) -> pd.DataFrame:
    changed = table.astype({column: object}) if isinstance(value, str) else table.copy()
    changed.loc[rows, column] = value
    return changed.infer_objects()


def spread(y: pd.Series) -> pd.Series:
    """The same order, lognormally spread."""
    return np.exp(2 * (y - y.mean()) / y.std())


def visits(n: int) -> tuple[pd.Series, pd.Series]:
    """Subjects with 8 rows each, in no order, and what they have in common."""
    rng = np.random.default_rng(1)
    subject = rng.permutation(np.arange(n) // 8)
    return pd.Series(subject), pd.Series(rng.normal(size=n // 8 + 1)[subject])


NUMBERS, LABELS = numbers(), labels()
SUBJECT, HABIT = visits(600)

PLANTED: list[tuple[str, pd.DataFrame, pd.DataFrame, list[str]]] = [
    ("constant-target", NUMBERS.assign(y=3), NUMBERS, ["3 in each of the 600 rows", "'y'"]),
    ("missing-target", at(NUMBERS, [4, 7, 9], "y", np.nan), NUMBERS, ["3 of 600 rows (0.5%)"]),
    ("count-target", NUMBERS.assign(y=np.random.default_rng(0).poisson(2, 600)), NUMBERS, ["from 0 to"]),
    ("positive-target", NUMBERS.assign(y=spread(NUMBERS["y"])), NUMBERS, ["Never below 0"]),
    ("bounded-target", NUMBERS.assign(y=NUMBERS["y"].rank(pct=True)), NUMBERS, ["All between 0 and 1"]),
    ("heavy-tail", NUMBERS.assign(y=spread(NUMBERS["y"])), NUMBERS, ["1 % of the rows hold", "6 rows"]),
    ("skewed-target", NUMBERS.assign(y=5 - spread(NUMBERS["y"]).pow(0.3)), NUMBERS, ["standard deviations apart"]),
    ("outliers", at(NUMBERS, [5, 17], "y", 99.0), NUMBERS, ["2 targets of 99", "rows 5, 17"]),
    ("zero-inflated", NUMBERS.assign(y=np.maximum(NUMBERS["y"], 0)), NUMBERS, ["are exactly 0"]),
    ("imbalance", LABELS.assign(y=NUMBERS["y"] > 3), LABELS, ["Class 'False' has", "right in 9"]),
    ("rare-class", at(LABELS, [0, 1, 2], "y", "maybe"), LABELS, ["'maybe' (3)"]),
    ("missing-values", at(NUMBERS, [1, 2], "b", np.nan), NUMBERS, ["1 column, most in 'b' (0.3%)"]),
    ("infinite-values", at(NUMBERS, [1, 2], "b", np.inf), NUMBERS, ["2 numbers", "'b'"]),
    ("mixed-types", at(NUMBERS, [1, 2], "b", "n/a"), NUMBERS, ["1 column", "'b': 'n/a'"]),
    ("constant-column", NUMBERS.assign(same="x", none=None), NUMBERS, ["'same', 'none'"]),
    ("identifier", NUMBERS.assign(number=range(600)), NUMBERS, ["'number'"]),
    ("collinear", NUMBERS.assign(again=32 + 1.8 * NUMBERS["a"]), NUMBERS, ["1 pair", "'a' and 'again'"]),
    ("leakage", LABELS.assign(answer=(LABELS["y"] == "yes") * 7), LABELS, ["'answer'", "100.0%"]),
    ("leakage", NUMBERS.assign(later=2 - NUMBERS["y"]), NUMBERS, ["'later'"]),
    (
        "groups",
        NUMBERS.assign(subject=SUBJECT, y=NUMBERS["y"] + 3 * HABIT),
        NUMBERS.assign(subject=SUBJECT),
        ["75 values"],
    ),
    ("duplicates", pd.concat([NUMBERS, NUMBERS[40:70]], ignore_index=True), NUMBERS, ["30 of 630", "rows 600, 601"]),
    (
        "conflicting-labels",
        pd.concat([LABELS, LABELS[:30].assign(y="no")], ignore_index=True),
        LABELS,
        ["more than 97."],
    ),
    ("temporal", NUMBERS.assign(y=NUMBERS["y"].rolling(9, 1).mean()), NUMBERS, ["1 row apart", "row order"]),
    ("sorted-target", LABELS.sort_values("y", ignore_index=True), LABELS, ["row order"]),
    ("influential-rows", at(NUMBERS, [8], "a", 1e6), NUMBERS, ["row 8", "column 'a'"]),
]


@pytest.mark.parametrize(("name", "planted", "without", "says"), PLANTED, ids=[case[0] for case in PLANTED])
def test_a_planted_fault_is_found_and_only_there(
    name: str, planted: pd.DataFrame, without: pd.DataFrame, says: list[str]
) -> None:
    assert name not in seen(without)
    found = seen(planted)[name]
    for part in says:
        assert part in f"{found.what} {found.where}"
    assert found.cure


@pytest.mark.parametrize("share", [0.05, 0.1])
def test_wrong_labels_are_found_and_named(share: float) -> None:
    table = datasets.load_digits(as_frame=True).frame
    rng = np.random.default_rng(0)
    wrong = rng.random(len(table)) < share
    table.loc[wrong, "target"] = (table.loc[wrong, "target"] + rng.integers(1, 10, wrong.sum())) % 10
    found = seen(table, "target")["label-noise"]
    named = [int(row) for row in found.where.removeprefix("rows ").split(" and ")[0].split(", ")]
    assert wrong[named].mean() > 0.8


@pytest.mark.parametrize("strength", [0.5, 1.0, 3.0])
def test_chance_in_the_labels_is_no_noise(strength: float) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(800, 4)), columns=list("abcd"))
    table["y"] = rng.random(800) < 1 / (1 + np.exp(-strength * (table["a"] + table["b"])))
    assert "label-noise" not in seen(table)


def test_rows_are_named_as_pandas_names_them() -> None:
    table = at(NUMBERS, [5], "y", 99.0).set_index(pd.Index([f"case {i}" for i in range(600)]))
    assert seen(table)["outliers"].where == "row case 5"


def test_the_order_of_dates_comes_before_the_order_of_rows() -> None:
    walk = NUMBERS.assign(y=NUMBERS["y"].cumsum(), day=pd.date_range("2020", periods=600)).sample(
        frac=1, random_state=0
    )
    assert "'day'" in seen(walk)["temporal"].where
    assert seen(walk.set_index("day"))["temporal"].where == "order of the dates in index"
    assert "temporal" not in seen(walk.drop(columns="day"))


def test_rows_of_few_values_may_coincide() -> None:
    table = pd.DataFrame(np.random.default_rng(0).integers(0, 3, (600, 4)), columns=[*"abc", "y"])
    report = profile_data(table, "y").report
    assert "duplicates" not in report.names
    assert "may well coincide" in report.unchecked["duplicates"]


@pytest.mark.parametrize("name", ["heavy-tail", "outliers", "leakage", "temporal", "influential-rows"])
def test_what_few_rows_cannot_show_is_said_to_be_unchecked(name: str) -> None:
    assert name in profile_data(NUMBERS[:12], "y").report.unchecked


def test_a_tail_asks_for_the_mean_or_the_typical() -> None:
    profile = profile_data(NUMBERS.assign(y=spread(NUMBERS["y"])), "y")
    assert [found.trait for found in profile.recommended] == ["amount", "heavy-tail"]
    assert profile.recommended[0].losses[0] == "mse_loss"
    assert "Then compare" in profile.advice


SHAPES: list[Callable[[], pd.DataFrame]] = [
    lambda: NUMBERS[:1],
    lambda: NUMBERS[:2],
    lambda: NUMBERS[["y"]],
    lambda: NUMBERS.rename(columns={"a": 1, "b": ("x", 2)}),
    lambda: NUMBERS.set_index(pd.Index([0] * 600)),
    lambda: NUMBERS.assign(a=np.nan, b=None, c=""),
    lambda: at(LABELS, [0], "y", "once"),
    lambda: pd.DataFrame({"a": np.arange(9000) % 7, "y": np.arange(9000) == 5}),
    lambda: NUMBERS.assign(y=1e38 * NUMBERS["y"], a=1e38 * NUMBERS["a"]),
    lambda: pd.DataFrame(np.random.default_rng(0).normal(size=(30, 200))).assign(y=1.0 * (np.arange(30) % 2)),
]


@pytest.mark.parametrize("make", SHAPES)
def test_odd_tables_are_profiled_without_a_fuss(make: Callable[[], pd.DataFrame]) -> None:
    assert str(profile_data(make(), "y"))
