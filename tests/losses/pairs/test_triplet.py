"""Triplet loss by hand, beside torch's, with equal and near embeddings, every way of mining, and in chunks."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from companion.losses import triplet_loss
from tests.losses.pairs.chunks import agree_in_chunks, peak_memory

LINE, ENDS = torch.tensor([[0.0], [1.0], [-0.9], [-3.0]]), torch.tensor([0, 0, 1, 1])
DRAW = torch.Generator().manual_seed(0)
X = torch.randn(12, 5, generator=DRAW, dtype=torch.float64)
Y = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 0, 1])
WAYS: list[dict[str, Any]] = [
    {},
    {"soft_margin": True},
    {"soft_margin": True, "max_positives": 3},
    {"mining": "hard"},
    {"mining": "semi-hard", "margin": 2.0},
    {"squared": True},
]


def test_by_hand() -> None:
    # Row 0: positive at 1, negatives at 0.9 and 3. Row 2: positive at 2.1, negatives at 0.9 and 1.9.
    assert_close(triplet_loss(LINE, ENDS, reduction="none")[::2], torch.tensor([0.3 / 2, (1.4 + 0.4) / 2]))
    hard = triplet_loss(LINE, ENDS, mining="hard", reduction="none")
    assert_close(hard[::2], torch.tensor([0.3, 1.4]))
    # Semi-hard: the nearest negative beyond 1 is at 3; beyond 2.1 there is none, so the farthest, 1.9.
    semi = triplet_loss(LINE, ENDS, mining="semi-hard", reduction="none")
    assert_close(semi[::2], torch.tensor([0.0, 0.4]))
    soft = triplet_loss(LINE, ENDS, mining="hard", soft_margin=True, reduction="none")
    assert_close(soft[0].item(), math.log(1 + math.exp(1 - 0.9)))
    squared = triplet_loss(LINE, ENDS, mining="hard", squared=True, reduction="none")
    assert_close(squared[0].item(), 1 - 0.81 + 0.2)


def triplets(i: int) -> tuple[Tensor, Tensor]:
    """Every positive of an anchor with every negative."""
    positive = [p for p in range(12) if p != i and Y[p] == Y[i]]
    pairs = [(p, n) for p in positive for n in range(12) if Y[n] != Y[i]]
    return torch.tensor([p for p, _ in pairs], dtype=torch.long), torch.tensor([n for _, n in pairs], dtype=torch.long)


@pytest.mark.parametrize("margin", [0.2, 1.5])
def test_is_the_mean_of_what_torch_gives_for_its_triplets(margin: float) -> None:
    slowly = []
    for i in (i for i in range(12) if Y[i] != 3):
        p, n = triplets(i)
        anchor = X[i].expand(len(p), -1)
        slowly.append(
            F.triplet_margin_with_distance_loss(
                anchor, X[p], X[n], distance_function=lambda a, b: (a - b).norm(dim=1), margin=margin
            )
        )
    assert_close(triplet_loss(X, Y, margin=margin), torch.stack(slowly).mean())


@pytest.mark.parametrize("options", WAYS, ids=repr)
def test_a_collapse_costs_the_margin_and_has_no_gradient(options: dict[str, Any]) -> None:
    x = torch.ones(6, 3, requires_grad=True)
    loss = triplet_loss(x, torch.arange(6) % 2, **options)
    (gradient,) = torch.autograd.grad(loss, x, create_graph=True)
    expected = math.log(2) if "soft_margin" in options else options.get("margin", 0.2)
    assert_close(loss.item(), expected)
    assert (gradient == 0).all()
    if gradient.requires_grad:
        (curvature,) = torch.autograd.grad(gradient.sum(), x)
        assert curvature.isfinite().all()


@pytest.mark.parametrize("options", WAYS, ids=repr)
def test_near_neighbours_far_from_the_origin_keep_their_digits(options: dict[str, Any]) -> None:
    # Neighbours at about 0.01, 1000 away from the origin: |x|^2 is 1e6, its rounding error 0.06.
    x = 1000 + 0.01 * X.float()
    found = []
    for moved in (x.clone().requires_grad_(), x.double().requires_grad_()):
        loss = triplet_loss(moved, Y, reduction="none", **options)
        (gradient,) = torch.autograd.grad(loss.sum(), moved)
        found.append((loss.double(), gradient.double()))
    for single, double in zip(*found, strict=True):
        assert_close(single, double, rtol=1e-6, atol=1e-7)


def test_anchors_without_a_positive_or_a_negative_are_left_out() -> None:
    for options in WAYS:
        none = triplet_loss(X, Y, reduction="none", **options)
        assert none[9] == 0
        assert_close(triplet_loss(X, Y, **options), none.sum() / 11)


def test_soft_margin_is_softplus_of_the_gaps() -> None:
    d = torch.cdist(X, X)
    slowly = []
    for i in (i for i in range(12) if Y[i] != 3):
        p, n = triplets(i)
        slowly.append(F.softplus(d[i, p] - d[i, n]).mean())
    assert_close(triplet_loss(X, Y, soft_margin=True), torch.stack(slowly).mean())
    # class 2 has three positives for each anchor, class 0 as well: 3 is enough, and 2 takes the two farthest
    assert_close(triplet_loss(X, Y, soft_margin=True, max_positives=3), torch.stack(slowly).mean())
    fewer = triplet_loss(X, Y, soft_margin=True, max_positives=2, reduction="none")
    far, rest = d[5, [6, 7, 8]].topk(2).values, d[5, Y != 2]
    assert_close(fewer[5], F.softplus(far[:, None] - rest).mean())


def test_many_positives_cost_no_more_memory() -> None:
    x = torch.randn(256, 4)
    few, many = (
        peak_memory(lambda x, y=y: triplet_loss(x, y), x) for y in (torch.arange(256) // 2, torch.arange(256) // 128)
    )
    assert many < 1.1 * few


def test_a_pair_pulls_on_both_ends() -> None:
    for options in WAYS:
        x = X.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(triplet_loss(x, Y, **options), x)
        assert gradient.norm() > 0.01
        assert_close(gradient.sum(dim=0), torch.zeros(5, dtype=torch.float64))


def test_a_tie_is_not_semi_hard() -> None:
    # The positive and one negative at 1, the other negative at 1.1: that is the nearest beyond the positive.
    x = torch.tensor([[0.0], [1.0], [-1.0], [-1.1]])
    found = triplet_loss(x, ENDS, mining="semi-hard", reduction="none")
    assert_close(found[0].item(), 1 - 1.1 + 0.2)


def test_moving_everything_changes_nothing() -> None:
    turn = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64)).Q
    for options in WAYS:
        assert_close(triplet_loss(X @ turn + 3, Y, **options), triplet_loss(X, Y, **options))


@pytest.mark.parametrize("chunk_size", [1, 5, 12, 100])
@pytest.mark.parametrize("options", WAYS, ids=repr)
def test_chunks_change_nothing(chunk_size: int, options: dict[str, Any]) -> None:
    agree_in_chunks(lambda x, size: triplet_loss(x, Y, chunk_size=size, **options), X, chunk_size)


def test_chunks_need_memory_for_one_of_them() -> None:
    x, y = torch.randn(1024, 8), torch.arange(1024) // 4
    whole, some = (peak_memory(lambda x, s=s: triplet_loss(x, y, chunk_size=s), x) for s in (None, 64))
    assert some < whole / 8


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    with pytest.raises(ValueError, match="`mining` must be one of 'all', 'hard', 'semi-hard', got 'semihard'"):
        triplet_loss(X, Y, mining="semihard")
    with pytest.raises(ValueError, match=r"`labels` must have shape \(12,\), one label per row of `embeddings`"):
        triplet_loss(X, Y[:5])
    with pytest.raises(ValueError, match=r"got \(12, 4\). For one-hot labels use `labels.argmax\(1\)`"):
        triplet_loss(X, F.one_hot(Y))
    with pytest.raises(ValueError, match=r"got \(6, 2, 5\). Where each view or pixel is to be a row"):
        triplet_loss(X.view(6, 2, 5), Y[:6])
    with pytest.raises(TypeError, match="`max_positives` must be an int, got float"):
        triplet_loss(X, Y, max_positives=3.0)
    with pytest.raises(ValueError, match=r"`margin` must be at least 0.0, got -0.1"):
        triplet_loss(X, Y, margin=-0.1)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_the_hardest_triplets_of_what_is_not_finite_are_unknown(value: float) -> None:
    x = X.clone()
    x[9, 0] = value  # no anchor itself, as it is alone in its class
    assert triplet_loss(x, Y, mining="hard", reduction="none")[Y != 3].isnan().all()
