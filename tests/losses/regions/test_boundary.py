"""Boundary loss by hand, its minimum, and maps that do not fit."""

import pytest
import torch
from scipy.ndimage import distance_transform_edt as edt
from torch import Tensor
from torch.testing import assert_close

from companion.losses import binary_boundary_loss, boundary_loss


def signed(mask: Tensor) -> Tensor:
    m = mask.numpy()
    return torch.as_tensor(edt(~m) - edt(m)).float()


def test_by_hand() -> None:
    distance = torch.tensor([[[-1.0, 2.0], [1.0, -2.0]]])
    logits = torch.tensor([[[0.0, 0.0], [0.0, 0.0]]])
    assert_close(boundary_loss(logits, distance, reduction="none"), torch.tensor([[0.25, -0.25]]))
    assert_close(binary_boundary_loss(logits, 3 * distance, reduction="none"), torch.tensor([[0.75, -0.75]]))


def test_the_region_itself_costs_least() -> None:
    mask = torch.zeros(8, 8, dtype=torch.bool)
    mask[2:5, 3:7] = True
    distance = signed(mask)[None, None]
    right = 50.0 * (2 * mask.float() - 1)[None, None]
    best = binary_boundary_loss(right, distance)
    for i in range(8):
        for j in range(8):
            other = right.clone()
            other[0, 0, i, j] *= -1
            assert binary_boundary_loss(other, distance) > best


def test_a_mistake_costs_its_distance() -> None:
    mask = torch.arange(10) < 2
    distance = signed(mask)[None, None]
    empty = torch.full((1, 1, 10), -50.0)
    for at, price in ((2, 1.0), (5, 4.0), (9, 8.0)):
        logits = empty.clone()
        logits[0, 0, at] = 50.0
        assert_close(binary_boundary_loss(logits, distance).item(), price / 10)


def test_the_weight_of_the_background_may_be_zero() -> None:
    logits, distance = torch.randn(2, 3, 5), torch.randn(2, 3, 5)
    found = boundary_loss(logits, distance, weight=torch.tensor([0.0, 1.0, 1.0]))
    assert_close(found, boundary_loss(logits, distance, reduction="none")[:, 1:].mean())


@pytest.mark.parametrize("loss", [boundary_loss, binary_boundary_loss])
@pytest.mark.as_user
def test_maps_that_do_not_fit(loss) -> None:
    with pytest.raises(ValueError, match=r"`distance` must have the shape of `input`, \(2, 3, 4\).*got \(2, 1, 4\)"):
        loss(torch.zeros(2, 3, 4), torch.zeros(2, 1, 4))
    with pytest.raises(ValueError, match=r"`input` must have shape \(N, C, \*\) with spatial axes, got \(2, 3\)"):
        loss(torch.zeros(2, 3), torch.zeros(2, 3))
    with pytest.raises(TypeError, match=r"signed distances to the contour, got dtype torch.int64. Is it the mask\?"):
        loss(torch.zeros(2, 3, 4), torch.zeros(2, 3, 4).long())


@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 3, 0)], ids=str)
def test_nothing_costs_nothing(shape: tuple[int, ...]) -> None:
    for loss in (boundary_loss, binary_boundary_loss):
        x = torch.zeros(shape, requires_grad=True)
        found = loss(x, torch.zeros(shape))
        found.backward()
        assert found == 0
