"""The chain by hand, over every tagging, and its mask."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from companion.losses import CRFLoss, crf_decode, crf_loss
from tests.losses.structured.chains import batch, every_tagging, score, scores


@pytest.mark.parametrize("ends", [False, True])
def test_loss_is_the_sum_over_every_tagging(ends: bool) -> None:
    emissions, tags, mask = batch()
    given = scores() if ends else {"transitions": scores()["transitions"], "start": None, "end": None}
    tensors = [v.requires_grad_() for v in (emissions, *given.values()) if v is not None]
    found = crf_loss(emissions, tags, mask, **given, reduction="none")
    right = []
    for x, y, on in zip(emissions, tags, mask, strict=True):
        kept = x[on]
        each = torch.stack([score(kept, tagging, **given) for tagging in every_tagging(kept)])
        right.append(each.logsumexp(0) - score(kept, tuple(y[on].tolist()), **given))
    assert_close(found, torch.stack(right))
    slopes = (torch.autograd.grad(loss.sum(), tensors) for loss in (found, torch.stack(right)))
    assert_close(*slopes)


def test_decode_is_the_best_of_every_tagging() -> None:
    emissions, _, mask = batch()
    given = scores()
    tags, best = crf_decode(emissions, mask, **given)
    for x, y, on, value in zip(emissions, tags, mask, best, strict=True):
        kept = x[on]
        right = max(every_tagging(kept), key=lambda tagging: score(kept, tagging, **given))
        assert tuple(y[on].tolist()) == right
        assert (y[~on] == -1).all()
        assert_close(value, score(kept, right, **given))


def test_by_hand() -> None:
    # A single tag pair: emissions log 2 for tag 1 at both steps, changing scores log 3.
    # Taggings 00, 01, 10, 11 have weights 1, 2 * 3, 2 * 3, 2 * 2.
    emissions = torch.tensor([[[0.0, math.log(2)]] * 2])
    transitions = torch.tensor([[0.0, math.log(3)], [math.log(3), 0.0]])
    assert_close(crf_loss(emissions, torch.tensor([[0, 1]]), transitions=transitions).item(), math.log(17 / 6))


def test_rows_are_from_and_columns_are_to() -> None:
    transitions = torch.tensor([[0.0, 9.0], [0.0, 0.0]])
    tags, _ = crf_decode(torch.zeros(1, 2, 2), transitions=transitions)
    assert tags.tolist() == [[0, 1]]
    forth, back = (crf_loss(torch.zeros(1, 2, 2), torch.tensor([y]), transitions=transitions) for y in ([0, 1], [1, 0]))
    assert forth < 0.01 < 9 < back


def test_without_transitions_it_is_cross_entropy() -> None:
    emissions, tags, _ = batch()
    right = F.cross_entropy(emissions.mT, tags, reduction="none").sum(1)
    assert_close(crf_loss(emissions, tags, transitions=torch.zeros(3, 3), reduction="none"), right)


def test_a_masked_step_is_as_good_as_none() -> None:
    emissions, tags, _ = batch()
    given, mask = scores(), torch.tensor([True, False, True, True]).expand(5, -1)
    padded = tags.masked_fill(~mask, -100)
    kept = emissions[:, [0, 2, 3]], tags[:, [0, 2, 3]]
    assert_close(crf_loss(emissions, padded, mask, **given), crf_loss(*kept, **given))


def test_an_empty_sequence_is_left_out_of_the_mean() -> None:
    emissions, tags, mask = batch()
    loss = crf_loss(emissions.requires_grad_(), tags, mask, **scores())
    assert_close(crf_loss(emissions, tags, mask, **scores(), reduction="none")[4].item(), 0.0)
    assert (torch.autograd.grad(loss, emissions)[0][4] == 0).all()
    given = scores()
    assert_close(crf_loss(emissions, tags, mask, **given), crf_loss(emissions[:4], tags[:4], mask[:4], **given))


@pytest.mark.parametrize("shape", [(0, 3), (2, 0)], ids=str)
def test_nothing_costs_nothing(shape: tuple[int, int]) -> None:
    emissions, tags = torch.zeros(*shape, 2, requires_grad=True), torch.zeros(shape, dtype=torch.long)
    transitions = torch.zeros(2, 2)
    loss = crf_loss(emissions, tags, transitions=transitions)
    assert loss == 0
    assert (torch.autograd.grad(loss, emissions)[0] == 0).all()
    found, best = crf_decode(emissions, transitions=transitions)
    assert found.shape == shape
    assert (best == 0).all()


def test_large_scores_keep_their_digits() -> None:
    emissions, tags, mask = batch(dtype=torch.float32)
    given = {name: 1e4 * value for name, value in scores(dtype=torch.float32).items()}
    emissions = (1e4 * emissions).requires_grad_()
    exact = emissions.detach().double().requires_grad_()
    loss = crf_loss(emissions, tags, mask, **given)
    right = crf_loss(exact, tags, mask, **{name: value.double() for name, value in given.items()})
    assert_close(loss, right.float(), rtol=1e-6, atol=0)
    (gradient,), (slope,) = torch.autograd.grad(loss, emissions), torch.autograd.grad(right, exact)
    assert_close(gradient, slope.float(), rtol=1e-5, atol=1e-30)


def test_a_likely_tagging_keeps_its_digits() -> None:
    emissions = torch.tensor([[[20.0, 0.0]] * 3])
    loss = crf_loss(emissions, torch.zeros(1, 3, dtype=torch.long), transitions=torch.zeros(2, 2))
    assert_close(loss.item(), 3 * math.log1p(math.exp(-20)), rtol=1e-6, atol=0)


def test_a_forbidden_transition_is_never_taken() -> None:
    transitions = torch.tensor([[0.0, -1e4], [0.0, 0.0]], requires_grad=True)
    emissions = torch.tensor([[[5.0, 0.0], [0.0, 5.0]]])
    tags, _ = crf_decode(emissions, transitions=transitions)
    assert tags.tolist() == [[0, 0]]  # as good as [1, 1], and the lower one at the last step
    loss = crf_loss(emissions, torch.tensor([[1, 1]]), transitions=transitions)
    assert torch.autograd.grad(loss, transitions)[0].isfinite().all()


def test_the_twin_learns_its_transitions() -> None:
    twin = CRFLoss(transitions=nn.Parameter(torch.zeros(3, 3)), start=nn.Parameter(torch.zeros(3)))
    assert {name for name, _ in twin.named_parameters()} == {"transitions", "start"}
    emissions, tags, mask = batch(dtype=torch.float32)
    before = twin(emissions, tags, mask)
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)
    for _ in range(20):
        optimizer.zero_grad()
        twin(emissions, tags, mask=mask).backward()
        optimizer.step()
    assert twin(emissions, tags, mask) < before
    crf_decode(emissions, mask, transitions=twin.transitions, start=twin.start)


def test_minus_infinity_forbids_where_another_tag_remains() -> None:
    emissions, tags = torch.randn(1, 2, 2, requires_grad=True), torch.tensor([[1, 0]])
    transitions = torch.tensor([[0.0, -torch.inf], [0.0, 0.0]])
    loss = crf_loss(emissions, tags, transitions=transitions)
    right = crf_loss(emissions, tags, transitions=transitions.clamp_min(-1e4))
    assert_close(loss, right)
    assert_close(torch.autograd.grad(loss, emissions), torch.autograd.grad(right, emissions))


@pytest.mark.as_user
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"emissions": torch.zeros(4, 3)}, ValueError, r"`emissions` must have shape \(N, T, C\).*unsqueeze\(0\)"),
        ({"tags": torch.zeros(5, 4)}, TypeError, r"`tags` must hold integers"),
        ({"tags": torch.zeros(4, 5, dtype=torch.long)}, ValueError, r"\(5, 4\).*`emissions.transpose\(0, 1\)`"),
        ({"tags": torch.zeros(5, 4, 3)}, TypeError, r"`tags` must hold integers.*`tags.argmax\(-1\)`"),
        ({"mask": torch.ones(5, 4)}, TypeError, r"`mask` must be bool"),
        ({"transitions": torch.zeros(2, 2)}, ValueError, r"`transitions` must have shape \(3, 3\).*got \(2, 2\)"),
        (
            {"transitions": torch.zeros(3, 2)},
            ValueError,
            r"`transitions` must be square, one row and one column per tag",
        ),
        ({"transitions": torch.zeros(3, 3, dtype=torch.long)}, TypeError, r"`transitions` must be floating point"),
        ({"end": torch.zeros(4)}, ValueError, r"`end` must have shape \(3,\).*got \(4,\)"),
        (
            {"start": torch.zeros(3, 1)},
            ValueError,
            r"`start` must have one axis, one number per tag, got shape \(3, 1\)",
        ),
    ],
)
def test_says_what_is_wrong(change: dict[str, Tensor], error: type[Exception], message: str) -> None:
    emissions, tags, mask = batch()
    data = {"emissions": emissions, "tags": tags, "mask": mask, "transitions": scores()["transitions"], **change}
    with pytest.raises(error, match=message):
        crf_loss(**data)
