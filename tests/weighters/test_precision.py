"""Under autocast and with dependent gradients the weights are those of full precision."""

from copy import deepcopy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from companion import weighters
from companion.weighters import IMTLG, AlignedMTL, NashMTL, SoftAdapt, UncertaintyWeighting


def step(weighter: Any, factors: tuple[float, float], shared: str, half: bool) -> Tensor:
    """Weights after one step of a small network, its forward pass and the weighter under float16 autocast or not."""
    torch.manual_seed(0)
    trunk, heads = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 16)), nn.Linear(16, 2)
    x = torch.randn(1024, 8)
    with torch.autocast("cpu", torch.float16, enabled=half):
        features = trunk(x)
        if shared == "normed":
            features = F.layer_norm(features.float(), (16,))
        left, right = heads(features).float().unbind(1)
        losses = [factors[0] * (left - x[:, 0]).square().mean(), factors[1] * (right - x[:, 1]).square().mean()]
        weighter(losses, shared=trunk if shared == "parameters" else features)
    return weighter.weights


@pytest.mark.parametrize("shared", ["features", "normed", "parameters"])
@pytest.mark.parametrize("factors", [(1e-3, 1e-1), (1e2, 1.0)])
def test_autocast_does_not_round_small_gradients_away(factors: tuple[float, float], shared: str) -> None:
    full, half = (step(NashMTL(["left", "right"]), factors, shared, half) for half in (False, True))
    assert float((full - 1.0).abs()[0]) > 0.5  # there is something to see
    assert torch.allclose(half, full, rtol=0.05, atol=2e-3)


def test_autocast_does_not_round_slopes() -> None:
    weighter = SoftAdapt(["steep", "flat"], beta=1e-5)
    with torch.autocast("cpu", torch.float16):
        for t in range(6):
            weighter([torch.tensor(1e6 - 1e5 * t), torch.tensor(1e6 - 2e4 * t)])
    assert weighter.looks == 6
    # slopes -1e5 and -2e4 times 1e-5: 2 / (1 + e^(1 - 0.2)) = 0.6201
    assert weighter.weights.tolist() == pytest.approx([0.6201, 1.3799], abs=1e-4)


def dependent(seed: int) -> tuple[list[Tensor], Tensor]:
    """A squared error, its root, whose gradient is parallel, and another loss, with their features, in float32."""
    torch.manual_seed(seed)
    x, trunk = torch.randn(64, 8), nn.Linear(8, 16)
    features = trunk(x)
    error = (features.mean(1) - x[:, 0]).square().mean()
    return [error, error.sqrt(), features.abs().mean()], features


@pytest.mark.parametrize("make", [AlignedMTL, IMTLG])
@pytest.mark.parametrize("seed", range(6))
def test_rounding_does_not_decide_where_gradients_are_parallel(make: Any, seed: int) -> None:
    losses, features = dependent(seed)
    weighter = make(["square", "root"])
    weighter(losses[:2], shared=features)
    assert (weighter.weights > 0).all()


def test_imtlg_shares_alike_between_parallel_gradients() -> None:
    losses, features = dependent(0)
    weighter = IMTLG(["square", "root", "size"])
    weighter(losses, shared=features)
    norms = torch.stack([torch.autograd.grad(loss, features, retain_graph=True)[0].norm() for loss in losses])
    pulls = weighter.weights * norms
    assert float(pulls[0] / pulls[1]) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("form", ["regression", "classification"])
@pytest.mark.parametrize("loss", [1e-3, 2.0, 1e5])
def test_uncertainty_starts_where_its_own_penalty_is_best(form: Any, loss: float) -> None:
    weighter = UncertaintyWeighting(["a"], form=form, positive=True, first_losses=True)
    weighter([torch.tensor(loss)]).backward()
    assert float(weighter.shift.grad) == pytest.approx(0.0, abs=1e-5)


def test_history_forgets_steps_that_a_loaded_state_has_undone() -> None:
    weighter = weighters.LogSum(["a"])
    for value in range(1, 10):
        weighter([torch.tensor(float(value))])
        if value == 5:
            saved = deepcopy(weighter.state_dict())
    weighter.load_state_dict(saved)
    weighter([torch.tensor(99.0)])
    assert weighter.history().losses[:, 0].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 99.0]
