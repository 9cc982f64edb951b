"""Total variation: by hand, edges and ramps, slopes at equal neighbours."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from companion.losses import total_variation

SQUARE = torch.zeros(1, 1, 4, 4)
SQUARE[..., 1:3, 1:3] = 1


def test_by_hand() -> None:
    assert_close(total_variation(SQUARE), torch.tensor(8.0))
    # The corner where two sides meet at one pixel, inside below and right, counts sqrt(2) instead of 2.
    assert_close(total_variation(SQUARE, isotropic=True), torch.tensor(6 + math.sqrt(2)))


def test_an_edge_costs_as_much_as_a_ramp() -> None:
    edge = torch.tensor([0.0, 0.0, 1.0, 1.0]).view(1, 1, 1, 4)
    ramp = torch.tensor([0.0, 0.25, 0.5, 1.0]).view(1, 1, 1, 4)
    for isotropic in (False, True):
        for image in (edge, ramp):
            assert_close(total_variation(image, isotropic=isotropic), torch.tensor(1.0))


def test_is_the_sum_of_numpy_differences() -> None:
    x = torch.randn(3, 2, 5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    down, right = (torch.from_numpy(abs(np.diff(x.numpy(), axis=d))) for d in (2, 3))
    assert_close(total_variation(x, reduction="none"), down.sum(dim=(1, 2, 3)) + right.sum(dim=(1, 2, 3)))


def test_oblique_edges_are_cheaper_in_lengths() -> None:
    oblique = torch.ones(8, 8).tril().flip(1).view(1, 1, 8, 8)
    assert total_variation(oblique, isotropic=True) < 0.8 * total_variation(oblique)


@pytest.mark.parametrize("isotropic", [False, True])
def test_a_flat_image_has_slope_zero(isotropic: bool) -> None:
    flat = torch.full((1, 2, 3, 3), 0.5, requires_grad=True)
    (slope,) = torch.autograd.grad(total_variation(flat, isotropic=isotropic), flat)
    assert_close(slope, torch.zeros_like(flat))


def test_a_single_pixel_costs_nothing() -> None:
    assert_close(total_variation(torch.ones(2, 1, 1, 1), isotropic=True), torch.tensor(0.0))


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"`images` must have shape \(N, C, H, W\), got \(1, 4, 4\).*`images.unsqueeze"
    ):
        total_variation(SQUARE[0])
    with pytest.raises(TypeError, match=r"`isotropic` must be True or False, got 'yes'"):
        total_variation(SQUARE, isotropic="yes")
