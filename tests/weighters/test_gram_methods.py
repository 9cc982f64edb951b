"""What all methods that are functions of the inner products of the gradients owe."""

from typing import Any

import pytest
import torch
from hypothesis import given
from torch import Tensor, nn
from torch.testing import assert_close

from companion import weighters
from companion.weighters._base import Weighter
from companion.weighters._gram import gram_matrix
from tests.weighters.gradients import FACTORS, SEEDS, fresh, gradients, weights

Case = tuple[type[Weighter], dict[str, Any]]
METHODS: list[Case] = [
    (weighters.AlignedMTL, {}),
    (weighters.AlignedMTL, {"scale": "median", "sum_to": None}),
    (weighters.CAGrad, {}),
    (weighters.DBMTL, {}),
    (weighters.FairGrad, {"alpha": 2.0}),
    (weighters.GradNorm, {}),
    (weighters.GradNorm, {"update": "linear"}),
    (weighters.GradVac, {}),
    (weighters.GradientScale, {}),
    (weighters.IMTLG, {}),
    (weighters.MGDA, {}),
    (weighters.MGDA, {"normalize": "loss+"}),
    (weighters.NashMTL, {}),
    (weighters.PCGrad, {}),
    (weighters.UPGrad, {}),
]
DRAWS = (weighters.PCGrad, weighters.GradVac)
# What counts as a gradient takes its share of a convex combination, of the ball around the mean, or of the mean norm.
SHARES = (weighters.MGDA, weighters.CAGrad, weighters.GradNorm)


def each(cases: list[Case]) -> pytest.MarkDecorator:
    names = ["-".join([method.__name__, *map(str, options.values())]) for method, options in cases]
    return pytest.mark.parametrize("case", cases, ids=names)


EACH = each(METHODS)


def grams() -> dict[str, Tensor]:
    """Inner products where something is not as it should be."""
    line = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
    return {
        "all zero": torch.zeros(3, 3, dtype=torch.float64),
        "one zero": torch.tensor([[2.0, 0.0, -1.0], [0.0, 0.0, 0.0], [-1.0, 0.0, 3.0]], dtype=torch.float64),
        "parallel": torch.ones(3, 3, dtype=torch.float64),
        "on a line": torch.outer(line, line),
        "cancelling": 1.5 * torch.eye(3, dtype=torch.float64) - 0.5,
        "opposed": torch.tensor([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64),
        "not quite positive": torch.tensor([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
        - 1e-7 * (1 - torch.eye(3, dtype=torch.float64)),
        "tiny": 1e-16 * torch.tensor([[1.0, -0.5, 0], [-0.5, 1.0, 0.2], [0, 0.2, 1.0]], dtype=torch.float64),
        "huge": 1e16 * torch.tensor([[1.0, -0.5, 0], [-0.5, 1.0, 0.2], [0, 0.2, 1.0]], dtype=torch.float64),
        "far apart": torch.diag(torch.tensor([1e-16, 1.0, 1e16], dtype=torch.float64)),
    }


@EACH
@pytest.mark.parametrize("gram", grams().values(), ids=grams())
def test_degenerate_gradients_give_finite_weights(case: Case, gram: Tensor) -> None:
    method, options = case
    weighter = fresh(method, 3, **options)
    for _ in range(3):
        found = weighter.look(torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64), gram)
        assert found.isfinite().all()
    assert weighter.looks == 3  # a rule that is not finite would have been skipped


@EACH
def test_one_loss_has_the_weight_one(case: Case) -> None:
    method, options = case
    for size in (0.0, 1.0, 1e-8, 1e8):
        gram = torch.full((1, 1), size**2, dtype=torch.float64)
        found = fresh(method, 1, **(options | {"sum_to": "tasks"})).look(torch.ones(1, dtype=torch.float64), gram)
        assert_close(found, torch.ones_like(found))


@EACH
def test_equal_gradients_get_equal_weights(case: Case) -> None:
    method, options = case
    found = weights(method, gradients(1, 5).expand(4, 5), **(options | {"sum_to": "tasks"}))
    assert_close(found, torch.ones(4, dtype=torch.float64), rtol=1e-3, atol=0)


@EACH
@given(seed=SEEDS)
def test_losses_are_interchangeable(case: Case, seed: int) -> None:
    method, options = case
    places, values = gradients(4, 6, seed, span=10.0), torch.arange(1.0, 5.0, dtype=torch.float64)
    order = torch.tensor([2, 0, 3, 1])
    if method in DRAWS:  # in which order a gradient meets the others is drawn by place; with two there is one order
        places, values, order = places[:2], values[:2], torch.tensor([1, 0])
    found = weights(method, places, values, **options)
    assert_close(weights(method, places[order], values[order], **options), found[order], rtol=1e-6, atol=1e-8)


@EACH
@given(seed=SEEDS, factor=FACTORS)
def test_a_unit_common_to_all_losses_does_not_matter(case: Case, seed: int, factor: float) -> None:
    method, options = case
    places, values = gradients(4, 6, seed, span=10.0), torch.arange(1.0, 5.0, dtype=torch.float64)
    one, other = (weights(method, c * places, c * values, **options) for c in (1.0, factor))
    assert_close(other, one, rtol=1e-5, atol=1e-7)


@each([case for case in METHODS if case[0] not in SHARES])
@given(seed=SEEDS)
def test_a_gradient_of_zero_leaves_the_direction_to_the_others(case: Case, seed: int) -> None:
    method, options = case
    places = gradients(3, 6, seed)
    with_zero = torch.cat([places, torch.zeros(1, 6, dtype=torch.float64)])
    if method in DRAWS:
        places, with_zero = places[:2], with_zero[[0, 1, 3]]
    ones = torch.ones(len(with_zero), dtype=torch.float64)
    alone = places.T @ weights(method, places, ones[1:], **options)
    beside = with_zero.T @ weights(method, with_zero, ones, **options)
    assert_close(beside / beside.norm(), alone / alone.norm(), rtol=1e-5, atol=1e-7)


@EACH
def test_maps_over_stacked_runs(case: Case) -> None:
    method, options = case
    weighter = fresh(method, 5, **options)
    found = torch.stack([gradients(5, 7, seed, span=10.0) for seed in range(8)])
    grams, values = found @ found.mT, torch.rand(8, 5, dtype=torch.float64)
    states = {name: torch.stack([value] * 8) for name, value in weighter.state().items()}
    for _ in range(2):
        one_by_one = [
            weighter.advance(values[run], grams[run], {name: state[run] for name, state in states.items()})
            for run in range(8)
        ]
        states = torch.func.vmap(weighter.advance)(values, grams, states)
        for run, alone in enumerate(one_by_one):
            for name, value in alone.items():
                assert_close(states[name][run], value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("places", ["features", "parameters"])
def test_gram_matrix_is_the_product_of_explicit_jacobians(places: str) -> None:
    trunk, head = nn.Linear(3, 4).double(), nn.Linear(4, 2).double()
    rows = torch.randn(6, 3, dtype=torch.float64)

    def losses(features: Tensor) -> Tensor:
        return torch.stack([head(features)[:, 0].square().mean(), head(features)[:, 1].abs().sum()])

    if places == "features":
        features = trunk(rows)
        jacobian = torch.autograd.functional.jacobian(losses, features.detach()).flatten(1)
        shared: Any = features
    else:
        features, shared = trunk(rows), trunk

        def of_parameters(*parameters: Tensor) -> Tensor:
            return losses(
                torch.func.functional_call(trunk, dict(zip(["weight", "bias"], parameters, strict=True)), rows)
            )

        parts = torch.autograd.functional.jacobian(of_parameters, (trunk.weight.detach(), trunk.bias.detach()))
        jacobian = torch.cat([part.flatten(1) for part in parts], 1)
    a, b = losses(features)
    assert_close(gram_matrix({"a": a, "b": b}, shared), jacobian @ jacobian.T)
