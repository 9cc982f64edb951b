"""SmoothTchebycheff: its value and derivatives, its limits, its units."""

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch.testing import assert_close

from companion.weighters import SmoothTchebycheff
from tests.weighters.walk import curves, derivatives, walk

NAMES = ["a", "b", "c"]


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("mu", [0.05, 1.0])
def test_equation_written_out(mu: float, normalize: bool) -> None:
    rows = [[value / 100 for value in row] for row in curves(5, 3)]
    preference, ideal = [0.5, 0.3, 0.2], [-0.1, 0.0, 0.2]
    weighter = SmoothTchebycheff(NAMES, mu=mu, preference=preference, ideal=ideal, normalize=normalize).double()
    for option, value in (("preference", preference), ("ideal", ideal)):  # in all digits, which float32 has lost
        getattr(weighter, option).copy_(torch.tensor(value, dtype=torch.float64))
    for row in rows:
        scales = [abs(rows[0][k] - ideal[k]) if normalize else 1.0 for k in range(3)]
        raised = [math.exp(preference[k] * (row[k] - ideal[k]) / scales[k] / mu) for k in range(3)]
        expected = [preference[k] / scales[k] * raised[k] / sum(raised) for k in range(3)]
        total, slopes = derivatives(weighter, row)
        assert_close(total.item(), mu * math.log(sum(raised)))
        assert_close(slopes, torch.tensor(expected, dtype=torch.float64))
        assert_close(weighter.weights, slopes)


def test_by_hand() -> None:
    total, slopes = derivatives(SmoothTchebycheff(["a", "b"]), [3.0, 1.0])
    # u = 3/2 and 1/2: log(e^1.5 + e^0.5) = log(4.48169 + 1.64872) = 1.81326; shares 0.73106 and 0.26894, halved
    assert_close(total.item(), 1.81326, rtol=1e-5, atol=0)
    assert_close(slopes, torch.tensor([0.36553, 0.13447]), rtol=1e-4, atol=0)


def test_lies_between_the_maximum_and_a_little_more() -> None:
    for mu in (1.0, 0.1, 0.01):
        total, slopes = derivatives(SmoothTchebycheff(NAMES, mu=mu, preference=[1, 1, 1]), [3.0, 1.0, 2.0])
        assert 1.0 <= total.item() <= 1.0 + mu * math.log(3) + 1e-6
    assert_close(slopes, torch.tensor([1 / 3, 0.0, 0.0]))


def test_reaches_a_point_of_a_concave_front_that_no_weighted_sum_reaches() -> None:
    # On the front L2 = sqrt(1 - L1^2) every weighted sum is least at an end.
    angle = torch.linspace(0, math.pi / 2, 1001, dtype=torch.float64)
    front = torch.stack([angle.cos(), angle.sin()], dim=1)
    weighter = SmoothTchebycheff(["a", "b"], mu=0.01).double().eval()
    best = torch.stack([weighter(list(point)) for point in front]).argmin()
    assert_close(angle[best].item(), math.pi / 4, rtol=0, atol=2e-3)
    for share in torch.linspace(0.05, 0.95, 19, dtype=torch.float64):
        assert (share * front[:, 0] + (1 - share) * front[:, 1]).argmin() in (0, 1000)


def test_follows_a_permutation() -> None:
    rows, order = torch.tensor(curves(4, 3)), [2, 0, 1]
    plain, other = (SmoothTchebycheff(NAMES, normalize=True) for _ in range(2))
    assert_close(walk(other, rows[:, order].tolist()), walk(plain, rows.tolist())[:, order])


@given(st.lists(st.floats(-8.0, 8.0), min_size=3, max_size=3))
def test_normalized_units_do_not_matter(powers: list[float]) -> None:
    units = 10.0 ** torch.tensor(powers, dtype=torch.float64)
    rows = torch.tensor(curves(4, 3), dtype=torch.float64)
    plain, scaled = (SmoothTchebycheff(NAMES, normalize=True).double() for _ in range(2))
    assert_close(walk(scaled, (rows * units).tolist()) * units, walk(plain, rows.tolist()))


def test_normalized_first_distance_may_be_zero_or_negative() -> None:
    weighter = SmoothTchebycheff(["a", "b"], normalize=True)
    walk(weighter, [(0.0, -4.0), (2.0, 1.0), (5.0, 5.0)])
    assert_close(weighter.scale, torch.tensor([2.0, 4.0]))


@pytest.mark.as_user
def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match=r"`mu` must be above 0\.0, got 0"):
        SmoothTchebycheff(NAMES, mu=0.0)
    with pytest.raises(ValueError, match=r"`preference` must be positive and finite, got -1\.0 for 'b'"):
        SmoothTchebycheff(NAMES, preference=[1.0, -1.0, 1.0])
    with pytest.raises(ValueError, match=r"`ideal` must hold one number for each of"):
        SmoothTchebycheff(NAMES, ideal={"a": 0.0})
