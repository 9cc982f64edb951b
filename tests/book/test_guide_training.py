"""What the errata page says of training, precision and gradients, and no section shows."""

import copy
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes
from torch import Tensor, nn
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

from companion.losses import supervised_contrastive_loss


def test_a_right_gradient_fails_the_check_in_single_precision_and_at_a_kink() -> None:
    def gap(f: Callable[[Tensor], Tensor], at: float, dtype: torch.dtype, step: float = 1e-6) -> float:
        x = torch.tensor(at, dtype=dtype, requires_grad=True)
        (slope,) = torch.autograd.grad(f(x), x)
        with torch.no_grad():
            return abs(((f(x + step) - f(x - step)) / (2 * step) - slope).item())

    assert gap(F.softplus, 0.3, torch.float64) < 1e-9
    assert gap(F.softplus, 0.3, torch.float32) > 1e-3
    assert gap(F.relu, 0.0, torch.float64) == 0.5
    assert gap(F.softplus, 0.3, torch.float64, step=0.1) > 1e-5  # nor may the step be large


def test_half_precision_runs_out_of_range_before_it_runs_out_of_digits() -> None:
    small, large, third = torch.tensor([1e-8, 1e5, 1 / 3], dtype=torch.float64)
    assert small.half() == 0
    assert large.half() == torch.inf
    assert abs(third.half().double() / third - 1) < 5e-4
    # bfloat16 has fewer digits, and room for both.
    assert_close(torch.stack([small, large]).bfloat16().double(), torch.stack([small, large]), rtol=1e-2, atol=0)
    assert abs(third.bfloat16().double() / third - 1) > 5e-4


@pytest.fixture
def table() -> tuple[Tensor, Tensor]:
    x, y = load_diabetes(return_X_y=True)
    return torch.tensor(x / x.std(0)), torch.tensor((y - y.mean()) / y.std())


def descend(table: tuple[Tensor, Tensor], rate: float, penalty: float, steps: int = 200) -> float:
    """The squared error that gradient descent on a linear model with an L2 penalty reaches."""
    x, y = table
    w = torch.zeros(x.shape[1], dtype=x.dtype)
    for _ in range(steps):
        w = w - rate * (2 * x.T @ (x @ w - y) / len(y) + 2 * penalty * w)
    return (x @ w - y).square().mean().item()


def test_a_penalty_cures_no_divergence_and_costs_fit(table: tuple[Tensor, Tensor]) -> None:
    x, y = table
    limit = 1 / torch.linalg.eigvalsh(x.T @ x / len(y))[-1].item()
    plain, penalised = (descend(table, 1.05 * limit, penalty) for penalty in (0.0, 0.1))
    assert penalised > plain > 1e3
    fits = [descend(table, 0.5 * limit, penalty) for penalty in (0.0, 0.1, 1.0)]
    assert fits == sorted(fits)
    assert fits[0] < 0.9 * fits[-1]


def test_a_random_slice_does_not_show_a_saddle() -> None:
    # Bent upwards in 999 directions and downwards, ten times as hard, in one.
    bend = torch.ones(1000, dtype=torch.float64)
    bend[0] = -10.0
    directions = F.normalize(torch.randn(100, 1000, dtype=torch.float64), dim=1)
    seen = (directions.square() * bend).sum(1)
    assert (seen > 0.5).all()
    assert torch.linalg.eigvalsh(bend.diag())[0] == -10.0


def test_work_in_place_breaks_the_gradient() -> None:
    logits = torch.randn(5, requires_grad=True)
    prob = logits.sigmoid()
    loss = prob.clamp_(min=1e-6).log().sum()  # the slope of the sigmoid needs the values that are overwritten
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_adam_bounds_a_spike_and_lets_what_is_no_number_through() -> None:
    weight = torch.zeros(1, requires_grad=True)
    adam = torch.optim.Adam([weight], lr=1e-3)

    def moved(slope: float) -> float:
        before = weight.item()
        weight.grad = torch.tensor([slope])
        adam.step()
        return abs(weight.item() - before)

    steps = [moved(1e-3) for _ in range(100)]
    assert moved(1e6) < 10 * max(steps)
    assert moved(1e-3) > 5e-4  # the spike is still in the averages: the next steps are its echo
    assert np.isnan(moved(float("nan")))


def test_losses_that_are_batch_normalised_teach_nothing() -> None:
    model = nn.Linear(3, 2)
    each = F.cross_entropy(model(torch.randn(20, 3)), torch.arange(20) % 2, reduction="none")
    normalised = (each - each.mean()) / each.std(correction=0)
    assert_close(normalised.mean().item(), 0.0, atol=1e-6, rtol=0)
    slopes = torch.autograd.grad(normalised.mean(), list(model.parameters()))
    assert max(slope.abs().max().item() for slope in slopes) < 1e-6


def test_layer_normalisation_sees_one_row_and_one_layer() -> None:
    x = torch.randn(4, 8)
    normed = F.layer_norm(x, (8,))
    assert_close(normed.mean(1), torch.zeros(4), atol=1e-6, rtol=0)
    changed = torch.cat([x[:1], 100 * torch.randn(3, 8)])
    assert_close(F.layer_norm(changed, (8,))[0], normed[0])


class Counter(TorchDispatchMode):
    """Counts the operations that are carried out."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.count += 1
        return func(*args, **(kwargs or {}))


def test_a_dear_loss_costs_nothing_in_use() -> None:
    x, y = torch.randn(32, 5), torch.arange(32) % 2
    start = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 2))

    def operations() -> Iterator[tuple[int, int]]:
        for loss in (F.cross_entropy, lambda z, y: supervised_contrastive_loss(z, y, temperature=0.1)):
            model = copy.deepcopy(start)
            with Counter() as training:
                loss(model(x), y).backward()
            with torch.no_grad(), Counter() as use:
                model(x)
            yield training.count, use.count

    (cheap, in_use), (dear, in_use_too) = operations()
    assert dear > cheap
    assert in_use == in_use_too
