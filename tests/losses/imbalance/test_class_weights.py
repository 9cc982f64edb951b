"""The four schemes by hand."""

import math
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from companion.losses import class_weights

COUNTS = torch.tensor([90, 9, 1])


def test_inverse_by_hand() -> None:
    # (1/90, 1/9, 1) has the mean 101/270
    assert_close(class_weights(COUNTS), torch.tensor([3.0, 30.0, 270.0]) / 101)


def test_sqrt_is_inverse_at_power_one_half() -> None:
    assert_close(class_weights(COUNTS, scheme="sqrt"), class_weights(COUNTS, power=0.5))
    w = class_weights(torch.tensor([100, 1]), scheme="sqrt")
    assert_close(w[1] / w[0], torch.tensor(10.0))


def test_effective_by_hand() -> None:
    # (1 - 0.5) / (1 - 0.5^n) for n = 1, 2, 3: 1, 2/3, 4/7; their mean is 47/63
    w = class_weights(torch.tensor([1, 2, 3]), scheme="effective", beta=0.5)
    assert_close(w, torch.tensor([63.0, 42.0, 36.0]) / 47)


def test_effective_goes_from_none_to_inverse() -> None:
    assert_close(class_weights(COUNTS, scheme="effective", beta=0.0), torch.ones(3))
    almost = class_weights(COUNTS, scheme="effective", beta=1 - 1e-9)
    assert_close(almost, class_weights(COUNTS), rtol=1e-6, atol=0)


def test_effective_is_exact_for_beta_near_one() -> None:
    # float32 rounds 0.99999999 to 1; the weight of n is then 1 / n to eight digits.
    w = class_weights(torch.tensor([1000, 10]), scheme="effective", beta=0.99999999)
    assert_close((w[1] / w[0]).item(), 100 * (1 - 4.95e-6), rtol=1e-6, atol=0)


def test_median_by_hand() -> None:
    assert_close(class_weights(COUNTS, scheme="median"), torch.tensor([0.1, 1.0, 9.0]))


@pytest.mark.parametrize("scheme", ["inverse", "sqrt", "effective"])
def test_mean_is_one(scheme: Any) -> None:
    assert_close(class_weights(COUNTS, scheme=scheme).mean(), torch.tensor(1.0))


@pytest.mark.parametrize("scheme", ["inverse", "sqrt", "effective", "median"])
def test_an_empty_class_counts_as_one_example(scheme: Any) -> None:
    empty, single = (class_weights(torch.tensor([90, n]), scheme=scheme) for n in (0, 1))
    assert_close(empty, single)
    assert empty.isfinite().all()


@pytest.mark.parametrize("scheme", ["inverse", "sqrt", "effective", "median"])
def test_precision_is_that_of_the_counts_or_the_default(scheme: Any) -> None:
    assert class_weights(COUNTS, scheme=scheme).dtype == torch.get_default_dtype()
    assert class_weights(COUNTS.double(), scheme=scheme).dtype == torch.float64


@pytest.mark.as_user
@pytest.mark.parametrize(
    ("counts", "options", "error", "message"),
    [
        ([90, 10], {}, TypeError, r"`counts` must be a tensor, got list. Did you mean `torch.tensor\(counts\)`"),
        (COUNTS[None], {}, ValueError, r"`counts` must have one axis.*got shape \(1, 3\)"),
        (COUNTS, {"scheme": "log"}, ValueError, "`scheme` must be one of 'inverse'.*got 'log'"),
        (COUNTS, {"power": -1.0}, ValueError, "`power` must be at least 0.0, got -1.0"),
        (COUNTS, {"beta": 1.0}, ValueError, "`beta` must be at least 0.0 and below 1.0, got 1.0"),
        (COUNTS, {"beta": math.nan}, ValueError, "`beta`.*got nan"),
        (COUNTS, {"beta": torch.tensor(0.9)}, TypeError, "`beta` must be a number, got Tensor"),
    ],
)
def test_says_what_is_wrong(counts: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        class_weights(counts, **options)
