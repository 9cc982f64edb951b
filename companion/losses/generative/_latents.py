"""The divergence of every latent from the standard normal prior."""

import math

import torch.nn.functional as F
from torch import Tensor

from companion._checks import check_floating
from companion._exp import exp_excess
from companion._margin import upcast

LOG_VAR_CAP = 20.0  # a standard deviation of 22026; beyond it the exponential goes on along its tangent


def kl_of_latents(mean: Tensor, log_var: Tensor) -> Tensor:
    """The divergence (N, L) of every latent by itself."""
    check_floating("mean", mean)
    check_floating("log_var", log_var)
    if mean.dim() < 2:
        raise ValueError(
            f"`mean` must have shape (N, *), one code per row, got {tuple(mean.shape)}. "
            "For a single latent add an axis: `mean.unsqueeze(1)`."
        )
    if log_var.shape != mean.shape:
        raise ValueError(f"`log_var` must have the shape of `mean`, {tuple(mean.shape)}, got {tuple(log_var.shape)}.")
    m, s = upcast(mean).flatten(1), upcast(log_var).flatten(1)
    beyond = math.expm1(LOG_VAR_CAP) * F.relu(s - LOG_VAR_CAP)
    return (m.square() + exp_excess(s.clamp_max(LOG_VAR_CAP)) + beyond) / 2
