"""The structured hinge by hand and over every tagging, with its cost."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from companion.losses import crf_decode, structured_hinge_loss
from tests.losses.structured.chains import batch, every_tagging, score, scores

PRICES = torch.tensor([[0.0, 1.0, 4.0], [2.0, 0.0, 3.0], [0.5, 2.5, 0.0]], dtype=torch.float64)


def batch_of(seed: int) -> tuple[Tensor, ...]:
    torch.manual_seed(seed)
    return batch()


def price(cost: float | Tensor, true: int, chosen: int) -> Tensor:
    if isinstance(cost, Tensor):
        return cost[true, chosen]
    return torch.tensor(cost * (true != chosen), dtype=torch.float64)


@pytest.mark.parametrize("cost", [0.0, 1.0, 2.5, PRICES], ids=["perceptron", "1", "2.5", "matrix"])
def test_is_the_largest_of_every_tagging(cost: float | Tensor) -> None:
    emissions, tags, mask = batch()
    given = scores()
    tensors = [v.requires_grad_() for v in (emissions, *given.values())]
    found = structured_hinge_loss(emissions, tags, mask, **given, cost=cost, reduction="none")
    right = []
    for x, y, on in zip(emissions, tags, mask, strict=True):
        kept, gold = x[on], tuple(y[on].tolist())
        gaps = [
            score(kept, other, **given)
            - score(kept, gold, **given)
            + sum(price(cost, a, b) for a, b in zip(gold, other, strict=True))
            for other in every_tagging(kept)
        ]
        right.append(torch.stack(gaps).max())
    assert_close(found, torch.stack(right))
    slopes = (torch.autograd.grad(loss.sum(), tensors) for loss in (found, torch.stack(right)))
    assert_close(*slopes)


def test_by_hand() -> None:
    # Against tags (0, 1), staying at 1 gains 2 for the transition, loses 0.4 of emission, and costs 1.
    emissions, tags = torch.tensor([[[0.4, 0.0], [0.0, 3.0]]]), torch.tensor([[0, 1]])
    assert_close(structured_hinge_loss(emissions, tags, transitions=2 * torch.eye(2)).item(), 2 - 0.4 + 1)


def test_one_step_is_the_hinge_of_crammer_and_singer() -> None:
    scores, index = torch.randn(6, 4, dtype=torch.float64), torch.randint(4, (6,))
    others = scores.scatter(1, index.unsqueeze(1), -torch.inf).amax(1)
    right = F.relu(1 + others - scores.gather(1, index.unsqueeze(1)).squeeze(1))
    assert_close(structured_hinge_loss(scores.unsqueeze(1), index.unsqueeze(1), reduction="none"), right)


def test_without_a_cost_it_is_the_lead_of_the_best_tagging() -> None:
    emissions, tags, mask = batch()
    given = scores()
    _, best = crf_decode(emissions, mask, **given)
    found = structured_hinge_loss(emissions, tags, mask, **given, cost=0.0, reduction="none")
    golds = [score(x[on], tuple(y[on].tolist()), **given) for x, y, on in zip(emissions, tags, mask, strict=True)]
    assert_close(found, best - torch.stack(golds))


def test_far_enough_ahead_is_good_enough() -> None:
    tags = torch.tensor([[0, 1, 0]])
    emissions = (1.5 * F.one_hot(tags, 2).float()).requires_grad_()
    loss = structured_hinge_loss(emissions, tags)
    assert loss == 0
    assert (torch.autograd.grad(loss, emissions)[0] == 0).all()


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (2, 3)], ids=str)
def test_nothing_costs_nothing(shape: tuple[int, int]) -> None:
    emissions, tags = torch.zeros(*shape, 2, requires_grad=True), torch.zeros(shape, dtype=torch.long)
    loss = structured_hinge_loss(emissions, tags, torch.zeros(shape, dtype=torch.bool))
    assert loss == 0
    assert (torch.autograd.grad(loss, emissions)[0] == 0).all()


def test_the_diagonal_of_the_cost_is_not_charged() -> None:
    emissions, tags, mask = batch()
    assert_close(
        structured_hinge_loss(emissions, tags, mask, cost=torch.full((3, 3), 2.0)),
        structured_hinge_loss(emissions, tags, mask, cost=2.0),
    )


@pytest.mark.parametrize("shape", [(), (3, 3)], ids=str)
def test_whole_costs_are_as_good(shape: tuple[int, ...]) -> None:
    cost = torch.full(shape, 2)
    assert_close(
        structured_hinge_loss(*batch_of(0), cost=cost), structured_hinge_loss(*batch_of(0), cost=cost.double())
    )


@pytest.mark.as_user
@pytest.mark.parametrize(
    ("cost", "error", "message"),
    [
        (-1.0, ValueError, r"`cost` must be at least 0.0, got -1.0"),
        ("one", TypeError, r"`cost` must be a number, got str"),
        (torch.zeros(2, 3), ValueError, r"`cost` must be square"),
        (torch.zeros(2, 2), ValueError, r"`cost` must be a number or have shape \(3, 3\).*got \(2, 2\)"),
    ],
)
def test_says_what_is_wrong(cost: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        structured_hinge_loss(*batch(), cost=cost)
