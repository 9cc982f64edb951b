"""Shares of the pull against gradients written by hand, and against one backward pass per group."""

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from companion.diagnostics import gradient_share


def constant_model(target: Tensor, logit: float) -> tuple[Tensor, Tensor]:
    """Binary cross entropy of a model that says the same of every row: its gradient is p - y."""
    bias = torch.tensor(logit, dtype=torch.float64, requires_grad=True)
    return F.binary_cross_entropy_with_logits(bias.expand(len(target)), target.double(), reduction="none"), bias


def test_the_share_on_a_bias_is_that_of_the_section_on_imbalance() -> None:
    torch.manual_seed(0)
    bias = torch.zeros(1, requires_grad=True)
    logits, target = torch.randn(200) + bias, (torch.arange(200) < 10).float()
    found = gradient_share(F.binary_cross_entropy_with_logits(logits, target, reduction="none"), target.long(), bias)
    pull = (logits.sigmoid() - target).abs().detach().double()
    torch.testing.assert_close(found.pull[1], pull[target == 1].sum() / pull.sum())
    torch.testing.assert_close(found.rows, torch.tensor([0.95, 0.05], dtype=torch.float64))


def test_before_training_the_common_class_owns_the_gradient() -> None:
    target = torch.arange(100) < 10
    loss, bias = constant_model(target, 0.0)  # every row pulls with one half, the rare ones upwards
    found = gradient_share(loss, target, bias)
    assert found.names == (False, True)
    torch.testing.assert_close(found.pull, torch.tensor([0.9, 0.1], dtype=torch.float64))
    torch.testing.assert_close(found.served, torch.tensor([9 / 8, -1 / 8], dtype=torch.float64))


@pytest.mark.parametrize("rare", [1, 10, 40])
def test_at_the_minimum_two_groups_own_half_each(rare: int) -> None:
    target = torch.arange(100) < rare
    loss, bias = constant_model(target, float(torch.logit(torch.tensor(rare / 100, dtype=torch.float64))))
    found = gradient_share(loss, target, bias)
    torch.testing.assert_close(found.pull, torch.tensor([0.5, 0.5], dtype=torch.float64))
    assert found.served.isnan().all()  # the pulls cancel


def test_shares_equal_one_backward_pass_per_group() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    x, y = torch.randn(60, 4), torch.randint(3, (60,))
    loss = F.cross_entropy(model(x), y, reduction="none")
    found = gradient_share(loss, y, model)
    pulls = []
    for k in range(3):
        grads = torch.autograd.grad(F.cross_entropy(model(x[y == k]), y[y == k], reduction="sum"), model.parameters())
        pulls.append(torch.cat([g.flatten() for g in grads]).double())
    total = sum(pulls)
    sizes = torch.stack([p.norm() for p in pulls])
    torch.testing.assert_close(found.pull, sizes / sizes.sum(), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(
        found.served, torch.stack([p @ total for p in pulls]) / (total @ total), rtol=1e-5, atol=1e-6
    )
    torch.testing.assert_close(found.served.sum(), torch.tensor(1.0, dtype=torch.float64))


def test_served_is_the_share_in_what_a_small_step_gains() -> None:
    weight = torch.randn(5, dtype=torch.float64, requires_grad=True)
    x, y = torch.randn(40, 5, dtype=torch.float64), torch.randn(40, dtype=torch.float64)
    group = torch.arange(40) % 3

    def rows(w: Tensor) -> Tensor:
        return (x @ w - y).square()

    found = gradient_share(rows(weight), group, weight)
    (slope,) = torch.autograd.grad(rows(weight).sum(), weight)
    fall = (rows(weight) - rows(weight - 1e-7 * slope)).detach()
    fallen = torch.zeros(3, dtype=torch.float64).index_add(0, group, fall)
    torch.testing.assert_close(found.served, fallen / fallen.sum(), rtol=1e-4, atol=1e-5)


def test_names_may_be_words_and_weights_count() -> None:
    weight = torch.ones(2, requires_grad=True)
    loss = torch.tensor([1.0, 1.0, 6.0]) * weight[torch.tensor([0, 0, 1])]
    found = gradient_share(loss, ["web", "web", "shop"], weight)
    assert found.names == ("shop", "web")
    torch.testing.assert_close(found.pull, torch.tensor([0.75, 0.25], dtype=torch.float64))
    torch.testing.assert_close(found.loss, torch.tensor([0.75, 0.25], dtype=torch.float64))
    torch.testing.assert_close(found.served, torch.tensor([0.9, 0.1], dtype=torch.float64))
    table = found.table()
    assert list(table.columns) == ["rows", "loss", "pull", "served"]
    np.testing.assert_allclose(table.loc["shop"], [1 / 3, 0.75, 0.75, 0.9])


@pytest.mark.as_user
def test_groups_may_be_a_column_or_an_array() -> None:
    weight = torch.ones(3, requires_grad=True)
    for groups in (pd.Series(["b", "a", "b"]), np.array(["b", "a", "b"])):
        found = gradient_share(2 * weight, groups, weight)
        assert found.names == ("a", "b")
        torch.testing.assert_close(found.rows, torch.tensor([1 / 3, 2 / 3], dtype=torch.float64))


def test_tiny_gradients_are_not_lost() -> None:
    weight = torch.ones(2, requires_grad=True)
    found = gradient_share(1e-30 * torch.tensor([1.0, 3.0]) * weight, torch.tensor([0, 1]), weight)
    torch.testing.assert_close(found.pull, torch.tensor([0.25, 0.75], dtype=torch.float64))


def test_nothing_is_changed_and_backward_still_works() -> None:
    model = nn.Linear(3, 1)
    model.weight.grad = before = torch.full((1, 3), 7.0)
    loss = model(torch.randn(6, 3)).squeeze(1).square()
    gradient_share(loss, torch.arange(6) % 2, model)
    assert model.weight.grad is before
    assert (before == 7).all()
    assert model.bias.grad is None
    loss.mean().backward()
    assert model.bias.grad is not None


WEIGHT = torch.ones(3, requires_grad=True)


@pytest.mark.parametrize(
    ("loss", "groups", "parameters", "error", "says"),
    [
        (WEIGHT.sum(), [0], WEIGHT, ValueError, 'reduction="none"'),
        (WEIGHT * torch.ones(2, 3), [0, 1], WEIGHT, ValueError, "flatten"),
        (WEIGHT.detach(), [0, 1, 2], WEIGHT, ValueError, "`loss` must have a graph"),
        (torch.ones(3, dtype=torch.long), [0, 1, 2], WEIGHT, TypeError, "`loss` must be a floating point"),
        (2 * WEIGHT, ["a", 1, 2], WEIGHT, TypeError, "all integers or all names, got int and str"),
        (2 * WEIGHT, ["a", None, "b"], WEIGHT, ValueError, "got None or NaN"),
        (2 * WEIGHT, torch.tensor([0.0, torch.nan, torch.nan]), WEIGHT, ValueError, "got None or NaN"),
        (2 * WEIGHT, [0, 1], WEIGHT, ValueError, r"`groups` must have shape \(3,\)"),
        (2 * WEIGHT, torch.zeros(3, 1), WEIGHT, ValueError, r"got \(3, 1\)"),
        (2 * WEIGHT, torch.tensor(0), WEIGHT, ValueError, r"got \(\)"),
        (2 * WEIGHT, [0, 1, 2], torch.ones(2, requires_grad=True), ValueError, "`loss` must depend on `parameters`"),
        (2 * WEIGHT, [0, 1, 2], torch.ones(2), ValueError, "`parameters` must hold a tensor that requires"),
        (2 * WEIGHT, [0, 1, 2], [], ValueError, "already used up"),
        (2 * WEIGHT, [0, 1, 2], {"w": WEIGHT}, TypeError, "got str among them"),
    ],
)
@pytest.mark.as_user
def test_errors_name_the_argument(loss, groups, parameters, error, says) -> None:
    with pytest.raises(error, match=says):
        gradient_share(loss, groups, parameters)
