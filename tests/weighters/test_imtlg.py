"""IMTL-G against the closed form of the paper, and against what it promises."""

import pytest
import torch
from hypothesis import given
from torch.testing import assert_close

from companion.weighters import IMTLG
from tests.weighters.gradients import FACTORS, SEEDS, cosines, gradients, weights


def test_by_hand() -> None:
    # Orthogonal gradients of norms 1 and 3: d = w1 g1 + w2 g2 has the projections w1 and 3 w2.
    found = weights(IMTLG, torch.diag(torch.tensor([1.0, 3.0], dtype=torch.float64)))
    assert_close(found, torch.tensor([1.5, 0.5], dtype=torch.float64))


@pytest.mark.parametrize("losses", [2, 5, 20])
@pytest.mark.parametrize("span", [1.0, 1000.0])
def test_projections_are_equal(losses: int, span: float) -> None:
    for seed in range(8):
        found = gradients(losses, 2 * losses + 5, seed, span)
        seen = cosines(found, found.T @ weights(IMTLG, found))
        assert seen.min() > 0
        assert_close(seen, seen.mean().expand(losses), rtol=1e-6, atol=0)


@pytest.mark.parametrize("losses", [2, 5])
def test_is_the_closed_form_of_the_paper(losses: int) -> None:
    found = gradients(losses, 3 * losses)
    units = found / found.norm(dim=1, keepdim=True)
    apart, turned = found[0] - found[1:], units[0] - units[1:]
    rest = found[0] @ turned.T @ torch.linalg.inv(apart @ turned.T)
    alpha = torch.cat([1 - rest.sum().view(1), rest])
    assert alpha.sum() > 0
    assert_close(weights(IMTLG, found, sum_to=None) / weights(IMTLG, found, sum_to=None).sum(), alpha)


def test_goes_downhill_where_the_sum_of_the_paper_is_negative() -> None:
    # A long gradient and a short one at a sharp angle to a third that is longest of all: the sum of the paper is < 0.
    found = torch.tensor([[1.0, 0.0], [0.1 * 0.9, 0.1 * 0.19**0.5]], dtype=torch.float64)
    found = torch.cat([found, torch.zeros(2, 1, dtype=torch.float64)], 1)
    third = torch.tensor([[0.995, 0.05, 0.0868]], dtype=torch.float64)
    found = torch.cat([found, 0.001 * third])
    w = weights(IMTLG, found)
    assert w.sum() < 0
    assert (cosines(found, found.T @ w) > 0).all()


@given(seed=SEEDS, factor=FACTORS)
def test_units_do_not_matter(seed: int, factor: float) -> None:
    found = gradients(3, 7, seed)
    units = torch.tensor([[1.0], [factor], [1.0]], dtype=torch.float64)
    one = found.T @ weights(IMTLG, found)
    other = (units * found).T @ weights(IMTLG, units * found)
    assert_close(other / other.norm(), one / one.norm())


def test_parallel_gradients_are_shared_out_and_opposed_ones_cancel() -> None:
    parallel = torch.tensor([[1.0, 0.0], [2.0, 0.0]], dtype=torch.float64)
    assert_close(weights(IMTLG, parallel), torch.tensor([4 / 3, 2 / 3], dtype=torch.float64))
    opposed = torch.tensor([[1.0, 0.0], [-2.0, 0.0]], dtype=torch.float64)
    assert_close(opposed.T @ weights(IMTLG, opposed), torch.zeros(2, dtype=torch.float64))
