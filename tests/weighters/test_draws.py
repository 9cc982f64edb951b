"""Draws: as random as they should be, and always the same for a seed and a step."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from companion.weighters._draws import normals, permutations, uniforms

STEPS = torch.arange(20_000)


def series(seed: int, places: int = 4) -> np.ndarray:
    """Uniforms of many steps, (steps, places)."""
    return torch.func.vmap(lambda step: uniforms(torch.tensor(seed), step, places))(STEPS).numpy()


def chi_square(*columns: np.ndarray, bins: int = 8) -> float:
    """The p-value of the joint counts against independent uniforms."""
    counts, _ = np.histogramdd(np.stack(columns, axis=1), bins=bins, range=[(0, 1)] * len(columns))
    return stats.chisquare(counts.ravel()).pvalue


@pytest.mark.parametrize("seed", [0, 1, 2, 1 << 40, -1])
def test_every_place_is_uniform(seed: int) -> None:
    for column in series(seed).T:
        assert chi_square(column, bins=100) > 1e-4
        assert stats.kstest(column, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("seed", [0, 1, 1 << 40])
def test_neighbouring_places_steps_and_seeds_are_independent(seed: int) -> None:
    here, there = series(seed), series(seed + 1)
    for i in range(4):
        assert chi_square(here[:, i], here[:, i - 1]) > 1e-4
        assert chi_square(here[1:, i], here[:-1, i]) > 1e-4
        assert chi_square(here[1:, i], here[:-1, i - 1]) > 1e-4
        assert chi_square(here[:, i], there[:, i]) > 1e-4
        assert chi_square(here[1:, i], there[:-1, i]) > 1e-4


def test_low_and_high_bits_of_neighbouring_steps_are_independent() -> None:
    fine = (series(3)[:, 0] * 4096) % 1
    assert chi_square(fine[1:], fine[:-1]) > 1e-4
    assert chi_square(fine[1:], series(3)[:-1, 0]) > 1e-4


def test_no_seed_begins_as_another_does() -> None:
    found = torch.func.vmap(lambda seed: uniforms(seed, torch.tensor(0), 2))(torch.arange(1000)).numpy()
    assert len(np.unique(found, axis=0)) == len(found)
    assert chi_square(*found.T, bins=4) > 1e-4


def test_no_step_draws_what_another_drew() -> None:
    found = series(0)
    assert len(np.unique(found, axis=0)) == len(found)


def test_uniforms_are_never_0_or_1() -> None:
    # The smallest and the largest word, in the formula of `uniforms`.
    ends = ((torch.tensor([0, 0xFFFFFFFF]) >> 9).to(torch.float32) + 0.5) * 2.0**-23
    assert ends.tolist() == [2.0**-24, 1 - 2.0**-24]


def test_uniforms_are_the_same_in_float64() -> None:
    single, double = (uniforms(torch.tensor(0), torch.tensor(0), 999, dtype=d) for d in (torch.float32, torch.float64))
    assert double.dtype == torch.float64
    assert torch.equal(single.double(), double)


def test_normals_are_standard_and_finite() -> None:
    found = normals(torch.tensor(5), torch.tensor(9), 100_000)
    assert stats.kstest(found.numpy(), "norm").pvalue > 1e-4
    assert math.isclose(found.var().item(), 1.0, abs_tol=0.02)


def test_all_orders_are_as_likely() -> None:
    orders = torch.func.vmap(lambda step: permutations(torch.tensor(0), step, 2, 3))(STEPS)
    codes = (orders * torch.tensor([9, 3, 1])).sum(-1)
    _, first = codes[:, 0].unique(return_counts=True)
    assert len(first) == 6
    assert stats.chisquare(first).pvalue > 1e-4
    pairs = stats.contingency.crosstab(codes[:, 0].numpy(), codes[:, 1].numpy()).count
    assert stats.chi2_contingency(pairs).pvalue > 1e-4


def test_same_for_a_seed_and_a_step_and_other_for_another() -> None:
    def draw(seed: int, step: int) -> Tensor:
        return uniforms(torch.tensor(seed), torch.tensor(step), 3)

    assert torch.equal(draw(1, 2), draw(1, 2))
    assert not torch.equal(draw(1, 2), draw(2, 1))
    assert not torch.equal(draw(1, 2), draw(1 + (1 << 32), 2))


def test_a_run_saved_today_resumes_alike_in_another_version() -> None:
    # Recorded; the words were computed in plain Python too.
    seed, step = torch.tensor(7), torch.tensor(0)
    assert uniforms(seed, step, 3).mul(2**24).tolist() == [5066643, 2611329, 6830007]
    assert permutations(seed, step, 5).tolist() == [1, 0, 2, 4, 3]


@pytest.mark.as_user
def test_compiled_draws_are_the_same() -> None:
    def draw(seed: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
        return uniforms(seed, step, 2, 3), permutations(seed, step, 2, 3)

    compiled = torch.compile(draw, fullgraph=True, backend="aot_eager")
    for step in range(3):
        found, expected = compiled(torch.tensor(1), torch.tensor(step)), draw(torch.tensor(1), torch.tensor(step))
        assert torch.equal(found[0], expected[0])
        assert torch.equal(found[1], expected[1])
