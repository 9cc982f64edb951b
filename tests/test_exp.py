"""exp(x) - 1 - x and 1 - exp(-x) with their digits and those of their slopes."""

from collections.abc import Callable

import pytest
import torch
from mpmath import exp, mp, mpf
from torch import Tensor
from torch.testing import assert_close

from companion._exp import exp_excess, one_minus_exp


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_excess_keeps_its_digits(dtype: torch.dtype) -> None:
    some = [1e-12, 1e-3, 0.099, 0.1, 0.101, 0.5, 3.0, 40.0]
    x = torch.tensor([*some, *(-v for v in some), -80.0], dtype=dtype, requires_grad=True)
    keeps_its_digits(exp_excess, x, [lambda v: exp(v) - 1 - v, lambda v: exp(v) - 1, exp])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_what_is_missing_from_one_keeps_its_digits(dtype: torch.dtype) -> None:
    v = torch.tensor([1e-12, 1e-3, 0.499, 0.5, 0.501, 3.0, 40.0, 80.0], dtype=dtype, requires_grad=True)
    keeps_its_digits(one_minus_exp, v, [lambda v: 1 - exp(-v), lambda v: exp(-v), lambda v: -exp(-v)])


def keeps_its_digits(f: Callable[[Tensor], Tensor], x: Tensor, exact: list[Callable[[mpf], mpf]]) -> None:
    """The value, the slope and the curvature of f; the last next to 1."""
    eps, found = torch.finfo(x.dtype).eps, f(x)
    for one, atol in zip(exact, (0.0, 0.0, eps), strict=True):
        with mp.workdps(60):
            right = torch.tensor([float(one(mpf(v))) for v in x.tolist()], dtype=x.dtype)
        assert_close(found, right, rtol=32 * eps, atol=atol)
        (found,) = torch.autograd.grad(found.sum(), x, create_graph=True)


def test_nothing_at_nothing() -> None:
    x = torch.zeros(1, requires_grad=True)
    (slope,) = torch.autograd.grad(exp_excess(x), x)
    assert exp_excess(x) == 0
    assert slope == 0
