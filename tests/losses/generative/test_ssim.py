"""SSIM: equal to scikit-image's, flat and bright images, equal images, and what is wrong is named."""

import pytest
import torch
from skimage.data import camera
from skimage.metrics import structural_similarity
from torch import Tensor
from torch.testing import assert_close

from companion.losses import ssim_loss


def noisy(shape: tuple[int, ...] = (3, 2, 20, 24)) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(shape, generator=draw, dtype=torch.float64)
    return x, x + 0.2 * torch.randn(shape, generator=draw, dtype=torch.float64)


@pytest.mark.parametrize("scale", [1.0, 255.0])
def test_is_one_minus_that_of_scikit_image(scale: float) -> None:
    x, y = (scale * v for v in noisy())
    options = {"gaussian_weights": True, "use_sample_covariance": False, "channel_axis": 0, "data_range": scale}
    right = [1 - structural_similarity(a.numpy(), b.numpy(), **options) for a, b in zip(x, y, strict=True)]
    assert_close(ssim_loss(x, y, data_range=scale, reduction="none"), torch.tensor(right, dtype=torch.float64))


def test_a_photograph_of_bytes() -> None:
    image = torch.from_numpy(camera()[::4, ::4].copy())[None, None]
    brighter = (image.float() * 0.8 + 30).round()
    right = structural_similarity(
        image[0, 0].double().numpy(),
        brighter[0, 0].double().numpy(),
        gaussian_weights=True,
        use_sample_covariance=False,
        data_range=255.0,
    )
    assert_close(ssim_loss(brighter, image, data_range=255.0).item(), 1 - right, rtol=1e-5, atol=0)


def test_flat_greys_by_hand() -> None:
    grey = torch.full((1, 1, 12, 12), 0.5, dtype=torch.float64)
    right = 0.1**2 / (0.6**2 + 0.5**2 + 0.01**2)
    assert_close(ssim_loss(grey + 0.1, grey, data_range=1.0).item(), right)


def test_a_negative_costs_nearly_two() -> None:
    x, _ = noisy()
    board = (x > 0.5).double()
    assert 1.9 < ssim_loss(1 - board, board, data_range=1.0) < 2.0


@pytest.mark.parametrize("level", [0.0, 1.0, 1e4])
def test_equal_images_cost_exactly_nothing(level: float) -> None:
    x = (noisy()[0] + level).float().requires_grad_()
    loss = ssim_loss(x, x.detach(), data_range=1.0)
    (slope,) = torch.autograd.grad(loss, x)
    assert loss == 0
    assert_close(slope, torch.zeros_like(slope))


@pytest.mark.parametrize("level", [0.0, 1.0, 100.0])
def test_a_bright_picture_keeps_its_digits_in_single_precision(level: float) -> None:
    """E[x^2] - E[x]^2 about zero would leave variances of noise at level 100."""
    x, y = ((v + level).float() for v in noisy())
    found = ssim_loss(x, y, data_range=1.0)
    right = ssim_loss(x.double(), y.double(), data_range=1.0)
    assert_close(found.double(), right, rtol=1e-6, atol=0)


def test_small_differences_keep_their_digits_in_single_precision() -> None:
    """1 - SSIM of nearly equal images, of which 1 minus the rounded similarity would keep nothing."""
    x = noisy()[0].float()
    y = x + 1e-5 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    right = ssim_loss(x.double(), y.double(), data_range=1.0)
    assert right < 1e-8
    assert_close(ssim_loss(x, y, data_range=1.0).double(), right, rtol=1e-5, atol=0)


def test_the_range_of_the_data_matters() -> None:
    x, y = noisy()
    assert_close(ssim_loss(255 * x, 255 * y, data_range=255.0), ssim_loss(x, y, data_range=1.0))
    assert ssim_loss(x, y, data_range=255.0) < 0.01 * ssim_loss(x, y, data_range=1.0)


def test_a_window_of_the_size_of_the_image_is_one_number() -> None:
    x, y = noisy((2, 1, 7, 7))
    assert ssim_loss(x, y, data_range=1.0, window=7, reduction="none").shape == (2,)


@pytest.mark.parametrize("step", [1e2, 1e3, 1e4, 1e5])
def test_the_range_holds_where_variances_are_lost_in_rounding(step: float) -> None:
    x, y = ((v + step * (torch.arange(24) > 11)).float().requires_grad_() for v in noisy())
    windows = ssim_loss(x, y, data_range=1.0, reduction="none")
    assert windows.min() >= 0
    assert windows.max() <= 2
    assert torch.autograd.grad(windows.sum(), x)[0].isfinite().all()


@pytest.mark.parametrize(("step", "digits"), [(10, 3e-5), (50, 1e-3), (1000, 0.2)])
def test_digits_go_as_the_parts_of_an_image_go_apart(step: float, digits: float) -> None:
    x, y = ((v + step * (torch.arange(24) > 11)).float() for v in noisy())
    assert_close(
        ssim_loss(x, y, data_range=1.0).double(), ssim_loss(x.double(), y.double(), data_range=1.0), rtol=digits, atol=0
    )


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    x, y = noisy((2, 1, 8, 8))
    with pytest.raises(ValueError, match=r"`input` must be at least `window` = 11 pixels.*\(2, 1, 8, 8\).*smaller odd"):
        ssim_loss(x, y, data_range=1.0)
    with pytest.raises(
        ValueError, match=r"`input` must have shape \(N, C, H, W\), got \(1, 8, 8\).*`input.unsqueeze\(1\)`"
    ):
        ssim_loss(x[0], y[0], data_range=1.0)
    with pytest.raises(ValueError, match=r"`input` must have at least one channel, got shape \(2, 0, 8, 8\)"):
        ssim_loss(x[:, :0], y[:, :0], data_range=1.0, window=5)
    with pytest.raises(ValueError, match=r"`sigma` must be at least 0.1, got 0.01"):
        ssim_loss(x, y, data_range=1.0, window=5, sigma=0.01)
    with pytest.raises(ValueError, match=r"`window` must be odd, so that it has a middle, got 4"):
        ssim_loss(x, y, data_range=1.0, window=4)
    with pytest.raises(ValueError, match=r"`data_range` must be above 0.0, got 0.0"):
        ssim_loss(x, y, data_range=0.0)
    with pytest.raises(TypeError, match=r"data_range"):
        ssim_loss(x, y)
    with pytest.raises(ValueError, match=r"`target` must have the shape of `input`"):
        ssim_loss(x, y[:, 0], data_range=1.0)
