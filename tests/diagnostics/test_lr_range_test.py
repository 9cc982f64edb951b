"""The rates on a bowl whose every step is known, and that nothing is left behind."""

import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from companion.diagnostics import lr_range_test


class Bowl(nn.Module):
    """The parameter itself; half its square has curvature 1, and steps above 2 diverge."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([3.0], dtype=torch.float64))


def bowl(model: nn.Module, batch: object) -> Tensor:
    return model.weight.square().sum() / 2


def test_losses_on_a_bowl_are_those_of_the_closed_form() -> None:
    model = Bowl()
    found = lr_range_test(
        model, torch.optim.SGD(model.parameters(), lr=0.1), bowl, [None], low=1e-3, high=1.0, steps=31
    )
    before = torch.cat([torch.ones(1, dtype=torch.float64), (1 - found.lr).cumprod(0)[:-1]])
    torch.testing.assert_close(found.loss, 4.5 * before**2)
    torch.testing.assert_close(found.lr[::10], torch.tensor([1e-3, 1e-2, 1e-1, 1.0], dtype=torch.float64))
    assert not found.diverged


@pytest.mark.parametrize("steps", [30, 100, 300])
@pytest.mark.parametrize("curvature", [0.01, 1.0, 100.0])
def test_the_suggestion_follows_the_curvature_and_is_stable(steps: int, curvature: float) -> None:
    model = Bowl()

    def loss(model: nn.Module, batch: object) -> Tensor:
        return curvature * bowl(model, batch)

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    found = lr_range_test(model, optimizer, loss, [None], low=1e-6, high=1e6, steps=steps)
    assert found.diverged
    assert found.lr[-1] > 2 / curvature  # where a step is longer than the bowl is wide
    assert 0.005 / curvature < found.suggestion < 2 / curvature
    assert found.suggestion < found.lowest


def test_the_suggestion_of_a_network_trains_it() -> None:
    model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 1))
    x = torch.randn(512, 4)
    y = x.square().sum(1, keepdim=True)
    batches = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)

    def loss(model: nn.Module, batch: list[Tensor]) -> Tensor:
        return (model(batch[0]) - batch[1]).square().mean()

    def trained(rate: float) -> float:
        copy = deepcopy(model)
        optimizer = torch.optim.Adam(copy.parameters(), lr=rate)
        for _ in range(20):
            for batch in batches:
                optimizer.zero_grad()
                loss(copy, batch).backward()
                optimizer.step()
        return float(loss(copy, [x, y]).detach())

    rate = lr_range_test(model, torch.optim.Adam(model.parameters()), loss, batches).suggestion
    assert trained(rate) < 0.25 * trained(rate / 100)
    assert trained(rate) < 0.25 * trained(rate * 100)


def test_a_loss_that_never_falls_gets_no_suggestion() -> None:
    model = Bowl()
    noise = iter(torch.rand(1000, dtype=torch.float64).tolist())

    def loss(model: nn.Module, batch: object) -> Tensor:
        return 0 * model.weight.sum() + 1 + next(noise)

    assert lr_range_test(model, torch.optim.SGD(model.parameters()), loss, [None]).suggestion is None


def test_groups_keep_their_ratios() -> None:
    a, b = (nn.Parameter(torch.tensor(1.0, dtype=torch.float64)) for _ in range(2))
    optimizer = torch.optim.SGD([{"params": [a], "lr": 0.1}, {"params": [b], "lr": torch.tensor(0.01)}], lr=1.0)
    rates = []
    optimizer.register_step_pre_hook(lambda o, *_: rates.append([float(g["lr"]) for g in o.param_groups]))
    own = optimizer.param_groups[1]["lr"]
    model = nn.ParameterList([a, b])
    lr_range_test(model, optimizer, lambda m, _: m[0] ** 2 + m[1] ** 2, [None], low=1e-3, high=1e-1, steps=11)
    torch.testing.assert_close(rates[-1], [0.1, 0.01])
    torch.testing.assert_close(rates[0], [1e-3, 1e-4])
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert optimizer.param_groups[1]["lr"] is own
    assert own == torch.tensor(0.01)


def trained_network() -> tuple[nn.Module, torch.optim.Optimizer]:
    """With moments, running statistics, dropout, gradients, a frozen layer and one in eval mode."""
    model = nn.Sequential(
        nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)
    )
    model.register_buffer("count", torch.zeros(()), persistent=False)
    model[4].eval()
    model[3].bias.requires_grad_(False)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.randn(8, 3)).square().mean().backward()
        optimizer.step()
    return model, optimizer


def everything(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    return deepcopy(
        {
            "state": dict(model.state_dict()),
            "count": model.count,
            "gradients": {name: p.grad for name, p in model.named_parameters()},
            "modes": [module.training for module in model.modules()],
            "optimizer": optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "numpy": np.random.get_state()[1],  # noqa: NPY002
            "python": random.getstate(),
        }
    )


def breaks_after(steps: int) -> Callable[[nn.Module, Tensor], Tensor]:
    left = iter(range(steps))

    def loss(model: nn.Module, batch: Tensor) -> Tensor:
        model.train()
        model.count = model.count + random.random() + np.random.rand()  # noqa: NPY002
        if next(left, None) is None:
            raise RuntimeError("the loss broke")
        return model(batch).square().mean()

    return loss


@pytest.mark.parametrize("steps", [1000, 5, 0])
def test_nothing_is_left_behind(steps: int) -> None:
    model, optimizer = trained_network()
    batches = DataLoader(torch.randn(32, 3), 8, shuffle=True)
    gradient, buffer, before = model[0].weight.grad, model.count, everything(model, optimizer)
    if steps == 1000:
        lr_range_test(model, optimizer, breaks_after(steps), batches)
    else:
        with pytest.raises(RuntimeError, match="the loss broke"):
            lr_range_test(model, optimizer, breaks_after(steps), batches)
    torch.testing.assert_close(everything(model, optimizer), before, rtol=0, atol=0, equal_nan=True)
    assert model[0].weight.grad is gradient
    assert model.count is buffer


def test_a_fresh_optimizer_is_fresh_again() -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.Adam(model.parameters())
    lr_range_test(model, optimizer, lambda m, x: m(x).square().mean(), [torch.randn(4, 2)])
    assert not optimizer.state
    assert model.weight.grad is None


def test_lbfgs_works_too() -> None:
    model = Bowl()
    found = lr_range_test(model, torch.optim.LBFGS(model.parameters()), bowl, [None], low=1e-3, high=1.0, steps=10)
    assert found.loss[0] == 4.5
    assert found.suggestion is not None


def test_plot_marks_the_suggestion() -> None:
    model = Bowl()
    found = lr_range_test(model, torch.optim.SGD(model.parameters(), lr=0.1), bowl, [None])
    ax = found.plot()
    assert ax.get_xscale() == "log"
    assert [line.get_label() for line in ax.lines][2].startswith("suggestion")


def endless() -> Iterator[None]:
    while True:
        yield None


def test_a_generator_that_lasts_is_enough() -> None:
    model = Bowl()
    assert lr_range_test(model, torch.optim.SGD(model.parameters(), lr=0.1), bowl, endless()).suggestion


@pytest.mark.parametrize(
    ("loss", "batches", "options", "error", "says"),
    [
        (bowl, (None for _ in range(3)), {}, ValueError, "`batches` must hold a batch"),
        (bowl, [], {}, ValueError, "`batches` must hold a batch"),
        (lambda m, b: m.weight * torch.ones(2), [None], {}, ValueError, r"`loss\(model, batch\)` must be a scalar"),
        (lambda m, b: 1.0, [None], {}, TypeError, r"`loss\(model, batch\)` must be a floating point tensor"),
        (lambda m, b: (-m.weight).log().sum(), [None], {}, ValueError, "`loss` must be finite at first, got nan"),
        (bowl, [None], {"low": 0.0}, ValueError, "`low` must be above 0.0"),
        (bowl, [None], {"high": 1e-6}, ValueError, "`high` must be above 1e-06"),
        (bowl, [None], {"steps": 5}, ValueError, "`steps` must be at least 10"),
        (bowl, [None], {"steps": 20.0}, TypeError, "`steps` must be an int"),
    ],
)
@pytest.mark.as_user
def test_errors_name_the_argument(loss, batches, options, error, says) -> None:
    model = Bowl()
    with pytest.raises(error, match=says):
        lr_range_test(model, torch.optim.SGD(model.parameters(), lr=0.1), loss, batches, **options)
    assert model.weight == 3.0


@pytest.mark.as_user
def test_an_optimizer_without_a_rate_is_refused() -> None:
    model = Bowl()
    with pytest.raises(ValueError, match="learning rate above 0"):
        lr_range_test(model, torch.optim.SGD(model.parameters(), lr=0.0), bowl, [None])


def test_a_bad_first_batch_is_no_suggestion() -> None:
    model = Bowl()
    noise = iter([4.0, *[0.0] * 100])  # one unlucky batch
    found = lr_range_test(
        model, torch.optim.SGD(model.parameters(), lr=0.1), lambda m, _: bowl(m, _) + next(noise), [None]
    )
    assert found.suggestion is not None
    assert found.suggestion > 1e-4
