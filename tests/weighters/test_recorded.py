"""The recorded contest of weighters stands on two derivations by hand: the best points of a toy, and u''."""

import importlib
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import grad, stack_module_state, vmap

RECORDED = Path(__file__).parents[2] / "book" / "recorded"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(RECORDED)  # as Python does for a script

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    return load


def test_no_point_of_a_grid_is_better_than_the_pareto_set(script: Any) -> None:
    toy = script("_toy")
    axis = torch.linspace(-12, 12, 481, dtype=torch.float64)
    points = torch.cartesian_prod(axis, axis)
    values = torch.stack(toy.losses(points), 1)
    order = values[:, 0].argsort()
    best = order[values[order, 1] <= values[order, 1].cummin(0).values]  # no other point is lower in both
    front = torch.stack(toy.losses(toy.pareto_set()), 1)
    assert len(best) > 100
    assert toy.distance(points[best], front).max() < toy.TOLERANCE / 2
    dominated = (values.unsqueeze(0) < front[::100].unsqueeze(1)).all(-1)
    assert not dominated.any()


def network(model: nn.Module, t: Tensor) -> Tensor:
    h = t.view(1, 1)
    for layer in model.layers[:-1]:
        h = layer(h).tanh()
    return model.layers[-1](h).squeeze()


def test_the_second_derivative_travels_forward(script: Any) -> None:
    poisson = script("_poisson")
    torch.manual_seed(0)
    models = [poisson.Network().double() for _ in range(2)]
    x = torch.linspace(0, 1, 5, dtype=torch.float64)
    value, bend = poisson.value_and_bend(stack_module_state(models)[0], x)
    for model, own_value, own_bend in zip(models, value.detach(), bend.detach(), strict=True):
        u = partial(network, model)
        torch.testing.assert_close(own_value, vmap(u)(x).detach())
        torch.testing.assert_close(own_bend, vmap(grad(grad(u)))(x).detach())


def test_the_solution_solves_the_equation(script: Any) -> None:
    poisson = script("_poisson")
    x = torch.linspace(0, 1, 9, dtype=torch.float64)
    torch.testing.assert_close(vmap(grad(grad(poisson.solution)))(x), -poisson.source(x))
    torch.testing.assert_close(poisson.solution(x[[0, -1]]), torch.zeros(2, dtype=torch.float64))
