"""InfoNCE by hand, over its candidates, and where there are none."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from companion.losses import info_nce_loss


def test_by_hand() -> None:
    # Cosines of 1 with the own key, of 0 and -1 with the other two.
    query = torch.tensor([[2.0, 0.0], [0.0, 1.0], [-3.0, 0.0]])
    e = math.exp
    first, second = math.log(1 + e(-2) + e(-4)), math.log(1 + 2 * e(-2))
    found = info_nce_loss(query, 5 * query, temperature=0.5, reduction="none")
    assert_close(found, torch.tensor([first, second, first]))


@pytest.mark.parametrize("queue", [False, True])
def test_is_the_cross_entropy_of_finding_the_key(queue: bool) -> None:
    query, key, negatives = torch.randn(3, 5, 4, dtype=torch.float64)
    q, k, n = (F.normalize(x) for x in (query, key, negatives))
    others = n if queue else k
    logits, right = q @ others.T / 0.07, torch.arange(5)
    if queue:
        logits, right = torch.cat([(q * k).sum(1, keepdim=True) / 0.07, logits], 1), torch.zeros(5, dtype=torch.long)
    found = info_nce_loss(query, key, negatives if queue else None)
    assert_close(found, F.cross_entropy(logits, right))


def test_who_knows_nothing_pays_the_logarithm_of_the_candidates() -> None:
    same = torch.ones(8, 3)
    assert_close(info_nce_loss(same, same).item(), math.log(8))


def test_low_temperatures_keep_their_digits() -> None:
    query, key = torch.eye(2), torch.tensor([[1.0, 0.25], [0.0, 1.0]])
    query.requires_grad_()
    loss = info_nce_loss(query, key, temperature=0.01)
    exact = info_nce_loss(query.double(), key.double(), temperature=0.01)
    assert 0 < exact < 1e-30  # 1 - p would lose it
    assert_close(loss.double(), exact, rtol=1e-4, atol=0)
    assert torch.autograd.grad(loss, query)[0].isfinite().all()


def test_a_query_of_length_zero_is_as_near_to_all() -> None:
    query, key = torch.zeros(3, 2, requires_grad=True), torch.randn(3, 2, requires_grad=True)
    loss = info_nce_loss(query, key)
    assert_close(loss.item(), math.log(3))
    assert all(g.isfinite().all() for g in torch.autograd.grad(loss, (query, key)))


@pytest.mark.parametrize("queue", [False, True])
def test_nothing_to_be_told_from_costs_nothing(queue: bool) -> None:
    query, key = torch.randn(2 if queue else 1, 3, requires_grad=True), torch.randn(2 if queue else 1, 3)
    loss = info_nce_loss(query, key, torch.zeros(0, 3) if queue else None)
    assert loss == 0
    assert (torch.autograd.grad(loss, query)[0] == 0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_the_root_of_a_temperature_is_not_rounded_to_half(dtype: torch.dtype) -> None:
    query, key = torch.randn(2, 5, 3)
    temperature = torch.tensor(0.3, dtype=dtype)
    exact = info_nce_loss(query, key, temperature=temperature.item())
    assert_close(info_nce_loss(query, key, temperature=temperature), exact, rtol=1e-6, atol=0)


@pytest.mark.parametrize("queue", [False, True])
@pytest.mark.parametrize("wide", ["query", "key", "negatives"])
def test_mixed_dtypes_meet_in_the_wider_one(wide: str, queue: bool) -> None:
    data = dict(zip(("query", "key", "negatives"), torch.randn(3, 4, 3).bfloat16().float(), strict=True))
    if not queue:
        del data["negatives"]
    exact = info_nce_loss(**{name: x.double() for name, x in data.items()})
    found = info_nce_loss(**{name: x.double() if name == wide else x.bfloat16() for name, x in data.items()})
    assert_close(found, exact if wide in data else exact.float())


@pytest.mark.as_user
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"query": torch.zeros(4)}, ValueError, r"`query` must have shape \(N, D\), one embedding per row.*got \(4,\)"),
        ({"query": torch.zeros(4, 0)}, ValueError, r"`query` must have shape.*of at least one number, got \(4, 0\)"),
        ({"key": torch.zeros(1, 3)}, ValueError, r"`key` must have the shape of `query`, \(4, 3\), got \(1, 3\)"),
        ({"negatives": torch.zeros(4, 2)}, ValueError, r"`negatives` must have shape \(M, 3\).*got \(4, 2\)"),
        ({"temperature": 0.0}, ValueError, r"`temperature` must be above 0.0, got 0.0"),
        ({"temperature": torch.ones(2)}, ValueError, r"`temperature` must be a number or a 0-d tensor"),
    ],
)
def test_says_what_is_wrong(change: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        info_nce_loss(**{"query": torch.zeros(4, 3), "key": torch.zeros(4, 3), **change})
