"""What a loss does to the simplest model, a constant."""

from collections.abc import Callable
from typing import Any

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

Loss = Callable[..., Tensor]


def contaminated(far: float = 1e4) -> Tensor:
    """Six values at 0 and four far above."""
    return torch.tensor([0.0] * 6 + [far] * 4, dtype=torch.float64)


def best_constant(loss: Loss, y: Tensor, low: float, high: float, **options: Any) -> float:
    """The cheapest prediction for all of ``y`` alike, between ``low`` and ``high``."""

    def price(m: float) -> float:
        return loss(torch.full_like(y, m), y, **options).item()

    return minimize_scalar(price, bounds=(low, high), method="bounded", options={"xatol": 1e-10}).x


def pull(loss: Loss, residuals: Tensor | list[float], **options: Any) -> Tensor:
    """The derivative of the loss at each residual, in float64."""
    r = torch.as_tensor(residuals, dtype=torch.float64).clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(r, torch.zeros_like(r), **options, reduction="sum"), r)
    return slope


def efficiency(loss: Loss, **options: Any) -> float:
    """Variance of the mean over that of the best constant, for many values with Gaussian noise of deviation 1.

    (E psi')^2 / E psi^2 for the pull psi (Huber 1964); under a Gaussian, E psi' = E x psi.
    """
    x = torch.linspace(-12, 12, 200_001, dtype=torch.float64)
    density, psi = torch.exp(-x * x / 2), pull(loss, x, **options)
    density = density / density.sum()
    return ((density * x * psi).sum() ** 2 / (density * psi * psi).sum()).item()
