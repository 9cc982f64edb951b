"""The profile of a table as a whole: what it returns, what it refuses, and that it changes nothing."""

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from companion.diagnostics import DataProfile, profile_data


def iris() -> DataProfile:
    return profile_data(datasets.load_iris(as_frame=True).frame, "target")


def test_a_well_behaved_table_gets_the_simple_answer() -> None:
    profile = iris()
    assert profile.report.ok
    assert profile.kind == "classes"
    assert [found.trait for found in profile.recommended] == ["classes"]
    assert profile.advice.startswith("Try first: cross_entropy. Nothing")


def test_the_table_is_as_it_was() -> None:
    table = datasets.load_wine(as_frame=True).frame
    before, state = table.copy(deep=True), np.random.get_state()[1].copy()  # noqa: NPY002
    profile_data(table, "target")
    pd.testing.assert_frame_equal(table, before)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


@pytest.mark.parametrize(
    ("table", "target", "error", "says"),
    [
        (pd.DataFrame({"spend": [1.0]}), "spent", ValueError, "Did you mean 'spend'?"),
        (pd.DataFrame({"a": [1.0]}), "zzz", ValueError, "There are: a."),
        (pd.DataFrame({"y": []}), "y", ValueError, "at least one row, got 0"),
        (pd.DataFrame({"y": [None, None]}), "y", ValueError, "must have a value in at least one row"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "a", ValueError, "'a' more than once"),
        (pd.DataFrame({"y": [f"name {i}" for i in range(60)]}), "y", ValueError, "differs in nearly every row"),
        (pd.DataFrame({"y": pd.date_range("2020", periods=9)}), "y", ValueError, "got dates"),
        ([[1.0]], "y", TypeError, "`table` must be a pandas DataFrame, got list"),
    ],
)
@pytest.mark.as_user
def test_errors_name_the_argument(table: object, target: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        profile_data(table, target)
