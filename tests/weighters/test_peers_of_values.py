"""Methods that look at the values of the losses, beside those of TorchJD 0.18 and of LibMTL 1.1.5."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torchjd import scalarization

from companion import weighters
from companion.weighters._base import Weighter
from tests.weighters import libmtl
from tests.weighters.gradients import fresh, gradients, weights

LIBMTL = pytest.fixture(scope="module", name="libmtl_rules")(libmtl.rules)
VALUES = torch.tensor([0.3, 2.0, 4.0], dtype=torch.float64)


@pytest.mark.parametrize(
    ("method", "options", "peer"),
    [
        (weighters.GeometricMean, {}, scalarization.GeometricMean),
        (weighters.SmoothTchebycheff, {"mu": 0.5}, lambda: scalarization.STCH(0.5)),
        (weighters.UncertaintyWeighting, {}, lambda: scalarization.UW(3).double()),
    ],
    ids=["GeometricMean", "SmoothTchebycheff", "UncertaintyWeighting"],
)
def test_torchjd_scalarizers(method: type[Weighter], options: dict[str, Any], peer: Callable[[], Any]) -> None:
    losses = torch.tensor([0.3, 2.0, 1e-4], dtype=torch.float64, requires_grad=True)
    ours, theirs = fresh(method, 3, **options)(list(losses)), peer()(losses)
    assert_close(ours, theirs)
    assert_close(torch.autograd.grad(ours, losses), torch.autograd.grad(theirs, losses))


def test_torchjd_dwa() -> None:
    ours, theirs = fresh(weighters.DWA, 3), scalarization.DWA()
    for values in torch.rand(4, 3, dtype=torch.float64) + 0.1:
        # Our ratio is that of this step to the last: a look of ours is an epoch of theirs, closed before its weights.
        theirs(values)
        theirs.step()
        weights(ours, torch.eye(3, dtype=torch.float64), values)
        assert_close(ours.weights, theirs._compute_weights(values))


def libmtl_gls(rules: ModuleType, values: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """The direction that it takes, and the weights that it tells."""
    with libmtl.float64():
        made, shared = libmtl.prepared(rules.GLS, places)
        told = made.backward(values + places @ shared)
    return shared.grad.clone(), torch.from_numpy(told)


def test_libmtl_gls(libmtl_rules: ModuleType) -> None:
    places = gradients(3, 8)
    theirs, _ = libmtl_gls(libmtl_rules, VALUES, places)
    assert_close(places.T @ fresh(weighters.GeometricMean, 3).look(VALUES), theirs)


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="LibMTL's GLS tells weights without the root of the product; the gradient that it takes has it",
)
def test_libmtl_gls_tells_what_it_does(libmtl_rules: ModuleType) -> None:
    _, told = libmtl_gls(libmtl_rules, VALUES, gradients(3, 8))
    assert_close(fresh(weighters.GeometricMean, 3).look(VALUES), told)
