"""GradientScale: both rules by hand, and the moving average."""

import pytest
import torch
from hypothesis import given
from torch import Tensor, nn
from torch.testing import assert_close

from companion.weighters import GradientScale
from tests.weighters.gradients import FACTORS, SEEDS, fresh, gradients, weights


def test_balance_by_hand() -> None:
    # Norms 1 and 3: 4 / 1 and 4 / 3.
    places = torch.diag(torch.tensor([1.0, 3.0], dtype=torch.float64))
    assert_close(weights(GradientScale, places, sum_to=None), torch.tensor([4.0, 4 / 3], dtype=torch.float64))
    assert_close(weights(GradientScale, places), torch.tensor([1.5, 0.5], dtype=torch.float64))


def test_lra_by_hand() -> None:
    # The residual has the gradient (6, 0), whose largest entry is 6; the others (1, 1) and (0, -4), means 1 and 2.
    x = torch.zeros(2, requires_grad=True)
    weighter = GradientScale(["residual", "boundary", "initial"], rule="lra")
    weighter([6 * x[0], x.sum(), -4 * x[1]], shared=[x])
    assert_close(weighter.weights, torch.tensor([1.0, 6.0, 3.0]))


def test_the_average_keeps_its_momentum_but_for_the_first_look() -> None:
    weighter = fresh(GradientScale, 2, momentum=0.8, sum_to=None)
    expected: Tensor | None = None
    for look in range(4):
        norms = gradients(2, 3, seed=look).norm(dim=1)
        new = norms.sum() / norms
        expected = new if expected is None else 0.8 * expected + 0.2 * new
        assert_close(weights(weighter, gradients(2, 3, seed=look)), expected)


@pytest.mark.parametrize("several", [True, False])
def test_lra_compares_entries_over_all_parameters(several: bool) -> None:
    torch.manual_seed(0)
    model, rows = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)), torch.randn(5, 3)
    losses = [model(rows).square().mean(), model(rows + 1).mean()]
    shared = list(model.parameters()) if several else [model[0].weight]
    flat = [torch.cat([g.flatten() for g in torch.autograd.grad(v, shared, retain_graph=True)]) for v in losses]
    weighter = GradientScale(["residual", "boundary"], rule="lra")
    weighter(losses, shared=shared)
    assert_close(weighter.weights[1], flat[0].abs().max() / flat[1].abs().mean())


def test_lra_refuses_features() -> None:
    features = nn.Linear(2, 2)(torch.randn(3, 2))
    losses = [features.square().mean(), features.mean()]
    with pytest.raises(ValueError, match="`shared` must be parameters"):
        GradientScale(["residual", "boundary"], rule="lra")(losses, shared=features)


def test_own_scale_belongs_to_the_rule() -> None:
    assert GradientScale(["a", "b"]).sum_to == 2.0
    assert GradientScale(["a", "b"], rule="lra").sum_to is None
    assert GradientScale(["a", "b"], rule="lra", sum_to="tasks").sum_to == 2.0


@given(seed=SEEDS, factor=FACTORS)
def test_units_do_not_matter(seed: int, factor: float) -> None:
    found, units = gradients(3, 5, seed), torch.tensor([[1.0], [factor], [1.0]], dtype=torch.float64)
    one = found.T @ weights(GradientScale, found)
    other = (units * found).T @ weights(GradientScale, units * found)
    assert_close(other / other.norm(), one / one.norm())


def test_a_loss_without_a_gradient_keeps_its_weight() -> None:
    weighter = fresh(GradientScale, 2, sum_to=None)
    weights(weighter, torch.diag(torch.tensor([1.0, 3.0], dtype=torch.float64)))
    weights(weighter, torch.diag(torch.tensor([0.0, 3.0], dtype=torch.float64)))
    assert_close(weighter.weights[0].item(), 4.0)
