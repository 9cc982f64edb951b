"""DB-MTL against the paper, on gradients of the logarithms by autograd."""

import pytest
import torch
from hypothesis import given
from torch.testing import assert_close

from companion.weighters import DBMTL
from tests.weighters.gradients import FACTORS, SEEDS, gradients, weights


def test_by_hand() -> None:
    # Norms 1 and 4 at losses 1 and 2: 1 and 2 for the logarithms, so 2 / 1 and 2 / 4.
    places, values = torch.tensor([[1.0], [4.0]], dtype=torch.float64), torch.tensor([1.0, 2.0], dtype=torch.float64)
    assert_close(weights(DBMTL, places, values, sum_to=None), torch.tensor([2.0, 0.5], dtype=torch.float64))
    assert_close(weights(DBMTL, places, values), torch.tensor([1.6, 0.4], dtype=torch.float64))


@pytest.mark.parametrize("losses", [1, 2, 5])
def test_is_the_direction_of_the_paper(losses: int) -> None:
    at = torch.randn(7, dtype=torch.float64, requires_grad=True)
    matrix = torch.randn(losses, 7, 7, dtype=torch.float64)
    values = (matrix @ at).square().sum(1)
    found = torch.stack([torch.autograd.grad(value, at, retain_graph=True)[0] for value in values])
    logs = torch.stack([torch.autograd.grad(value.log(), at, retain_graph=True)[0] for value in values])
    paper = logs.norm(dim=1).max() * (logs / logs.norm(dim=1, keepdim=True)).sum(0)
    assert_close(found.T @ weights(DBMTL, found, values.detach(), sum_to=None), paper)


@given(seed=SEEDS, factor=FACTORS)
def test_units_do_not_matter(seed: int, factor: float) -> None:
    found, values = gradients(3, 5, seed), torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    units = torch.tensor([1.0, factor, 1.0], dtype=torch.float64)
    w = weights(DBMTL, units.unsqueeze(1) * found, units * values, sum_to=None)
    assert_close(w * units, weights(DBMTL, found, values, sum_to=None))


def test_a_loss_that_is_not_positive_does_not_count_for_the_length() -> None:
    found, values = torch.eye(2, dtype=torch.float64), torch.tensor([2.0, -1e-9], dtype=torch.float64)
    assert_close(weights(DBMTL, found, values, sum_to=None), torch.tensor([0.5, 0.5], dtype=torch.float64))
