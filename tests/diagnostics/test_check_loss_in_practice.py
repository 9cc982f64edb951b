"""Losses as people write and hand them over: what is found, what is left alone, and what they keep is theirs."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from companion.diagnostics import check_loss
from companion.diagnostics._loss.case import Case
from companion.diagnostics._loss.runtime import ROWS, WIDE, growth

pytestmark = pytest.mark.as_user  # a reader's loss is not hooked

DRAW = torch.Generator().manual_seed(0)
X, Y = torch.randn(8, 3, generator=DRAW), torch.arange(8) % 3
A, B = torch.randn(8, 4, generator=DRAW), torch.randn(8, 4, generator=DRAW)
IMAGE, MASK = torch.randn(2, 3, 4, 4, generator=DRAW), torch.arange(32).reshape(2, 4, 4) % 3


@pytest.mark.parametrize(("input", "target"), [(X, Y), (IMAGE, MASK)])
@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 2.0, 5.0])])
def test_a_second_softmax_is_found(input: Tensor, target: Tensor, weight: Tensor | None) -> None:
    report = check_loss(lambda x, y: F.cross_entropy(x.softmax(1), y, weight), input, target)
    found = next(f for f in report.findings if f.name == "saturation")
    assert "no softmax" in found.cure
    assert check_loss(lambda x, y: F.cross_entropy(x, y, weight), input, target).ok


def test_a_second_sigmoid_is_found() -> None:
    y = (torch.arange(8) % 2).float()
    report = check_loss(lambda x, y: F.binary_cross_entropy_with_logits(0.5 * x.sigmoid(), y), X[:, 0], y)
    assert report.names == ["saturation"]


def right(x: Tensor, y: Tensor) -> Tensor:
    return x.softmax(1).gather(1, y.unsqueeze(1))


@pytest.mark.parametrize(
    "loss",
    [
        lambda x, y: (1 - right(x, y)).mean(),
        lambda x, y: (x.softmax(1) - F.one_hot(y, 3)).square().sum(1).mean(),
        lambda x, y: (1 - right(x, y) ** 0.7).mean() / 0.7,
    ],
    ids=["mean absolute error", "Brier", "generalised cross entropy"],
)
def test_what_is_bounded_by_design_and_can_be_nothing_is_no_second_softmax(loss: Callable[..., Tensor]) -> None:
    assert "saturation" not in check_loss(loss, X, Y).names


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)

    def loss(self, input: Tensor, target: Tensor) -> Tensor:
        error: Tensor = F.mse_loss(self.norm(input), target)
        return error

    forward = loss


MODEL = Normed()


@pytest.mark.parametrize(
    "hand_over",
    [
        lambda m: m,
        lambda m: m.loss,
        lambda m: functools.partial(m.loss),
        lambda m: lambda x, y: m.loss(x, y),
        lambda m: functools.partial(lambda x, y, scale: scale * m.loss(x, y), scale=2.0),
        lambda m: lambda x, y: MODEL(x, y),
    ],
    ids=["module", "method", "partial of a method", "closure", "partial of a closure", "global"],
)
def test_a_model_keeps_its_buffers(hand_over: Callable[[Normed], Any]) -> None:
    models = [MODEL, Normed()]
    before = [{name: t.clone() for name, t in m.state_dict().items()} for m in models]
    check_loss(hand_over(models[1]), A, B)
    for model, state in zip(models, before, strict=True):
        assert all(torch.equal(t, state[name]) for name, t in model.state_dict().items())


def test_gradients_are_put_back_after_a_loss_that_goes_backward_itself() -> None:
    scale, shift = torch.ones(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    scale.grad = torch.full((4,), 3.0)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        value = F.mse_loss(x * scale + shift, y)
        value.backward(retain_graph=True)
        return value

    check_loss(loss, A, B)
    assert torch.equal(scale.grad, torch.full((4,), 3.0))
    assert shift.grad is None


def test_an_object_starts_from_its_present_state() -> None:
    class Warming:
        calls = 0

        def __call__(self, x: Tensor, y: Tensor) -> Tensor:
            self.calls += 1
            return F.mse_loss(x, y) * self.calls

    loss = Warming()
    report = check_loss(loss, A, B)
    assert loss.calls == 0
    assert report.ok
    assert [note.name for note in report.notes] == ["stateful"]


def test_a_compiled_loss_is_not_compiled_over_and_over() -> None:
    graphs = []

    def backend(graph: torch.fx.GraphModule, _: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    def squares(x: Tensor, y: Tensor) -> Tensor:
        return F.mse_loss(x, y)

    assert check_loss(torch.compile(squares, backend=backend), A, B).ok
    assert check_loss(torch.compile(nn.MSELoss(), backend=backend), A, B).ok
    assert not graphs


def clip(a: Tensor, b: Tensor) -> Tensor:
    table = 14 * F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
    mine = torch.arange(len(a), device=a.device)
    return (F.cross_entropy(table, mine) + F.cross_entropy(table.T, mine)) / 2


def test_rows_that_are_compared_need_not_be_best_at_their_partner() -> None:
    report = check_loss(clip, A, B)
    assert "not-lowest-at-truth" not in report.names
    assert "truth" in report.unchecked["not-lowest-at-truth"]
    assert "not-lowest-at-truth" in check_loss(clip, A, B, truth=B).names


def test_a_coupled_row_is_shown_with_a_gradient_that_changes() -> None:
    def detector(x: Tensor, box: Tensor, there: Tensor) -> Tensor:
        off = F.smooth_l1_loss(x[:, :3], box, reduction="none").sum(1) * there
        return F.binary_cross_entropy_with_logits(x[:, 3], there) + off.sum() / there.sum().clamp(min=1)

    there = torch.tensor([0.0, 1, 0, 1, 0, 1, 0, 0])
    report = check_loss(detector, A, (B[:, :3].contiguous(), there))
    (found,) = (f for f in report.findings if f.name == "batch-coupling")
    before, after = found.where.split("gradient ")[1].split(" when")[0].split(" becomes ")
    assert before != after


def test_wide_rows_are_few_and_their_tables_are_seen() -> None:
    wide = torch.randn(2, 40_000, generator=DRAW)
    rows, _ = growth(Case(lambda x, y: F.mse_loss(x, y), wide, (wide + 1,)))
    narrow, _ = growth(Case(lambda x, y: F.mse_loss(x, y), A, (B,)))
    assert (tuple(rows), tuple(narrow)) == (WIDE, ROWS)
    _, table = growth(Case(lambda x, y: (x[:, None] - y).square().mean(), wide, (wide + 1,)))
    assert table > 3
