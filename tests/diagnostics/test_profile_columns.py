"""How columns and targets are read, whatever pandas made of them."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from companion.diagnostics import profile_data
from companion.diagnostics._table.column import read_column

DAYS = pd.date_range("2020-01-30", periods=40)
WORDS = ["new york", "los angeles"] * 20


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.Series([1.5, 2.5, np.nan]), "number"),
        (pd.Series([1, 2, None], dtype="Int64"), "number"),
        (pd.Series([1, 2, 3], dtype="uint8"), "number"),
        (pd.Series([Decimal("1.5"), Decimal("2.5")]), "number"),
        (pd.Series(pd.to_timedelta([1, 2], unit="D")), "number"),
        (pd.Series(["1", "2.5", "n/a", "7"]), "number"),
        (pd.Series([True, False, True]), "category"),
        (pd.Series([True, None, False], dtype="boolean"), "category"),
        (pd.Series([True, None, False], dtype="object"), "category"),
        (pd.Series(WORDS), "category"),
        (pd.Series(WORDS, dtype="category"), "category"),
        (pd.Series(WORDS, dtype="string"), "category"),
        (pd.Series([["a"], ["b"], ["a"]]), "category"),
        (pd.Series([1 + 2j, 2j]), "category"),
        (pd.Series(DAYS), "date"),
        (pd.Series(DAYS.tz_localize("Asia/Tokyo")), "date"),
        (pd.Series(DAYS.to_period("D")), "date"),
        (pd.Series(DAYS.strftime("%Y-%m-%d")), "date"),
        (pd.Series(DAYS.strftime("%d.%m.%Y")), "date"),
        (pd.Series(DAYS.date), "date"),
        (pd.Series(range(40)), "running number"),
        (pd.Series([f"case {i}" for i in range(40)]), "identifier"),
        (pd.Series([f"note {i}" for i in range(30)] + ["none"] * 10), "text"),
        (pd.Series([3, 3, 3]), "constant"),
        (pd.Series(["a", "a"]), "constant"),
        (pd.Series([None, None]), "empty"),
        (pd.Series(["", " "]), "empty"),
    ],
)
def test_kinds_of_columns(values: pd.Series, kind: str) -> None:
    assert read_column(values).kind == kind


def test_texts_among_numbers_and_numbers_too_large_are_kept_apart() -> None:
    found = read_column(pd.Series(["1", "2", "?", "inf", "1e39", "3"]))
    assert found.strange == ("?",)
    assert found.infinite == 2
    assert np.nan_to_num(found.values, nan=-1).tolist() == [1, 2, -1, -1, -1, 3]


def draw(rng: np.random.Generator) -> dict[str, pd.Series]:
    n = 400
    targets = {
        "binary": rng.choice(["yes", "no"], n),
        "classes": rng.integers(0, 3, n),
        "ordered": pd.Categorical(rng.choice(["low", "mid", "high"], n), ["low", "mid", "high"], ordered=True),
        "count": rng.poisson(1.0, n),
        "amount": rng.exponential(3.0, n),
        "share": rng.random(n),
        "real": rng.normal(size=n),
    }
    return {kind: pd.Series(values) for kind, values in targets.items()}


@pytest.mark.parametrize("kind", ["binary", "classes", "ordered", "count", "amount", "share", "real"])
def test_kinds_of_targets(kind: str) -> None:
    values = draw(np.random.default_rng(0))[kind]
    profile = profile_data(pd.DataFrame({"y": values}), "y")
    assert profile.kind == kind
    assert profile.recommended[0].trait == kind
    assert profile.distribution["rows"].sum() == 400


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.arange(300) % 2 * 2 - 1, "binary"),
        (np.arange(300) % 6 + 3.0, "classes"),
        (np.repeat(range(10), np.arange(20, 120, 10)), "classes"),
        (np.arange(25, 325), "real"),
        (np.random.default_rng(0).poisson(40.0, 500), "real"),
        (np.random.default_rng(0).poisson(0.3, 20_000), "count"),
        (np.where(np.arange(400) % 3 == 0, 0.0, 7.25 + np.arange(400) % 7), "amount"),
    ],
)
def test_whole_numbers_are_classes_counts_or_just_numbers(values: np.ndarray, kind: str) -> None:
    assert profile_data(pd.DataFrame({"y": values}), "y").kind == kind


def test_a_name_can_say_that_classes_are_ordered() -> None:
    assert profile_data(pd.DataFrame({"star_rating": np.arange(100) % 5 + 1}), "star_rating").kind == "ordered"


def test_the_reading_can_be_given() -> None:
    table = pd.DataFrame({"y": np.random.default_rng(0).integers(0, 3, 300)})
    assert profile_data(table, "y", kind="count").recommended[0].trait == "count"


@pytest.mark.parametrize(
    ("values", "kind", "says"),
    [
        (["a", "b"], "real", "category values where numbers are needed"),
        ([1, 2, 3], "binary", "3 distinct values"),
        ([0.5, 2.0], "count", "not whole"),
        ([-1, 2], "amount", "-1 to 2"),
        ([0.0, 2.0], "share", "0 to 2"),
        ([1, 2], "ordinal", "`kind` must be one of"),
    ],
)
@pytest.mark.as_user
def test_a_reading_that_does_not_fit_is_refused(values: list, kind: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        profile_data(pd.DataFrame({"y": values}), "y", kind=kind)


def test_the_columns_are_described() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"half": rng.normal(size=200), "gaps": np.where(np.arange(200) < 50, np.nan, 1.0)})
    table["y"] = table["half"] + 0.1 * rng.normal(size=200)
    columns = profile_data(table, "y").columns
    assert list(columns.index) == ["half", "gaps"]
    assert columns.loc["gaps", "missing"] == 0.25
    assert columns.loc["half", "alone"] > 0.9
    assert columns.loc["half", "highest"] == table["half"].max()


def test_a_sample_is_drawn_by_its_seed_and_said_so() -> None:
    table = pd.DataFrame({"y": np.random.default_rng(0).normal(size=1000)})
    first, again, other = (profile_data(table, "y", rows=200, seed=seed) for seed in (0, 0, 1))
    assert [note.name for note in first.report.notes] == ["sampled"]
    assert first.distribution.equals(again.distribution)
    assert not first.distribution.equals(other.distribution)
