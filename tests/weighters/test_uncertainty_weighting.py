"""Uncertainty weighting against its objective under autograd, step by step."""

import math

import pytest
import scipy.optimize
import scipy.special
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from companion.weighters import LogSum, UncertaintyWeighting
from tests.weighters.walk import curves, derivatives, walk

NAMES = ["a", "b", "c"]
FORMS = ["regression", "classification", "regression"]


def by_the_paper(losses: Tensor, s: Tensor, positive: bool) -> Tensor:
    """The objective for the three forms above."""
    penalties = torch.log(1 + s.exp()) if positive else s / 2
    return (torch.tensor([0.5, 1.0, 0.5], dtype=s.dtype) * (-s).exp() * losses + penalties).sum()


def best_for(cost: float, positive: bool) -> float:
    """The s at which `cost` e^-s and the penalty have derivatives that cancel."""
    rise = scipy.special.expit if positive else lambda s: 0.5
    return float(scipy.optimize.brentq(lambda s: rise(s) - cost * math.exp(-s), -20.0, 20.0, xtol=1e-14))


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("first_losses", [False, True])
def test_objective_written_out_and_learned(positive: bool, first_losses: bool) -> None:
    rows = torch.tensor(curves(8, 3), dtype=torch.float64)
    weighter = UncertaintyWeighting(NAMES, form=FORMS, positive=positive, first_losses=first_losses).double()
    costs = rows[0] * torch.tensor([0.5, 1.0, 0.5], dtype=torch.float64)
    start = [best_for(float(cost), positive) for cost in costs] if first_losses else [0.0] * 3
    s = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    ours, plain = torch.optim.SGD(weighter.parameters(), lr=0.1), torch.optim.SGD([s], lr=0.1)
    for row in rows:
        losses, same = row.clone().requires_grad_(), row.clone().requires_grad_()
        total, expected = weighter(list(losses)), by_the_paper(same, s, positive)
        for one, optimizer in ((total, ours), (expected, plain)):
            optimizer.zero_grad()
            one.backward()
            optimizer.step()
        assert_close(total, expected)
        assert_close(losses.grad, same.grad)
        assert_close(weighter.weights, same.grad)
        assert_close(weighter.shift.grad, s.grad)
        assert_close(weighter.log_variances, s)
    assert weighter.shift.abs().min() > 0


def test_by_hand() -> None:
    weighter = UncertaintyWeighting(["a", "b"], form={"b": "classification", "a": "regression"})
    total, slopes = derivatives(weighter, [2.0, 0.5])
    assert_close(total.item(), 1.5)  # 1/2 * 2 + 1/2, and log variances 0 cost nothing
    assert_close(slopes, torch.tensor([0.5, 1.0]))
    with torch.no_grad():
        weighter.shift.copy_(torch.tensor([math.log(2.0), math.log(4.0)]))
    total, slopes = derivatives(weighter, [2.0, 0.5])
    # 1/2 * 1/2 * 2 + 1/4 * 1/2 + (log 2 + log 4) / 2 = 0.625 + 1.0397
    assert_close(total.item(), 1.66472, rtol=1e-5, atol=0)
    assert_close(slopes, torch.tensor([0.25, 0.25]))


def test_derivatives_are_those_of_the_value() -> None:
    weighter = UncertaintyWeighting(["a", "b"], positive=True).double()
    losses = torch.tensor([0.7, 3.0], dtype=torch.float64, requires_grad=True)

    def total(losses: Tensor, shift: Tensor) -> Tensor:
        with torch.no_grad():
            weighter.shift.copy_(shift)
        return torch.func.functional_call(weighter, {"shift": shift}, (list(losses),))

    shift = torch.tensor([0.3, -0.4], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(total, (losses, shift))


def test_fixed_losses_end_at_half_the_weights_of_the_log_sum() -> None:
    weighter, row = UncertaintyWeighting(NAMES), [0.2, 1.0, 5.0]
    optimizer = torch.optim.Adam(weighter.parameters(), lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        weighter([torch.tensor(value) for value in row]).backward()
        optimizer.step()
    expected = walk(LogSum(NAMES), [row])[-1] / 2
    assert_close(walk(weighter, [row])[-1], expected, rtol=1e-3, atol=0)


@pytest.mark.parametrize("factor", [1e-8, 1e8])
def test_started_at_the_first_losses_units_do_not_matter(factor: float) -> None:
    plain, scaled = (UncertaintyWeighting(NAMES, first_losses=True).double() for _ in range(2))
    for weighter, unit in ((plain, 1.0), (scaled, factor)):
        optimizer = torch.optim.Adam(weighter.parameters(), lr=0.01)
        for row in curves(10, 3):
            optimizer.zero_grad()
            weighter([torch.tensor(value * unit, dtype=torch.float64) for value in row]).backward()
            optimizer.step()
    assert_close(scaled.weights * factor, plain.weights)


def test_total_may_be_negative_unless_asked_to_be_positive() -> None:
    for positive in (False, True):
        weighter = UncertaintyWeighting(["a"], positive=positive)
        with torch.no_grad():
            weighter.shift.fill_(-6.0)
        assert (weighter([torch.tensor(1e-3)]) > 0) == positive


def test_weights_of_a_period_stay_while_the_parameters_learn() -> None:
    weighter = UncertaintyWeighting(["a"], period=2)
    optimizer = torch.optim.SGD(weighter.parameters(), lr=1.0)
    slopes = []
    for _ in range(4):
        loss = torch.tensor(3.0, requires_grad=True)
        optimizer.zero_grad()
        weighter([loss]).backward()
        optimizer.step()
        slopes.append(loss.grad.item())
    # s: 0, then -(1/2 - 3/2) = 1, then 1 - (1/2 - e^-1 * 3/2) = 1.05182
    assert_close(slopes[:2], [0.5, 0.5 * math.exp(-1.0)])
    assert slopes[2] == slopes[1]
    assert slopes[3] < slopes[2]


def test_eval_uses_the_last_weights() -> None:
    weighter = UncertaintyWeighting(["a"])
    derivatives(weighter, [1.0])
    with torch.no_grad():
        weighter.shift.fill_(1.0)
    weighter.eval()
    assert_close(weighter([torch.tensor(4.0)]).item(), 0.5 * 4 + 0.5)
    assert weighter.weights.item() == 0.5


def test_reset_forgets_what_was_learned() -> None:
    weighter = UncertaintyWeighting(["a"], first_losses=True)
    derivatives(weighter, [7.0])
    with torch.no_grad():
        weighter.shift.fill_(3.0)
    weighter.reset()
    assert weighter.log_variances.item() == 0.0
    assert weighter.weights.item() == 0.5
    derivatives(weighter, [5.0])
    assert_close(weighter.log_variances, torch.tensor([5.0]).log())


@pytest.mark.parametrize("bad", [0.0, -2.0])
def test_a_first_loss_that_is_not_positive_starts_at_zero(bad: float) -> None:
    weighter = UncertaintyWeighting(["a", "b"], first_losses=True)
    derivatives(weighter, [bad, 4.0])
    assert_close(weighter.log_variances, torch.tensor([0.0, math.log(4.0)]))


def test_a_first_loss_that_is_not_finite_is_passed_over() -> None:
    weighter = UncertaintyWeighting(["a"], first_losses=True)
    derivatives(weighter, [math.inf])
    derivatives(weighter, [4.0])
    assert_close(weighter.log_variances, torch.tensor([math.log(4.0)]))


def test_positive_penalty_is_that_of_the_variance() -> None:
    weighter = UncertaintyWeighting(["a"], positive=True)
    assert_close(weighter([torch.tensor(2.0)]).detach(), 1 + F.softplus(torch.tensor(0.0)))  # log(1 + 1)


@pytest.mark.as_user
def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match=r"`form` must be one of 'regression', 'classification', got 'ranking'"):
        UncertaintyWeighting(NAMES, form="ranking")
    with pytest.raises(ValueError, match=r"`form` must hold one entry for each of"):
        UncertaintyWeighting(NAMES, form={"a": "regression"})
    with pytest.raises(ValueError, match=r"`form` must hold 3 entries, one per loss, got 1"):
        UncertaintyWeighting(NAMES, form=["regression"])
    with pytest.raises(TypeError, match=r"`positive` must be True or False"):
        UncertaintyWeighting(NAMES, positive="yes")


@pytest.mark.as_user
def test_compiled_whole_with_its_start() -> None:
    plain, fast = (UncertaintyWeighting(["a", "b"], first_losses=True) for _ in range(2))
    step = torch.compile(fast, fullgraph=True, backend="aot_eager")
    for row in curves(3, 2):
        expected, found = (one([torch.tensor(v) for v in row]) for one in (plain, step))
        assert_close(found, expected)
        found.backward()
        expected.backward()
        assert_close(fast.shift.grad, plain.shift.grad)
