"""Differences of exponentials that keep the small ones, in value and slopes."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def exp_excess(x: Tensor) -> Tensor:
    """exp(x) - 1 - x, about x^2 / 2 near 0; the caller keeps exp(x) finite."""
    # Near 0 the terms cancel. There z / expm1(z) is 1 - z/2 + z^2/12 - z^4/720 + ..., by the numbers of Bernoulli.
    z = x.clamp(-0.1, 0.1)
    w = z * z
    near = torch.expm1(z) * z * (0.5 - z * (1 / 12 - w * (1 / 720 - w * (1 / 30240 - w / 1209600))))
    # With x = z + d, what is left is exp(z) (exp(d) - 1 - d) + (exp(z) - 1) d, exactly 0 up to the seam.
    d = x - z
    return near + torch.exp(z) * (torch.expm1(d) - d) + torch.expm1(z) * d


def one_minus_exp(v: Tensor) -> Tensor:
    """1 - exp(-v) for v >= 0; expm1 is right near 0, but its backward is result + 1, which rounds to 0 far from it.

    So in two parts, of which the second is exactly 0 up to the seam. (torch.where would do, at three times the time.)
    """
    near, beyond = v.clamp_max(0.5), F.relu(v - 0.5)
    return math.exp(-0.5) * (1 - torch.exp(-beyond)) - torch.expm1(-near)
