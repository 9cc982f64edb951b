"""Contrastive loss by hand, beside torch's pieces, and which side 1 is on."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from companion.losses import contrastive_loss

ORIGIN, POINT = torch.zeros(2, 2), torch.tensor([[0.3, 0.4], [0.3, 0.4]])  # at distance 0.5


def test_by_hand() -> None:
    # similar: 0.5^2 / 2; dissimilar, margin 2: (2 - 0.5)^2 / 2
    found = contrastive_loss(ORIGIN, POINT, torch.tensor([1, 0]), margin=2.0, reduction="none")
    assert_close(found, torch.tensor([0.125, 1.125]))


def test_one_is_similar() -> None:
    moved = POINT.clone().requires_grad_()
    contrastive_loss(ORIGIN, moved, torch.tensor([True, False]), reduction="sum").backward()
    closer, farther = (POINT - 0.1 * moved.grad).norm(dim=1)
    assert closer < 0.5 < farther


def test_is_what_torch_makes_of_it() -> None:
    draw = torch.Generator().manual_seed(0)
    x1, x2 = torch.randn(2, 20, 5, generator=draw, dtype=torch.float64)
    y = torch.rand(20, generator=draw, dtype=torch.float64).round()
    d = torch.linalg.vector_norm(x1 - x2, dim=1)
    # hinge_embedding_loss takes -1 for dissimilar pairs and is linear, so roots go in and squares come out
    hinge = F.hinge_embedding_loss(d, 2 * y - 1, margin=4.0, reduction="none")
    assert_close(contrastive_loss(x1, x2, y, margin=4.0, reduction="none"), hinge.square() / 2)


@pytest.mark.parametrize("similar", [0.0, 1.0])
def test_equal_embeddings_have_no_direction_to_part(similar: float) -> None:
    x = torch.randn(3, 4, dtype=torch.float64)
    x1, x2 = x.clone().requires_grad_(), x.clone().requires_grad_()
    loss = contrastive_loss(x1, x2, torch.full((3,), similar), margin=2.0)
    gradients = torch.autograd.grad(loss, (x1, x2), create_graph=True)
    assert_close(loss.item(), 0.0 if similar else 2.0)
    assert all((g == 0).all() for g in gradients)
    curvature = torch.autograd.grad(sum(g.sum() for g in gradients), x1)[0]
    assert curvature.isfinite().all()


def test_neither_huge_nor_tiny_differences_leave_float32() -> None:
    for scale, margin in ((1e-30, 1.0), (1e15, 1e16)):
        x = scale * torch.tensor([[3.0, 4.0]])
        moved = x.clone().requires_grad_()
        loss = contrastive_loss(torch.zeros(1, 2), moved, torch.tensor([0]), margin=margin)
        (slope,) = torch.autograd.grad(loss, moved)
        # -(margin - 5 scale) times the direction (0.6, 0.8)
        assert_close(slope, -(margin - 5 * scale) * torch.tensor([[0.6, 0.8]]))


def test_half_similar_is_half_of_each() -> None:
    ends = [contrastive_loss(ORIGIN, POINT, torch.full((2,), v)) for v in (0.0, 1.0)]
    assert_close(contrastive_loss(ORIGIN, POINT, torch.full((2,), 0.5)), sum(ends) / 2)


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    with pytest.raises(ValueError, match=r"`x2` must have the shape of `x1`, \(2, 2\), got \(1, 2\). Row i of both"):
        contrastive_loss(ORIGIN, POINT[:1], torch.ones(2))
    with pytest.raises(ValueError, match=r"`similar` must have shape \(2,\).*got \(2, 1\).*`similar.squeeze\(-1\)`"):
        contrastive_loss(ORIGIN, POINT, torch.ones(2, 1))
    with pytest.raises(ValueError, match=r"`x1` must have shape \(N, D\).*got \(2,\).*`x1.unsqueeze\(0\)`"):
        contrastive_loss(ORIGIN[0], POINT, torch.ones(2))
    with pytest.raises(ValueError, match=r"`margin` must be at least 0.0, got -1.0"):
        contrastive_loss(ORIGIN, POINT, torch.ones(2), margin=-1.0)
