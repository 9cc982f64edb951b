"""Supervised contrastive loss by hand, in batches that trip others, saturated, and in chunks."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from companion.losses import supervised_contrastive_loss
from tests.losses.pairs.chunks import agree_in_chunks, peak_memory

DRAW = torch.Generator().manual_seed(0)
X = torch.randn(12, 5, generator=DRAW, dtype=torch.float64)
Y = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 0, 1])
CROSS = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])


def test_by_hand() -> None:
    # Anchor 0, class of rows 0 and 2, T = 1: cosines 1, 0, -1 with the others, of which row 2 is meant.
    found = supervised_contrastive_loss(CROSS, torch.tensor([0, 1, 0, 1]), temperature=1.0, reduction="none")
    assert_close(found[0].item(), math.log(math.e + 1 + 1 / math.e))


def test_mean_is_outside_the_logarithm() -> None:
    # Anchor 0 with the positives 1 (cosine 1) and 2 (cosine 0): the mean of two cross entropies.
    found = supervised_contrastive_loss(CROSS, torch.tensor([0, 0, 0, 1]), temperature=1.0, reduction="none")
    assert_close(found[0].item(), math.log(math.e + 1 + 1 / math.e) - 0.5)


def test_is_the_mean_of_cross_entropies() -> None:
    x = X.clone().requires_grad_()
    z = F.normalize(x)
    logits = (z @ z.T / 0.2).fill_diagonal_(-math.inf)
    same = (Y[:, None] == Y).fill_diagonal_(False)
    positives = [row.nonzero().flatten() for row in same]
    slowly = [F.cross_entropy(logits[i].expand(len(p), 12), p) for i, p in enumerate(positives) if len(p)]
    found = supervised_contrastive_loss(x, Y, temperature=0.2)
    right = torch.stack(slowly).mean()
    assert_close(found, right)
    assert_close(torch.autograd.grad(found, x), torch.autograd.grad(right, x))


def test_a_batch_of_one_class_is_made_equal() -> None:
    x, y = X.clone().requires_grad_(), torch.zeros(12, dtype=torch.long)
    loss = supervised_contrastive_loss(x, y)
    (gradient,) = torch.autograd.grad(loss, x)
    assert loss > math.log(11)
    assert gradient.norm() > 0.01
    assert_close(supervised_contrastive_loss(torch.ones(12, 5), y).item(), math.log(11))


def test_anchors_without_positives_are_left_out_but_still_repel() -> None:
    x = X.clone().requires_grad_()
    none = supervised_contrastive_loss(x, Y, reduction="none")
    assert none[9] == 0  # the only one of class 3
    assert_close(supervised_contrastive_loss(x, Y), none.sum() / 11)
    (gradient,) = torch.autograd.grad(none.sum(), x)
    assert gradient[9].norm() > 0.01


def test_least_is_the_log_of_the_positives() -> None:
    # Two classes at opposite ends: three positives share the probability of each anchor.
    x = torch.tensor([[1.0, 0.0]]).repeat(8, 1) * torch.tensor([1.0, -1.0]).repeat(4)[:, None]
    loss = supervised_contrastive_loss(x, torch.arange(8) % 2, temperature=0.01)
    assert_close(loss.item(), math.log(3))


def test_a_single_positive_is_exact_where_it_has_all_the_probability() -> None:
    x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], requires_grad=True)
    loss = supervised_contrastive_loss(x, torch.tensor([0, 0, 1, 1]), temperature=1 / 40, reduction="none")
    assert_close(loss, torch.full((4,), 2 * math.exp(-40)), rtol=1e-5, atol=0)
    (gradient,) = torch.autograd.grad(loss.sum(), x)
    # Each pulls on each of the two at right angles to it, as an anchor and as one of the others, by 40 exp(-40).
    assert_close(gradient[0, 1].item(), 4 * 40 * math.exp(-40), rtol=1e-4, atol=0)


def test_colour_of_the_labels_does_not_matter() -> None:
    names = torch.tensor([7, -3, 100, 0])
    for labels in (names[Y], Y.to(torch.uint8), Y.int()):
        assert_close(supervised_contrastive_loss(X, labels), supervised_contrastive_loss(X, Y))
    assert_close(supervised_contrastive_loss(X, Y > 0), supervised_contrastive_loss(X, (Y > 0).long()))


def test_embeddings_of_zeros_have_no_direction() -> None:
    x = torch.cat([torch.zeros(2, 5), X[:4]]).requires_grad_()
    loss = supervised_contrastive_loss(x, torch.tensor([0, 1, 0, 0, 1, 1]), reduction="none")
    (gradient,) = torch.autograd.grad(loss.sum(), x)
    assert_close(loss[0].item(), math.log(5))
    assert gradient.isfinite().all()
    assert (gradient[:2] == 0).all()


@pytest.mark.parametrize("chunk_size", [1, 5, 12, 100])
def test_chunks_change_nothing(chunk_size: int) -> None:
    agree_in_chunks(lambda x, size: supervised_contrastive_loss(x, Y, temperature=0.2, chunk_size=size), X, chunk_size)


def test_chunks_need_memory_for_one_of_them() -> None:
    x, y = torch.randn(1024, 8), torch.arange(1024) // 4
    sizes = (None, 64)
    whole, some = (peak_memory(lambda x, s=s: supervised_contrastive_loss(x, y, chunk_size=s), x) for s in sizes)
    assert 2 * 1024**2 * 4 < whole < 5 * 1024**2 * 4
    assert some < 0.8 * 1024**2 * 4


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    with pytest.raises(TypeError, match=r"`labels` must hold integers, got dtype torch.float64. .*`labels.long\(\)`"):
        supervised_contrastive_loss(X, Y.double())
    with pytest.raises(ValueError, match=r"`labels` must have shape \(12,\).*got \(12, 1\).*`labels.squeeze\(-1\)`"):
        supervised_contrastive_loss(X, Y[:, None])
    with pytest.raises(ValueError, match=r"`embeddings` must have shape \(N, D\).*got \(12, 0\)"):
        supervised_contrastive_loss(X[:, :0], Y)


@pytest.mark.parametrize("chunk_size", [None, 2])
def test_a_nan_is_not_taken_for_a_row_that_is_far(chunk_size: int | None) -> None:
    x, y = torch.randn(5, 3), torch.tensor([0, 0, 1, 1, 2])
    x[4] = float("nan")  # no anchor itself, as it is alone in its class
    assert supervised_contrastive_loss(x, y, chunk_size=chunk_size).isnan()
