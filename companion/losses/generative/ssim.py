"""Structural similarity: two images are compared window by window, in brightness, contrast and pattern."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction, check_same_shape
from companion._margin import full_precision, upcast
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._twin import Twin


def ssim_loss(
    input: Float[Tensor, "batch channels height width"],
    target: Shaped[Tensor, "batch channels height width"],
    *,
    data_range: float,
    window: int = 11,
    sigma: float = 1.5,
    sample_weight: Float[Tensor, " batch"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Wants images that look alike: the same pattern, rather than the same pixels.

    With means, variances and covariance under a Gaussian window,

    .. math:: \ell = 1 - \frac{2 \mu_x \mu_y + C_1}{\mu_x^2 + \mu_y^2 + C_1} \cdot
       \frac{2 \sigma_{xy} + C_2}{\sigma_x^2 + \sigma_y^2 + C_2} , \qquad C_1 = (0.01 L)^2 , \; C_2 = (0.03 L)^2 ,

    averaged over all windows that lie inside the image and over the channels. 0 for equal images, 1 for unrelated ones,
    up to 2 for a negative. A flat grey of 0.5 against one of 0.6 costs 0.016: brightness hardly counts, which is why
    it is often mixed with an absolute error. The constants hang on ``data_range``: with a wrong one the number is
    another, and not comparable. An image in float32 whose parts are 10 ``data_range`` apart has five digits, one of 50
    three, and one of 1000 a single one: variances are lost in rounding there, and only the range of the loss holds.

    Args:
        input: Images, ``(N, C, H, W)``, at least ``window`` pixels high and wide.
        target: Images in the shape of ``input``.
        data_range: :math:`L`, the span of the pixels: 1 for images from 0 to 1, 2 from -1 to 1, 255 for bytes.
        window: Pixels along one side of the window, odd. The paper has 11.
        sigma: Standard deviation of the window in pixels, at least 0.1. The paper has 1.5.
        sample_weight: One weight per image, ``(N,)``. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss, from 0 to 2: a scalar, or ``(N,)`` under ``reduction="none"``.

    Raises:
        TypeError: If ``input`` is not floating point, or an option has the wrong type.
        ValueError: If shapes disagree, the images are smaller than the window, or an option is out of range.

    Example:
        >>> import torch
        >>> grey = torch.full((1, 1, 16, 16), 0.5)
        >>> ssim_loss(grey + 0.1, grey, data_range=1.0)  # 0.1^2 / (0.6^2 + 0.5^2 + 0.0001)
        tensor(0.0164)

    References:
        Wang, Bovik, Sheikh, Simoncelli, *Image Quality Assessment: From Error Visibility to Structural Similarity*,
        IEEE Transactions on Image Processing, 2004, equation (13). https://doi.org/10.1109/TIP.2003.819861
    """
    check_options("ssim_loss", data_range=data_range, window=window, sigma=sigma, reduction=reduction)
    check_same_shape(input, target)
    _check_images(input, window)
    x = upcast(input)
    y = target.to(x.dtype)
    loss = _windows(x, y, data_range, _gaussian(window, sigma, x)).flatten(1).mean(dim=1)
    return reduce_rows(loss, sample_weight, reduction)


def _check_images(input: Tensor, window: int) -> None:
    if input.dim() != 4:
        cure = " For grey images (N, H, W) add the channel: `input.unsqueeze(1)`." if input.dim() == 3 else ""
        raise ValueError(f"`input` must have shape (N, C, H, W), got {tuple(input.shape)}.{cure}")
    if input.shape[1] == 0:
        raise ValueError(f"`input` must have at least one channel, got shape {tuple(input.shape)}.")
    if min(input.shape[2:]) < window:
        raise ValueError(
            f"`input` must be at least `window` = {window} pixels high and wide, got shape {tuple(input.shape)}. "
            "A smaller odd `window` fits smaller images."
        )


def _gaussian(window: int, sigma: float, x: Tensor) -> Tensor:
    at = torch.arange(window, dtype=x.dtype, device=x.device) - (window - 1) / 2
    weights = torch.exp(-(at**2) / (2 * sigma**2))
    return weights / weights.sum()


def _windows(x: Tensor, y: Tensor, data_range: float, weights: Tensor) -> Tensor:
    """1 - SSIM of every window, from 1 - SSIM = a + (1 - a) b, in which equal images do not cancel.

    a = (mu_x - mu_y)^2 / (mu_x^2 + mu_y^2 + C1) and b = var(x - y) / (var x + var y + C2). Everything is taken about
    the mean of the image: E[x^2] - E[x]^2 of a bright image would lose its digits.
    """
    centre_x, centre_y = (v.detach().mean(dim=(2, 3), keepdim=True) for v in (x, y))
    gap = centre_x - centre_y
    u, v, d = x - centre_x, y - centre_y, (x - y) - gap
    u_mean, v_mean, d_mean, squares, d_square = _blur([u, v, d, u.square() + v.square(), d.square()], weights)
    brightness = (u_mean + centre_x).square() + (v_mean + centre_y).square() + (0.01 * data_range) ** 2
    both = (squares - u_mean.square() - v_mean.square()).clamp_min(0.0)
    apart = (d_square - d_mean.square()).clamp_min(0.0)
    # var(x - y) <= 2 (var x + var y), though not once the right side is rounding: then what is missing is a constant.
    contrast = both + (apart / 2 - both).detach().clamp_min(0.0) + (0.03 * data_range) ** 2
    a = (d_mean + gap).square() / brightness
    b = apart / contrast
    return a + (1 - a) * b


def _blur(maps: list[Tensor], weights: Tensor) -> tuple[Tensor, ...]:
    """The weighted mean under every window inside the image, along one axis and then the other."""
    x = torch.cat(maps, dim=1)
    kernel = weights.expand(x.shape[1], 1, 1, -1)
    with full_precision(x):
        x = F.conv2d(F.conv2d(x, kernel, groups=x.shape[1]), kernel.mT, groups=x.shape[1])
    return x.chunk(len(maps), dim=1)


class SSIMLoss(Twin, of=ssim_loss): ...
