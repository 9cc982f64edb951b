"""Losses in, one scalar out: the same however the losses are handed over, and the weights are what they seem."""

import copy

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.weighters.registry import Options, WeighterInfo, each_case, each_weighter
from tests.weighters.samples import NAMES, Run, batch, equal, seen, snapshot

STEPS = 5


@each_weighter()
def test_names_are_enough(info: WeighterInfo) -> None:
    run = Run(info)
    assert run.step().isfinite()
    assert run.weighter.names == NAMES
    assert all(repr(name) in repr(run.weighter) for name in NAMES)


@each_case()
def test_a_mapping_pairs_by_name_and_a_sequence_by_place(info: WeighterInfo, options: Options) -> None:
    hand_over = [
        lambda losses: losses,
        lambda losses: dict(reversed(losses.items())),
        lambda losses: list(losses.values()),
        lambda losses: tuple(losses.values()),
    ]
    found = []
    for form in hand_over:
        run, totals = Run(info, **options), []
        for step in range(STEPS):
            losses, shared = run.losses(batch(step))
            totals.append(run.weighter(form(losses), shared=shared))
        found.append(snapshot(run.weighter) | {"totals": torch.stack(totals).detach()})
    assert all(equal(found[0], other) for other in found[1:])


@each_case(lambda info: not info.random)
def test_the_order_of_the_names_does_not_matter(info: WeighterInfo, options: Options) -> None:
    order = [0, 2, 1] if options in info.first_leads else [2, 0, 1]
    weighter = info(NAMES, **options).double()
    other = info([NAMES[i] for i in order], **options).double()
    for values, gram in seen(info, STEPS):
        weights = weighter.look(values, gram)
        permuted = other.look(values[order], None if gram is None else gram[order][:, order])
        assert_close(permuted, weights[order], rtol=1e-6, atol=1e-9)


@each_case()
def test_the_logged_weight_is_the_derivative_of_the_returned_loss(info: WeighterInfo, options: Options) -> None:
    run = Run(info, **options)
    for step in range(STEPS):
        losses, shared = run.losses(batch(step))
        total = run.weighter(losses, shared=shared)
        derivatives = torch.autograd.grad(total, list(losses.values()), retain_graph=True)
        assert_close(torch.stack(derivatives), run.weighter.weights, rtol=1e-5, atol=1e-7)
        if not info.own_scalar:
            plain = sum(w * loss for w, loss in zip(run.weighter.weights, losses.values(), strict=True))
            assert_close(total, plain)


@each_case()
def test_weights_carry_no_graph(info: WeighterInfo, options: Options) -> None:
    run = Run(info, **options)
    passes = [run.losses(batch(step)) for step in range(2)]
    first, second = (run.weighter(losses, shared=shared) for losses, shared in passes)
    (first + second).backward()
    assert all(parameter.grad is not None for parameter in run.model.parameters())
    assert not any(tensor.requires_grad for tensor in run.weighter.buffers())
    assert not run.weighter.history().losses.requires_grad


@each_case()
def test_eval_applies_the_last_weights_and_changes_nothing(info: WeighterInfo, options: Options) -> None:
    run = Run(info, **options)
    for _ in range(STEPS):
        run.step()
    before = snapshot(run.weighter)
    run.weighter.eval()
    losses, _ = run.losses(batch(STEPS))
    with torch.no_grad():
        total = run.weighter(losses)  # `shared` is not needed: nothing is looked at
    if not info.own_scalar:
        assert_close(total, (before["weights"] * torch.stack(list(losses.values()))).sum())
    assert total.isfinite()
    assert equal(snapshot(run.weighter), before)
    run.weighter.train()
    run.step()
    assert run.weighter.step == STEPS + 1


@each_case()
@pytest.mark.parametrize("tasks", [1, 20])
def test_one_loss_and_twenty(info: WeighterInfo, options: Options, tasks: int) -> None:
    names = [f"loss{place}" for place in range(tasks)]
    run = Run(info, names, **options)
    for _ in range(STEPS):
        assert run.step().isfinite()
    weights = run.weighter.weights
    assert weights.shape == (tasks,)
    assert weights.isfinite().all()
    assert run.weighter.history().weights.shape == (STEPS, tasks)


def sums(run: Run) -> list[Tensor]:
    found = [run.weighter.weights]
    for _ in range(STEPS):
        run.step()
        found.append(run.weighter.weights.clone())
    return [weights.abs().sum() for weights in found]  # a weight of IMTL-G may be negative


@each_weighter()
@pytest.mark.parametrize("sum_to", [1.0, 5.0, "tasks"])
def test_weights_sum_as_asked(info: WeighterInfo, sum_to: float | str) -> None:
    total = len(NAMES) if sum_to == "tasks" else sum_to
    for found in sums(Run(info, sum_to=sum_to)):
        assert found == pytest.approx(total, rel=1e-5)


@each_weighter()
def test_a_copy_goes_its_own_way(info: WeighterInfo) -> None:
    run = Run(info)
    run.step()
    twin, before = copy.deepcopy(run.weighter), snapshot(run.weighter)
    assert equal(snapshot(twin), before)
    losses, shared = run.losses(batch(9))
    twin(losses, shared=shared)
    assert equal(snapshot(run.weighter), before)
