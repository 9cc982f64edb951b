"""FAMO against softmax under autograd and torch's Adam, with and without a second look at a batch."""

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch import Tensor
from torch.testing import assert_close

from companion.weighters import FAMO, LogSum
from tests.weighters.walk import curves, derivatives, walk

NAMES = ["a", "b", "c"]


class Plain:
    """The method as its authors describe it, with autograd and an optimiser."""

    def __init__(self, gamma: float, lower: Tensor) -> None:
        self.logits = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        self.optimizer = torch.optim.Adam([self.logits], lr=0.025, weight_decay=gamma)
        self.lower = lower

    def weights(self, losses: Tensor) -> Tensor:
        z = self.logits.detach().softmax(0)
        losses = losses.clone().requires_grad_()
        c = 1 / (z / (losses.detach() - self.lower)).sum()
        (found,) = torch.autograd.grad(c * (z * (losses - self.lower).log()).sum(), losses)
        return 3 * found

    def update(self, before: Tensor, after: Tensor) -> None:
        fallen = (before - self.lower).log() - (after - self.lower).log()
        self.optimizer.zero_grad()
        self.logits.softmax(0).backward(fallen)
        self.optimizer.step()


@pytest.mark.parametrize("gamma", [0.0, 0.001, 0.5])
@pytest.mark.parametrize("observed", [False, True])
def test_follows_autograd_and_adam(gamma: float, observed: bool) -> None:
    lower = torch.tensor([0.0, -1.0, 0.1], dtype=torch.float64)
    rows = torch.tensor(curves(12, 3), dtype=torch.float64)
    weighter = FAMO(NAMES, gamma=gamma, lower=lower.tolist()).double()
    weighter.lower.copy_(lower)  # in all digits, which float32 has lost
    plain = Plain(gamma, lower)
    for t, row in enumerate(rows):
        if t > 0 and not observed:
            plain.update(rows[t - 1], row)
        assert_close(walk(weighter, [row.tolist()])[0], plain.weights(row))
        if observed:
            plain.update(row, 0.9 * row + 0.05)
            weighter.observe(list(0.9 * row + 0.05))
        assert_close(weighter.logits, plain.logits.detach(), rtol=1e-9, atol=1e-9)
    assert weighter.logits.abs().min() > 1e-3


def test_by_hand() -> None:
    weighter = FAMO(["a", "b"], gamma=0.0)
    # z = 1/2 each: 1/2 and 1/8 before scaling, to 2 * 4/5 and 2 * 1/5
    assert_close(walk(weighter, [(1.0, 4.0)])[0], torch.tensor([1.6, 0.4]))
    # a fell, b did not: gradient > 0 for a, and the first step of Adam has length 0.025
    walk(weighter, [(0.5, 4.0)])
    assert_close(weighter.logits, torch.tensor([-0.025, 0.025]), rtol=1e-5, atol=1e-6)
    # e^-0.025 / 0.5 = 1.95062 and e^0.025 / 4 = 0.25633: shares 0.88386 and 0.11614
    assert_close(weighter.weights, torch.tensor([1.76772, 0.23228]), rtol=1e-4, atol=1e-5)


def test_starts_in_the_direction_of_the_log_sum() -> None:
    row = [[0.3, 5.0, 100.0]]
    assert_close(walk(FAMO(NAMES), row), walk(LogSum(NAMES, sum_to="tasks"), row))


def test_logged_weights_are_the_derivatives_and_sum_to_their_number() -> None:
    weighter = FAMO(NAMES)
    for row in curves(4, 3):
        total, slopes = derivatives(weighter, row)
        assert_close(slopes, weighter.weights)
        assert_close(slopes.sum(), torch.tensor(3.0))
        assert_close(total, (slopes * torch.tensor(row)).sum())


def test_follows_a_permutation() -> None:
    rows, order = torch.tensor(curves(6, 3)), [2, 0, 1]
    assert_close(walk(FAMO(NAMES), rows[:, order].tolist()), walk(FAMO(NAMES), rows.tolist())[:, order])


@given(st.lists(st.floats(-8.0, 8.0), min_size=3, max_size=3))
def test_units_do_not_matter(powers: list[float]) -> None:
    units = 10.0 ** torch.tensor(powers, dtype=torch.float64)
    rows = torch.tensor(curves(5, 3), dtype=torch.float64)
    plain, scaled = (FAMO(NAMES, sum_to=None).double() for _ in range(2))
    raw, other = walk(plain, rows.tolist()), walk(scaled, (rows * units).tolist()) * units
    assert_close(other / other.sum(1, keepdim=True), raw / raw.sum(1, keepdim=True))
    assert_close(scaled.logits, plain.logits)


def test_an_observed_batch_is_not_compared_again() -> None:
    weighter = FAMO(["a", "b"])
    walk(weighter, [(1.0, 1.0)])
    weighter.observe([torch.tensor(0.5), torch.tensor(1.0)])
    once = weighter.logits.clone()
    weighter.observe([torch.tensor(0.1), torch.tensor(1.0)])
    walk(weighter, [(9.0, 1.0)])
    assert torch.equal(weighter.logits, once)
    walk(weighter, [(1.0, 1.0)])
    assert not torch.equal(weighter.logits, once)


def test_observed_trouble_is_passed_over_and_eval_sees_nothing() -> None:
    weighter = FAMO(["a", "b"])
    walk(weighter, [(1.0, 1.0)])
    before = {name: value.clone() for name, value in weighter.state_dict().items() if isinstance(value, Tensor)}
    weighter.observe([torch.tensor(math.nan), torch.tensor(1.0)])
    weighter.observe([torch.tensor(-1.0), torch.tensor(1.0)])
    weighter.eval()
    weighter.observe([torch.tensor(0.5), torch.tensor(1.0)])
    assert all(torch.equal(weighter.state_dict()[name], value) for name, value in before.items())


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_a_loss_at_or_below_its_bound_changes_nothing(bad: float) -> None:
    weighter = FAMO(["a", "b"])
    walk(weighter, [(1.0, 4.0), (0.5, 4.0)])
    weights, logits = weighter.weights.clone(), weighter.logits.clone()
    derivatives(weighter, [bad, 1.0])
    assert torch.equal(weighter.weights, weights)
    assert torch.equal(weighter.logits, logits)


def test_resumes_bit_by_bit_between_a_step_and_its_observation() -> None:
    rows = torch.tensor(curves(6, 3))
    weighter, again = FAMO(NAMES), FAMO(NAMES)
    for row in rows[:4]:
        walk(weighter, [row.tolist()])
        weighter.observe(list(row * 0.9))
    walk(weighter, rows[4:5].tolist())
    again.load_state_dict(weighter.state_dict(), strict=True)
    for one in (weighter, again):
        one.observe(list(rows[4] * 0.8))
        walk(one, rows[5:].tolist())
    assert torch.equal(weighter.weights, again.weights)
    assert torch.equal(weighter.logits, again.logits)


@pytest.mark.as_user
def test_errors_name_the_cure() -> None:
    with pytest.raises(ValueError, match="`observe` needs `period=1`, got 2"):
        FAMO(NAMES, period=2).observe([torch.tensor(1.0)] * 3)
    with pytest.raises(KeyError, match="missing: \\['c'\\]"):
        FAMO(NAMES).observe({"a": torch.tensor(1.0), "b": torch.tensor(1.0)})
    with pytest.raises(ValueError, match=r"`lower` must be finite, got -inf for 'a'"):
        FAMO(NAMES, lower=[-math.inf, 0.0, 0.0])
    with pytest.raises(ValueError, match=r"`learning_rate` must be above 0\.0"):
        FAMO(NAMES, learning_rate=0.0)
