"""Each rule of `check_loss` on a tiny loss: what it sees, says, and leaves alone. The zoo has the rest."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from companion import losses
from companion.diagnostics import check_loss
from companion.diagnostics._findings import Finding
from companion.diagnostics._loss import by_design as registry
from companion.diagnostics.check_loss import NAMES

pytestmark = pytest.mark.as_user  # a reader's loss is not hooked

DRAW = torch.Generator().manual_seed(0)
X, Y = torch.randn(6, 3, generator=DRAW), torch.tensor([0, 1, 2, 0, 2, 1])
R, T = torch.randn(6, generator=DRAW), torch.randn(6, generator=DRAW)
BITS = torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])


def finding(loss: Callable[..., Any], name: str, input: Tensor = R, target: Any = T, **options: Any) -> Finding:
    report = check_loss(loss, input, target, **options)
    assert name in report.names, report
    return next(f for f in report.findings if f.name == name)


class Halved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        return slope / 2


def squares(input: Tensor, target: Tensor) -> Tensor:
    if input.shape != target.shape:
        raise ValueError("shapes differ")
    return (input - target).square().mean()


def test_a_custom_backward_is_named() -> None:
    found = finding(lambda x, y: squares(Halved.apply(x), y), "gradient-wrong")
    assert "Halved" in found.what
    assert found.severity == "error"


def test_a_cut_shows_both_slopes() -> None:
    found = finding(lambda x, y: squares(x, y) + (x.detach() * x).mean(), "detached")
    assert "autograd gives" in found.what
    assert "element" in found.where


def test_a_kink_is_no_wrong_slope() -> None:
    assert check_loss(F.l1_loss, T, T).ok  # every number lies on its kink


def test_a_slope_is_checked_where_the_example_is_right() -> None:
    """At the example itself nothing is wrong: the cut is far away."""
    found = finding(lambda x, y: squares(x, y) + F.relu(x.detach().abs() - 8).mean(), "detached")
    assert found.where


def test_the_mildest_number_that_is_not_finite_is_shown() -> None:
    found = finding(lambda x, y: (x - y).exp().add(1).log().mean(), "non-finite")
    assert "inf" in found.what
    assert "100" in found.what
    assert "straight line" in found.cure


def test_a_root_at_the_truth() -> None:
    assert "equals the truth" in finding(lambda x, y: squares(x, y).sqrt(), "non-finite").what


def test_saturation_shows_the_row_and_its_target() -> None:
    found = finding(lambda x, y: F.nll_loss(x.softmax(1).clamp(1e-4).log(), y), "saturation", X, Y)
    assert "10" in found.what
    assert "its target 0" in found.where


def test_no_gradient_where_nothing_is_to_be_mended_is_no_saturation() -> None:
    hinge = check_loss(lambda x, y: F.relu(1 - (2 * y - 1) * x.reshape(y.shape)).mean(), R, BITS)
    assert "saturation" not in hinge.names


@pytest.mark.parametrize("jump", [1.0, 0.01])
def test_a_jump_is_found_and_placed(jump: float) -> None:
    found = finding(lambda x, y: squares(x, y) + jump * (x > 2.5).to(x).mean(), "discontinuity")
    assert "jumps from" in found.what


def test_a_steep_slope_is_no_jump() -> None:
    report = check_loss(lambda x, y: squares(x, y) + (100 * (x - y)).tanh().square().mean(), R, T)
    assert "discontinuity" not in report.names


def test_a_stretched_target_shows_the_shapes() -> None:
    found = finding(lambda x, y: (x - y).square().mean(), "broadcast")
    assert "(6, 1)" in found.where


def test_flattening_is_no_broadcast() -> None:
    report = check_loss(lambda x, y: F.mse_loss(x.flatten(), y.flatten()), R, T)
    assert report.ok, report


def test_a_sum_that_is_a_mean() -> None:
    def loss(x: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
        return F.mse_loss(x, y, reduction="none" if reduction == "none" else "mean")

    assert 'reduction="sum"' in finding(loss, "reduction").what


def test_a_mean_that_depends_on_the_predictions() -> None:
    def loss(x: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
        each = (x - y).abs()
        return each.sum() / each.detach().max() if reduction == "mean" else each.sum() if reduction == "sum" else each

    assert "depends on the predictions" in finding(loss, "reduction").what


def test_ignored_rows_count() -> None:
    def loss(x: Tensor, y: Tensor, ignore_index: int = -100) -> Tensor:
        return F.cross_entropy(x, y, ignore_index=ignore_index, reduction="none").mean()

    assert "1 of 6 rows ignored" in finding(loss, "reduction", X, Y).what


def test_repeated_rows() -> None:
    assert "given twice" in finding(lambda x, y: squares(x, y) / len(x), "reduction").what


def test_a_biased_loss_shows_both_values() -> None:
    found = finding(lambda x, y: squares(x, y + 0.05), "not-lowest-at-truth")
    assert found.severity == "error"
    assert "lower at" in found.where


def test_truth_overrules_the_guess() -> None:
    report = check_loss(lambda x, y: squares(x, y + 0.05), R, T, truth=T + 0.05)
    assert report.ok, report


@pytest.mark.parametrize("target", [T.exp(), 5 * torch.rand(6, generator=DRAW).round()])
def test_a_rate_may_be_given_by_its_logarithm(target: Tensor) -> None:
    report = check_loss(lambda x, y: (x.clamp(max=40).exp() + F.relu(x - 40) - y * x).mean(), R, target)
    assert "not-lowest-at-truth" not in report.names


def test_the_argument_that_is_changed_is_named() -> None:
    def loss(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
        w.div_(w.sum())
        return (w * (x - y).square()).sum()

    found = finding(loss, "mutates-input", R, (T, T.exp()))
    assert "target 2 of 2" in found.what
    assert "became" in found.where


def test_half_precision_of_many_rows() -> None:
    found = finding(lambda x, y: (x - y).square().sum() / len(x), "half-precision", X, X.flip(0))
    assert "rows" in found.what


def test_half_precision_that_float16_cannot_hold_is_no_fault() -> None:
    assert check_loss(F.mse_loss, 1e-5 * R, 1e-5 * T).ok


def test_a_branch_breaks_the_graph_and_waits() -> None:
    def loss(x: Tensor, y: Tensor) -> Tensor:
        if x.max() > y.max():
            return squares(x, y)
        return squares(x, y) + 0 * x.sum()

    assert "data-dependent" in finding(loss, "graph-break").what.lower()
    found = finding(loss, "host-sync")
    assert "if x.max() > y.max()" in found.where


def test_compiling_leaves_the_settings_of_the_compiler() -> None:
    before = torch._dynamo.config.get_config_copy()
    check_loss(F.mse_loss, R, T)
    assert torch._dynamo.config.get_config_copy() == before


def test_memory_of_pairs_and_of_triples() -> None:
    def pairs(x: Tensor, y: Tensor) -> Tensor:
        return (x[:, None] - y).diagonal().square().mean()

    def triples(x: Tensor, y: Tensor) -> Tensor:
        return (x[:, None, None] - y[:, None] + 0 * y).square().mean()

    assert "rows" in finding(pairs, "memory-growth").where
    assert "8 one of all triples" in finding(triples, "memory-growth").what


def test_a_common_factor_is_no_coupling() -> None:
    report = check_loss(lambda x, y: (squares(x, y) + 0.1).sqrt(), R, T)
    assert report.ok, report


def test_coupled_rows_are_named() -> None:
    found = finding(lambda x, y: F.nll_loss(x.log_softmax(0), y), "batch-coupling", X, Y)
    assert "row" in found.where


def test_what_could_not_be_checked_is_said() -> None:
    report = check_loss(lambda x: x.square().mean(), R)
    assert report.ok, report
    assert set(report.unchecked) == {"broadcast", "not-lowest-at-truth", "saturation"}
    assert not set(report.unchecked) & set(report.checked)


def test_after_a_failed_call_nothing_else_is_checked() -> None:
    report = check_loss(lambda x: x.square().mean(), R, T)
    assert report.names == ["raises"]
    assert report.unchecked == {"everything else": "the first call failed"}


def test_columns_that_mean_different_things_have_no_truth() -> None:
    def loss(x: Tensor, y: Tensor) -> Tensor:
        return ((x[:, 0] - y).abs() / F.softplus(x[:, 1]).add(0.1) + F.softplus(x[:, 1]).add(0.1).log()).mean()

    assert "not-lowest-at-truth" in check_loss(loss, X[:, :2], T).unchecked


def test_a_loss_that_only_runs_in_float32_is_examined_there() -> None:
    weight = torch.tensor([1.0, 2.0, 3.0])
    assert check_loss(lambda x, y: F.cross_entropy(x, y, weight=weight), X, Y).ok
    found = finding(lambda x, y: F.cross_entropy(x, y, weight=weight) + (x.detach() * x).mean(), "detached", X, Y)
    assert found.what


def test_random_numbers_are_noted() -> None:
    report = check_loss(lambda x, y: squares(x + 0.1 * torch.rand_like(x), y), R, T, truth=R)
    assert "random" in [note.name for note in report.notes]
    assert "half-precision" in report.unchecked


def test_a_memory_is_noted_and_kept() -> None:
    class Running(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mean", torch.ones(()))

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            loss = squares(x, y)
            self.mean.lerp_(loss.detach(), 0.1)
            return loss * self.mean.detach()

    running = Running()
    report = check_loss(running, R, T)
    assert "stateful" in [note.name for note in report.notes]
    assert running.mean == 1


@pytest.mark.parametrize("loss", [losses.DiceLoss(), losses.dice_loss, functools.partial(losses.dice_loss, smooth=0.5)])
def test_our_own_are_known_as_function_twin_and_partial(loss: Callable[..., Any]) -> None:
    report = check_loss(loss, X, Y)
    assert report.ok, report
    note = next(note for note in report.notes if note.name == "batch-coupling")
    assert "by design" in note.cure


def test_a_design_of_the_user_is_a_note() -> None:
    def loss(x: Tensor, y: Tensor) -> Tensor:
        return squares(x, y) + 0.1 * (x.detach() * x).mean()

    report = check_loss(loss, R, T, by_design=("detached", "not-lowest-at-truth"))
    assert report.ok, report
    assert "detached" in [note.name for note in report.notes]


def test_the_registry_names_losses_and_findings() -> None:
    assert {*registry.TRAITS, *registry.NO_TRUTH} <= set(losses.__all__)
    assert {name for traits in registry.TRAITS.values() for name in traits} <= set(NAMES)


def test_two_runs_say_the_same() -> None:
    assert str(check_loss(losses.nt_xent_loss, X, X.flip(0))) == str(check_loss(losses.nt_xent_loss, X, X.flip(0)))


def test_one_hot_waits_on_the_cpu_alone() -> None:
    """With the number of classes given; without it, the largest label must be known."""

    def loss(x: Tensor, y: Tensor, classes: int = 3) -> Tensor:
        return -(F.one_hot(y, classes) * x.log_softmax(1)).sum(1).mean()

    assert "host-sync" not in check_loss(loss, X, Y).names
    assert "host-sync" in check_loss(functools.partial(loss, classes=-1), X, Y).names
