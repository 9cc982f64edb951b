"""GradNorm against the objective of the paper, differentiated by autograd."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from companion.weighters import GradNorm
from tests.weighters.gradients import fresh, gradients, weights


def test_by_hand() -> None:
    # Norms 3 and 1, mean 2, both losses unchanged: slopes in log w 3/2 and -1/2, so the ratio becomes exp(-0.05).
    found = weights(GradNorm, torch.tensor([[3.0], [1.0]], dtype=torch.float64))
    assert_close(found[0] / found[1], torch.tensor(math.exp(-0.05), dtype=torch.float64))
    assert_close(found.sum(), torch.tensor(2.0, dtype=torch.float64))


def by_autograd(found: Tensor, losses: list[Tensor], alpha: float, lr: float, log: bool) -> Tensor:
    """The algorithm of the paper on full gradients; a step is in units of the mean norm."""
    w = torch.ones(len(found), dtype=torch.float64)
    for values in losses:
        free = (w.log() if log else w).clone().requires_grad_()
        norms = ((free.exp() if log else free).unsqueeze(1) * found).norm(dim=1)
        pace = values / losses[0]
        target = norms.mean().detach() * (pace / pace.mean()) ** alpha
        (slope,) = torch.autograd.grad((norms - target).abs().sum(), free)
        stepped = free.detach() - lr * slope / norms.mean().detach()
        w = stepped.exp() if log else stepped
        w = len(w) * w / w.sum()
    return w


@pytest.mark.parametrize("alpha", [0.0, 0.12, 1.5])
@pytest.mark.parametrize("update", ["log", "linear"])
def test_is_the_step_of_the_paper(alpha: float, update: str) -> None:
    found = gradients(4, 6, span=3.0)
    losses = [1 + torch.rand(4, dtype=torch.float64) for _ in range(5)]
    weighter = fresh(GradNorm, 4, alpha=alpha, lr=0.02, update=update)
    for values in losses:
        last = weighter.look(values, found @ found.T)
    assert_close(last, by_autograd(found, losses, alpha, 0.02, update == "log"))


def test_logarithmic_steps_cross_orders_of_magnitude_and_linear_ones_do_not() -> None:
    gram, values = torch.diag(torch.tensor([1e10, 1.0, 1e-4], dtype=torch.float64)), torch.ones(3, dtype=torch.float64)
    sizes = {}
    for update in ("log", "linear"):
        weighter = fresh(GradNorm, 3, update=update)
        for _ in range(2000):
            found = weighter.look(values, gram)
        assert (found >= 0).all()
        sizes[update] = found * gram.diagonal().sqrt()
    assert sizes["log"].max() / sizes["log"].min() < math.exp(3 * 3 * 0.025)  # steps are at most a factor exp(K lr)
    assert sizes["linear"].max() > 100 * sizes["linear"].min()


def test_the_loss_that_falls_slowest_gains() -> None:
    weighter = fresh(GradNorm, 2)
    for values in ([2.0, 2.0], [2.0, 1.0], [2.0, 0.5]):
        found = weighter.look(torch.tensor(values, dtype=torch.float64), torch.eye(2, dtype=torch.float64))
    assert found[0] > 1.0 > found[1]


def test_first_losses_are_state() -> None:
    weighter = fresh(GradNorm, 2)
    weighter.look(torch.tensor([3.0, 5.0], dtype=torch.float64), torch.eye(2, dtype=torch.float64))
    weighter.look(torch.tensor([1.0, 1.0], dtype=torch.float64), torch.eye(2, dtype=torch.float64))
    assert weighter.first.tolist() == [3.0, 5.0]
