"""SoftAdapt against its equations, and every defect of other implementations that it must not have."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from companion.weighters.softadapt import SoftAdapt, Variant

VARIANTS: list[Variant] = ["original", "normalized", "loss-weighted", "normalized-loss-weighted"]
SLOPES = ["least-squares", "last", "backward"]


def after(weighter: SoftAdapt, series: Any) -> Tensor:
    """The weights after the losses of `series`, a row per step."""
    for row in series:
        weighter.look(torch.as_tensor(row, dtype=weighter.weights.dtype))
    return weighter.weights


def slope_of(column: np.ndarray, slope: str) -> float:
    """The slope of one loss, oldest value first, from the definitions."""
    n = len(column)
    if n < 2:
        return 0.0
    if slope == "last":
        return column[-1] - column[-2]
    t = np.arange(n)
    degree = 1 if slope == "least-squares" else n - 1
    return float(np.polyval(np.polyder(np.polyfit(t, column, degree)), t[-1]))


def slowly(series: np.ndarray, variant: str, slope: str, beta: float, window: int) -> list[float]:
    """Weights that sum to 1, from the equations of the paper."""
    slopes = [slope_of(series[-window:, k], slope) for k in range(series.shape[1])]
    if "normalized" in variant and any(slopes):
        slopes = [s / sum(abs(other) for other in slopes) for s in slopes]
    raw = [
        math.exp(beta * s) * (loss if "loss" in variant else 1.0) for s, loss in zip(slopes, series[-1], strict=True)
    ]
    return [r / sum(raw) for r in raw]


@pytest.mark.parametrize("beta", [-1.0, 0.1, 2.0])
@pytest.mark.parametrize("window", [2, 5])
@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_equations(variant: Variant, slope: Any, window: int, beta: float) -> None:
    series = np.random.default_rng(0).uniform(0.1, 3.0, size=(7, 3))
    for steps in (1, 2, 3, 7):
        weighter = SoftAdapt(["a", "b", "c"], beta=beta, variant=variant, slope=slope, window=window, sum_to=1).double()
        expected = slowly(series[:steps], variant, slope, beta, window)
        assert after(weighter, series[:steps]).tolist() == pytest.approx(expected, rel=1e-6)


def test_by_hand() -> None:
    # Last differences: 3 - 4 = -1 and 2 - 4 = -2; e^-0.1 / (e^-0.1 + e^-0.2) = 1 / (1 + e^-0.1) = 0.52498
    weighter = SoftAdapt(["a", "b"], slope="last")
    assert after(weighter, [(4, 4), (3, 2)]).tolist() == pytest.approx([1.04996, 0.95004], abs=1e-5)
    # Normalized: -1/3 and -2/3, so 1 / (1 + e^-(0.1 / 3)) = 0.50833
    weighter = SoftAdapt(["a", "b"], slope="last", variant="normalized")
    assert after(weighter, [(4, 4), (3, 2)]).tolist() == pytest.approx([1.01667, 0.98333], abs=1e-5)
    # Loss-weighted: 3 x 0.52498 and 2 x 0.47502 of their sum 2.52498
    weighter = SoftAdapt(["a", "b"], slope="last", variant="loss-weighted")
    assert after(weighter, [(4, 4), (3, 2)]).tolist() == pytest.approx([1.24749, 0.75251], abs=1e-5)


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("window", range(2, 13))
@pytest.mark.parametrize("variant", VARIANTS)
def test_an_exploding_loss_gains_weight_at_once(variant: Variant, window: int, slope: Any) -> None:
    weighter = SoftAdapt(["steady", "exploding"], variant=variant, slope=slope, window=window)
    assert after(weighter, [(1, 1)] * 4 + [(1, 1000)])[1] > 1.0


@pytest.mark.parametrize("slope", ["last", "backward"])
def test_a_loss_that_fell_and_now_rises_gains_weight(slope: Any) -> None:
    weighter = SoftAdapt(["steady", "turning"], slope=slope)
    assert after(weighter, [(1, 4), (1, 1), (1, 0), (1, 1), (1, 4)])[1] > 1.0


@pytest.mark.parametrize("variant", ["normalized", "normalized-loss-weighted"])
def test_normalising_keeps_the_order_when_all_losses_fall(variant: Variant) -> None:
    # A signed sum is -4 here and would turn the slopes -1, -3 into 1/4, 3/4.
    weighter = SoftAdapt(["slow", "fast"], variant=variant, slope="last")
    weights = after(weighter, [(9, 11), (8, 8)])
    assert weights[0] > weights[1]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    "series",
    [
        [(1, 2), (2, 1)],  # slopes that cancel
        [(1, 1)] * 3,  # constant
        [(0, 0)] * 3,  # nothing left to learn
        [(-1, -2), (-2, -4)],  # negative
        [(1e30, 1), (3e30, 2)],
        [(1e-30, 1e-30), (2e-30, 1e-30)],
        [(3e38, 1), (-3e38, 1)],
    ],
)
@pytest.mark.parametrize("beta", [-1.0, 0.1, 1e3])
def test_weights_are_finite_and_sum_to_the_number_of_losses(variant: Variant, series: Any, beta: float) -> None:
    weights = after(SoftAdapt(["a", "b"], beta=beta, variant=variant), series)
    assert (weights >= 0).all()
    assert float(weights.sum()) == pytest.approx(2.0)


def test_negative_beta_favours_the_best_however_steep() -> None:
    # A shift by the largest slope alone gives e^2000 here.
    weighter = SoftAdapt(["flat", "falling"], beta=-1.0, slope="last")
    assert after(weighter, [(1, 2000), (1, 0)]).tolist() == [0.0, 2.0]


def test_tiny_losses_are_weighted_like_large_ones() -> None:
    tiny, large = (SoftAdapt(["a", "b"], beta=0.0, variant="loss-weighted") for _ in range(2))
    assert after(tiny, [(1e-9, 3e-9)]).tolist() == pytest.approx(after(large, [(1.0, 3.0)]).tolist(), rel=1e-5)


def test_losses_that_are_not_positive_have_no_weight_by_their_size() -> None:
    weighter = SoftAdapt(["a", "b"], variant="loss-weighted", slope="last")
    assert after(weighter, [(-1, 2)]).tolist() == [0.0, 2.0]
    assert after(weighter, [(-1, -2)]).tolist() != [0.0, 2.0]  # none is positive: slopes alone, 0 and -4


@given(st.floats(-8, 8))
def test_normalized_slopes_do_not_know_the_unit(exponent: float) -> None:
    series = torch.tensor([[3.0, 2.0], [2.0, 1.9], [1.5, 1.6]])
    plain, scaled = (SoftAdapt(["a", "b"], beta=1.0, variant="normalized-loss-weighted") for _ in range(2))
    assert torch.allclose(after(scaled, series * 10**exponent), after(plain, series), rtol=1e-4)


def test_original_slopes_do() -> None:
    series = torch.tensor([[3.0, 2.0], [2.0, 1.9], [1.5, 1.6]])
    plain, scaled = (SoftAdapt(["a", "b"]) for _ in range(2))
    assert abs(float((after(scaled, series * 100) - after(plain, series))[0])) > 0.5


@pytest.mark.parametrize("beta", [0.5, 10.0])
def test_normalized_weights_differ_by_a_factor_of_e_to_the_beta_at_most(beta: float) -> None:
    weighter = SoftAdapt(["a", "b"], beta=beta, variant="normalized", slope="last")
    weights = after(weighter, [(1, 100), (1, 0)])
    assert float(weights[0] / weights[1]) == pytest.approx(math.exp(beta), rel=1e-5)


def test_least_squares_ranks_noisy_slopes_where_a_difference_cannot() -> None:
    noise = torch.randn(2000, 5, 2, generator=torch.Generator().manual_seed(0))
    series = -torch.arange(5.0).unsqueeze(1) * torch.tensor([1.0, 2.0]) + noise  # true slopes -1 and -2

    def right(slope: Any) -> float:
        weighter = SoftAdapt(["slow", "fast"], slope=slope)
        state = {name: value.expand(len(series), *value.shape) for name, value in weighter.state().items()}
        for values in series.unbind(1):
            state = torch.func.vmap(weighter.advance, in_dims=(0, None, 0))(values, None, state)
        return float((state["weights"][:, 0] > state["weights"][:, 1]).float().mean())

    assert right("least-squares") > 0.97
    assert 0.65 < right("last") < 0.73  # Phi(1 / 2) = 0.69
    assert right("backward") < 0.6


def test_beta_zero_leaves_the_base() -> None:
    weighter = SoftAdapt(["a", "b"], beta=0.0, base={"b": 3.0, "a": 1.0})
    assert after(weighter, [(1, 2), (5, 1)]).tolist() == pytest.approx([0.5, 1.5])


def test_base_does_not_compound() -> None:
    weighter = SoftAdapt(["a", "b"], base=[1.0, 9.0])
    assert after(weighter, [(1, 1)] * 50).tolist() == pytest.approx([0.2, 1.8])


def test_base_holds_before_the_first_step() -> None:
    assert SoftAdapt(["a", "b"], base=[1.0, 3.0]).weights.tolist() == pytest.approx([0.5, 1.5])


def test_floor_is_a_share_of_the_base() -> None:
    weighter = SoftAdapt(["steady", "exploding"], floor=0.1)
    assert after(weighter, [(1, 1), (1, 1e6)]).tolist() == pytest.approx([0.1, 1.9])


def test_smoothing_is_an_exponential_average_of_the_weights() -> None:
    plain, smooth = SoftAdapt(["a", "b"], beta=1.0), SoftAdapt(["a", "b"], beta=1.0, smoothing=0.75)
    expected = torch.ones(2)
    for row in [(3.0, 3.0), (2.0, 2.8), (2.5, 2.0)]:
        expected = 0.75 * expected + 0.25 * after(plain, [row])
        assert torch.allclose(after(smooth, [row]), expected)


def test_warmup_learns_slopes_but_keeps_the_base() -> None:
    cold, warm = SoftAdapt(["a", "b"], beta=1.0), SoftAdapt(["a", "b"], beta=1.0, warmup=2)
    series = [(4.0, 4.0), (3.0, 1.0), (2.5, 0.9)]
    assert after(warm, series[:2]).tolist() == [1.0, 1.0]
    assert torch.equal(after(warm, series[2:]), after(cold, series))


def test_period_is_an_epoch_of_means() -> None:
    by_step, by_epoch = SoftAdapt(["a", "b"], period=2), SoftAdapt(["a", "b"])
    series = torch.tensor([(4.0, 4.0), (2.0, 3.0), (1.0, 3.0), (1.0, 1.0)])
    assert torch.equal(after(by_step, series), after(by_epoch, series.view(2, 2, 2).mean(1)))


@pytest.mark.as_user
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "best"}, "`variant` must be one of 'original', "),
        ({"slope": "forward"}, "`slope` must be one of 'least-squares', "),
        ({"window": 1}, "`window` must be at least 2, got 1"),
        ({"beta": math.inf}, "`beta` must be finite"),
        ({"floor": 1.5}, "`floor` must be between 0"),
        ({"smoothing": 1.0}, "`smoothing` must be at least 0"),
        ({"warmup": -1}, "`warmup` must be at least 0"),
        ({"base": [1.0, math.nan]}, "`base` must be positive and finite, got nan for 'b'"),
        ({"base": [1.0]}, "`base` must hold 2 numbers"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SoftAdapt(["a", "b"], **options)
