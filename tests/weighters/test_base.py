"""What the base guards though a method forgets it, on the smallest methods; and methods that break its rules."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from companion.weighters._base import State, Weighter
from tests.weighters import test_contract_dtypes as dtypes
from tests.weighters import test_contract_interface as interface
from tests.weighters import test_contract_state as state
from tests.weighters import test_contract_transforms as transforms
from tests.weighters import test_contract_trouble as trouble
from tests.weighters.registry import WeighterInfo
from tests.weighters.samples import NAMES, snapshot


class Largest(Weighter):
    """A healthy one: all weight to the largest loss so far, which it remembers."""

    peak: Tensor

    def __init__(self, names: Any, **options: Any) -> None:
        super().__init__(names, **options)
        self._remember(peak=torch.full((len(self.names),), -torch.inf))

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        peak = torch.maximum(state["peak"], values)
        return (5 * peak / peak.abs().amax()).softmax(0), {"peak": peak}


class InPlace(Largest):
    """Writes into its state, where the guard cannot undo it."""

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        state["peak"].copy_(torch.maximum(state["peak"], values))
        return (5 * state["peak"] / state["peak"].abs().amax()).softmax(0), {}


class OnTheHost(Largest):
    """Reads a number on the host."""

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        return values / values.sum().item(), {}


class Branching(Largest):
    """Asks a tensor which way to go."""

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        return (values if values.sum() > 0 else -values), {}


class Unsaved(Largest):
    """Keeps its state outside the buffers."""

    before: Tensor | None = None

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        before, self.before = self.before, values
        return (values if before is None else values / before).softmax(0), {}


class WithGraph(Largest):
    """Combines the losses with weights that depend on them."""

    def _combine(self, losses: Tensor, weights: Tensor) -> Tensor:
        return (losses.softmax(0) * losses).sum()


class ByPlace(Largest):
    """Prefers the first loss."""

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        return values * torch.arange(len(values), 0, -1, device=values.device), {}


class Rounding(Largest):
    """Computes in float32 whatever comes in."""

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        return values.float().softmax(0).to(values.dtype), {}


class OnTheCpu(Largest):
    """Makes a tensor where the losses are not."""

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        return values * torch.tensor([1.0, 2.0, 3.0]), {}


class Unscaled(Largest):
    """Does not let the base scale its weights."""

    def _scaled(self, weights: Tensor) -> Tensor:
        return weights


CAUGHT = [
    (InPlace, trouble.test_a_loss_that_is_not_finite_is_seen_and_not_remembered, {"period": 1}),
    (OnTheHost, dtypes.test_nothing_waits_for_the_gpu, {}),
    (Branching, dtypes.test_nothing_waits_for_the_gpu, {}),
    (Branching, transforms.test_many_runs_at_once, {}),
    (Unsaved, state.test_resumes_bit_by_bit_at_every_step, {}),
    (Unsaved, state.test_reset_forgets_everything, {"period": 1}),
    (WithGraph, interface.test_the_logged_weight_is_the_derivative_of_the_returned_loss, {}),
    (ByPlace, interface.test_the_order_of_the_names_does_not_matter, {}),
    (Rounding, dtypes.test_double_stays_double, {}),
    (OnTheCpu, dtypes.test_every_tensor_stays_on_the_device, {}),
    (Unscaled, interface.test_weights_sum_as_asked, {"sum_to": 5.0}),
]


def call(test: Any, weighter: type[Weighter], given: dict[str, Any]) -> None:
    wanted = test.__code__.co_varnames[: test.__code__.co_argcount]
    test(**{"info": WeighterInfo(weighter)} | ({"options": {}} if "options" in wanted else {}) | given)


@pytest.mark.parametrize(("weighter", "test", "given"), CAUGHT, ids=lambda value: getattr(value, "__name__", None))
def test_a_method_that_breaks_the_rules_is_caught(weighter: type[Weighter], test: Any, given: dict[str, Any]) -> None:
    call(test, Largest, given)
    with pytest.raises((AssertionError, RuntimeError, ValueError)):
        call(test, weighter, given)


class Poison(Weighter):
    """Weights or state that are not finite from finite losses."""

    seen: Tensor

    def __init__(self, names: Any, weights: list[float], seen: float) -> None:
        super().__init__(names)
        self.found = weights, seen
        self._remember(seen=torch.tensor(0.0))

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        return torch.tensor(self.found[0]), {"seen": torch.tensor(self.found[1])}


@pytest.mark.parametrize(
    ("weights", "seen"), [([torch.nan, 1.0, 1.0], 1.0), ([0.0, 0.0, 0.0], 1.0), ([1.0, 1.0, 1.0], torch.inf)]
)
def test_weights_or_state_that_are_not_finite_are_not_taken(weights: list[float], seen: float) -> None:
    weighter = Poison(NAMES, weights, seen)
    assert weighter.look(torch.ones(3)).tolist() == [1, 1, 1]
    assert (weighter.seen, weighter.looks, weighter.step) == (0, 0, 1)


def test_a_period_with_a_step_that_is_not_finite_is_the_mean_of_the_others() -> None:
    class Seen(Weighter):
        def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
            return values, {}

    weighter = Seen(["a", "b"], period=3, sum_to=None)
    for values in ([1.0, 2.0], [torch.nan, 9.0], [3.0, 6.0]):
        weighter.look(torch.tensor(values))
    assert weighter.weights.tolist() == [2, 4]
    for _ in range(3):  # nothing was seen in this period, so nothing changes
        weighter.look(torch.full((2,), torch.inf))
    assert weighter.weights.tolist() == [2, 4]
    assert weighter.looks == 1


def test_losses_of_half_precision_are_added_in_float32() -> None:
    losses = [torch.tensor(60000.0, dtype=torch.float16), torch.tensor(60000.0, dtype=torch.bfloat16)]
    total = Largest(["a", "b"])(losses)
    assert total.dtype == torch.float32
    assert_close(total, torch.tensor(120000.0), rtol=0.01, atol=0.0)


def test_a_child_of_a_model_is_saved_with_it() -> None:
    class System(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weighter = Largest(NAMES)

    system, again = System(), System()
    system.weighter.look(torch.tensor([3.0, 1.0, 2.0]))
    saved = system.state_dict()
    assert all("ring" not in name for name in saved)
    again.load_state_dict(saved)
    assert_close(snapshot(again.weighter, without=("_ring", "_ring_steps")), system.weighter.state())
