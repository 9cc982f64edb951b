"""RandomWeighting: the distribution of its weights, and that nothing else moves them."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from companion.weighters import RandomWeighting
from companion.weighters._draws import normals
from tests.weighters.walk import curves, derivatives, walk

NAMES = ["a", "b", "c"]


def test_weights_are_the_softmax_of_normal_draws() -> None:
    found = walk(RandomWeighting(NAMES, seed=4), curves(5, 3))
    drawn = torch.stack([normals(torch.tensor(4), torch.tensor(step), 3) for step in range(5)]).exp()
    assert_close(found, 3 * drawn / drawn.sum(1, keepdim=True))
    assert_close(found.sum(1), torch.full((5,), 3.0))


def test_logarithms_of_ratios_are_normal_with_variance_two_in_every_place() -> None:
    found = walk(RandomWeighting(NAMES, history=0), [[1.0] * 3] * 3000).log().numpy()
    for i, j in [(0, 1), (1, 2), (2, 0)]:
        assert stats.kstest(found[:, i] - found[:, j], "norm", args=(0, np.sqrt(2))).pvalue > 1e-3


def test_losses_count_alike_on_average() -> None:
    means = walk(RandomWeighting(NAMES, history=0), [[1.0] * 3] * 3000).mean(0)
    assert_close(means, torch.ones(3), rtol=0, atol=0.05)


def test_the_losses_do_not_matter_unless_they_are_not_finite() -> None:
    plain, other = RandomWeighting(NAMES), RandomWeighting(NAMES)
    assert torch.equal(walk(plain, [[1.0] * 3] * 3), walk(other, [[-5.0, 0.0, 1e9]] * 3))
    before = other.weights.clone()
    walk(other, [[float("nan"), 0.0, 0.0]])
    assert torch.equal(other.weights, before)


def test_logged_weights_are_the_derivatives() -> None:
    weighter = RandomWeighting(NAMES)
    _, slopes = derivatives(weighter, [1.0, 2.0, 3.0])
    assert_close(slopes, weighter.weights)


def test_a_period_keeps_its_draw() -> None:
    found = walk(RandomWeighting(["a", "b"], period=2), [[1.0, 1.0]] * 6)
    assert torch.equal(found[1], found[2])
    assert torch.equal(found[3], found[4])
    assert not torch.equal(found[2], found[3])


def test_runs_stacked_over_seeds_draw_what_single_runs_draw() -> None:
    runs = [RandomWeighting(NAMES, seed=seed) for seed in range(3)]
    stacked = {name: torch.stack([run.state()[name] for run in runs]) for name in runs[0].state()}
    values = torch.ones(3, 3)
    for _ in range(2):
        stacked = torch.func.vmap(lambda value, state: runs[0].advance(value, None, state))(values, stacked)
        for run in runs:
            run.look(values[0])
        assert_close(stacked["weights"], torch.stack([run.weights for run in runs]))


@pytest.mark.as_user
def test_seed_is_an_int() -> None:
    with pytest.raises(TypeError, match=r"`seed` must be an int, got float"):
        RandomWeighting(NAMES, seed=0.5)
