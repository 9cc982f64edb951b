"""ReLoBRaLo against its equation in plain Python, its draws, and odd losses."""

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch.testing import assert_close

from companion.weighters import ReLoBRaLo
from companion.weighters._draws import uniforms
from tests.weighters.walk import Rows, curves, derivatives, walk

NAMES = ["a", "b", "c"]


def balanced(now: list[float], reference: list[float], temperature: float) -> list[float]:
    raised = [math.exp(a / (temperature * b)) for a, b in zip(now, reference, strict=True)]
    return [len(raised) * one / sum(raised) for one in raised]


def by_the_paper(rows: Rows, draws: list[int], alpha: float, temperature: float) -> list[list[float]]:
    weights, found = [1.0] * len(rows[0]), []
    for t, row in enumerate(rows):
        since_first = balanced(row, rows[0], temperature)
        since_last = balanced(row, rows[max(t - 1, 0)], temperature)
        rho = draws[t]
        weights = [
            alpha * (rho * weights[k] + (1 - rho) * since_first[k]) + (1 - alpha) * since_last[k]
            for k in range(len(row))
        ]
        found.append(weights)
    return found


def drawn(seed: int, rho: float, steps: int) -> list[int]:
    found = [uniforms(torch.tensor(seed), torch.tensor(step), 1).item() < rho for step in range(steps)]
    return [int(one) for one in found]


@pytest.mark.parametrize(("alpha", "rho", "temperature"), [(0.95, 1.0, 1.0), (0.5, 0.0, 0.3), (0.9, 0.5, 2.0)])
def test_equation_written_out(alpha: float, rho: float, temperature: float) -> None:
    rows, draws = curves(12, 3), drawn(3, rho, 12)
    assert rho != 0.5 or 0 < sum(draws) < 12
    weighter = ReLoBRaLo(NAMES, alpha=alpha, rho=rho, temperature=temperature, seed=3).double()
    expected = torch.tensor(by_the_paper(rows, draws, alpha, temperature), dtype=torch.float64)
    assert_close(walk(weighter, rows), expected)


def test_by_hand() -> None:
    found = walk(ReLoBRaLo(["a", "b"], alpha=0.5, rho=0.0), [(4.0, 4.0), (4.0, 2.0), (4.0, 2.0)])
    assert_close(found[0], torch.ones(2))
    # Since the first and since the last, 1 and 1/2: 2 e / (e + sqrt e) = 1.24492.
    assert_close(found[1], torch.tensor([1.24492, 0.75508]), rtol=1e-5, atol=1e-5)
    # Since the first 1.24492, since the last 1 and 1: (1.24492 + 1) / 2 = 1.12246.
    assert_close(found[2], torch.tensor([1.12246, 0.87754]), rtol=1e-5, atol=1e-5)


def test_weights_sum_to_their_number_and_are_the_derivatives() -> None:
    weighter = ReLoBRaLo(NAMES, rho=0.5)
    for row in curves(6, 3):
        _, slopes = derivatives(weighter, row)
        assert_close(slopes, weighter.weights)
        assert_close(slopes.sum(), torch.tensor(3.0))


def test_another_total_only_scales() -> None:
    rows = curves(6, 3)
    assert_close(walk(ReLoBRaLo(NAMES, rho=0.5, sum_to=1.0), rows) * 3, walk(ReLoBRaLo(NAMES, rho=0.5), rows))


def test_follows_a_permutation_since_one_draw_serves_all_losses() -> None:
    rows, order = torch.tensor(curves(6, 3)), [2, 0, 1]
    found = walk(ReLoBRaLo(NAMES, rho=0.5), rows[:, order].tolist())
    assert_close(found, walk(ReLoBRaLo(NAMES, rho=0.5), rows.tolist())[:, order])


@given(st.lists(st.floats(-8.0, 8.0), min_size=3, max_size=3))
def test_units_do_not_matter(powers: list[float]) -> None:
    rows = torch.tensor(curves(5, 3), dtype=torch.float64)
    scaled = rows * 10.0 ** torch.tensor(powers, dtype=torch.float64)
    plain, other = ReLoBRaLo(NAMES, rho=0.5).double(), ReLoBRaLo(NAMES, rho=0.5).double()
    assert_close(walk(other, scaled.tolist()), walk(plain, rows.tolist()))


def test_looks_back_as_often_as_rho_says() -> None:
    # 4000 draws at 0.9: 3600 expected, standard deviation sqrt(4000 * 0.9 * 0.1) = 19.
    assert abs(sum(drawn(0, 0.9, 4000)) - 3600) < 4 * 19


def test_another_seed_is_another_run() -> None:
    rows = curves(30, 3)
    first, second = (walk(ReLoBRaLo(NAMES, rho=0.5, seed=seed), rows) for seed in (1, 2))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("row", [(0.0, 0.0), (-1.0, 2.0), (1e-30, 1e30), (1e38, 1e-38)])
def test_odd_losses_leave_the_weights_finite(row: tuple[float, float]) -> None:
    found = walk(ReLoBRaLo(["a", "b"], rho=0.5, temperature=1e-3), [(1.0, 1.0), row, (1.0, 1.0), row])
    assert torch.isfinite(found).all()
    assert (found >= 0).all()
    assert_close(found.sum(1), torch.full((4,), 2.0))


@pytest.mark.as_user
def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match=r"`alpha` must be at least 0\.0 and below 1\.0, got 1"):
        ReLoBRaLo(NAMES, alpha=1.0)
    with pytest.raises(ValueError, match=r"`rho` must be between 0\.0 and 1\.0, got 2"):
        ReLoBRaLo(NAMES, rho=2.0)
    with pytest.raises(TypeError, match=r"`seed` must be an int"):
        ReLoBRaLo(NAMES, seed=0.5)
