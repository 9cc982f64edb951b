"""The rows of the registry for terms that take tensors: penalties on activations and images, generative losses.

Penalties on parameters and on gradients take modules: their contracts are in regularization/test_l1.py, test_l2.py,
test_elastic_net.py and test_gradient_penalty.py. `gaussian_kl` has one number per row and no reduction: its contract is
in generative/test_gaussian_kl.py.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any

import torch
from mpmath import exp, log, mpf, sqrt
from torch import Tensor

from companion import losses
from tests.losses.info import OwnInfo
from tests.losses.references import Number


def numbers(x: Tensor) -> Any:
    """A tensor as nested lists of mpf."""
    return [numbers(part) for part in x] if x.dim() else mpf(x.item())


def divergence(m: Number, s: Number) -> Number:
    """Kingma 2014, appendix B, for one latent; beyond a log variance of 20 the exponential is its tangent."""
    variance = exp(s) if s <= 20 else exp(mpf(20)) * (1 + s - 20)
    return (m**2 + variance - 1 - s) / 2


def elbo(
    reconstruction: Tensor, mean: Tensor, log_var: Tensor, beta: float = 1.0, free_bits: float = 0.0
) -> Sequence[Number]:
    pairs = [list(zip(m, s, strict=True)) for m, s in zip(numbers(mean), numbers(log_var), strict=True)]
    kl = [[divergence(m, s) for m, s in row] for row in pairs]
    for j, column in enumerate(list(zip(*kl, strict=True))):
        if sum(column) / len(column) < free_bits:
            for row in kl:
                row[j] = mpf(free_bits)
    return [r + mpf(beta) * sum(row) for r, row in zip(numbers(reconstruction), kl, strict=True)]


def introvae(
    reconstruction: Tensor,
    real: Tensor,
    made: Tensor,
    player: str = "encoder",
    margin: float = 10.0,
    alpha: float = 0.5,
    beta: float = 1.0,
) -> Sequence[Number]:
    """Huang 2018: the losses of encoder and generator, for every row."""
    rows = zip(numbers(reconstruction), numbers(real), numbers(made), strict=True)
    if player == "generator":
        return [mpf(alpha) * sum(away) + mpf(beta) * r for r, _, away in rows]
    return [d + mpf(alpha) * sum(max(margin - a, mpf(0)) for a in away) + mpf(beta) * r for r, d, away in rows]


def ssim(input: Tensor, target: Tensor, data_range: float, window: int = 11, sigma: float = 1.5) -> Sequence[Number]:
    """Wang 2004, equations (13) to (16), in every window that lies inside."""
    half = window // 2
    bell = [exp(-(mpf(i - half) ** 2) / (2 * mpf(sigma) ** 2)) for i in range(window)]
    weights = [a * b / sum(bell) ** 2 for a, b in product(bell, bell)]
    c1, c2 = (mpf("0.01") * mpf(data_range)) ** 2, (mpf("0.03") * mpf(data_range)) ** 2

    def mean(values: Sequence[Number]) -> Number:
        return sum(w * v for w, v in zip(weights, values, strict=True))

    def of_window(x: Sequence[Number], y: Sequence[Number]) -> Number:
        mx, my = mean(x), mean(y)
        vx, vy = mean([(a - mx) ** 2 for a in x]), mean([(b - my) ** 2 for b in y])
        both = mean([(a - mx) * (b - my) for a, b in zip(x, y, strict=True)])
        return (2 * mx * my + c1) * (2 * both + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))

    found = []
    for x, y in zip(input, target, strict=True):
        places = list(product(range(x.shape[0]), range(x.shape[1] - window + 1), range(x.shape[2] - window + 1)))
        cut = [[numbers(z[c, i : i + window, j : j + window].flatten()) for z in (x, y)] for c, i, j in places]
        found.append(1 - sum(of_window(a, b) for a, b in cut) / len(cut))
    return found


def sparsity(logits: Tensor, rho: float = 0.05) -> Sequence[Number]:
    """Ng 2011: the divergence of two coins, summed over the units."""
    p, total = mpf(rho), mpf(0)
    for unit in zip(*numbers(logits), strict=True):
        on = sum(1 / (1 + exp(-z)) for z in unit) / len(unit)
        off = sum(1 / (1 + exp(z)) for z in unit) / len(unit)
        total += p * log(p / on) + (1 - p) * log((1 - p) / off)
    return [total]


def variation(images: Tensor, isotropic: bool = False) -> Sequence[Number]:
    found = []
    for image in numbers(images):
        total = mpf(0)
        for x in image:
            for i, j in product(range(len(x)), range(len(x[0]))):
                down = x[i + 1][j] - x[i][j] if i + 1 < len(x) else mpf(0)
                right = x[i][j + 1] - x[i][j] if j + 1 < len(x[0]) else mpf(0)
                total += sqrt(down**2 + right**2) if isotropic else abs(down) + abs(right)
        found.append(total)
    return found


def normal(draw: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=draw, dtype=torch.float64)


def codes(rows: int, draw: torch.Generator) -> tuple[Tensor, ...]:
    return normal(draw, rows).square(), normal(draw, rows, 3), normal(draw, rows, 3)


def far_codes() -> Sequence[tuple[Tensor, ...]]:
    mean = torch.tensor([[1e4, 0.0, -1e4], [1e-4, 0.0, 1.0]])
    log_var = torch.tensor([[1e4, -1e4, 20.0], [1e-3, 0.0, -0.4]])
    return [(torch.tensor([1e4, 0.0]), mean, log_var)]


def divergences(rows: int, draw: torch.Generator) -> tuple[Tensor, ...]:
    return normal(draw, rows).square(), normal(draw, rows).square(), 6 * normal(draw, rows, 2).square()


def far_divergences() -> Sequence[tuple[Tensor, ...]]:
    return [(torch.tensor([1e4, 0.0]), torch.tensor([0.0, 1e4]), torch.tensor([[1e4, 0.0], [10.0, 1e-4]]))]


def pictures(rows: int, draw: torch.Generator) -> tuple[Tensor, ...]:
    clean = torch.rand(rows, 2, 6, 8, generator=draw, dtype=torch.float64)
    return clean + 0.2 * normal(draw, *clean.shape), clean


def far_pictures() -> Sequence[tuple[Tensor, ...]]:
    flat = torch.full((1, 1, 4, 4), 1e4)
    board = torch.arange(16).view(1, 1, 4, 4).remainder(3) * 1e4
    return [(flat, flat), (flat, flat / 2), (board, board), (board, board / 2)]


def hidden(rows: int, draw: torch.Generator) -> tuple[Tensor, ...]:
    return (2 * normal(draw, rows, 3),)


def far_hidden() -> Sequence[tuple[Tensor, ...]]:
    return [(torch.tensor([[1e4, -1e4, 0.0, 30.0, -1e4], [1e4, -1e4, 0.0, -30.0, 1e4]]),)]


def far_images() -> Sequence[tuple[Tensor, ...]]:
    steps = torch.tensor([[1e4, 1e4, -1e4], [1e4, 0.0, 1e-4], [0.0, 0.0, 1e-20]])
    return [(steps.view(1, 1, 3, 3),), (torch.full((1, 1, 3, 3), 1e4),)]


TERMS = [
    OwnInfo(
        losses.elbo_loss,
        losses.ELBOLoss,
        codes,
        elbo,
        far_codes,
        nothing=lambda: [(torch.zeros(0), torch.zeros(0, 3), torch.zeros(0, 3))],
        sweep=({}, {"beta": 4.0}, {"free_bits": 0.9}),
        learned={"beta": 0.5},
        slopes=(0, 1, 2),
    ),
    OwnInfo(
        losses.introvae_loss,
        losses.IntroVAELoss,
        divergences,
        introvae,
        far_divergences,
        nothing=lambda: [(torch.zeros(0), torch.zeros(0), torch.zeros(0, 2))],
        sweep=({}, {"player": "generator", "alpha": 2.0}, {"margin": 3.0, "beta": 0.25}),
        learned={"alpha": 0.5, "beta": 2.0},
        slopes=(0, 2),  # the generator does not see the divergence of real rows
    ),
    OwnInfo(
        losses.ssim_loss,
        losses.SSIMLoss,
        pictures,
        ssim,
        far_pictures,
        nothing=lambda: [(torch.zeros(0, 1, 3, 3), torch.zeros(0, 1, 3, 3))],
        sweep=({}, {"sigma": 0.5}, {"data_range": 255.0}),
        needs={"data_range": 1.0, "window": 3},
    ),
    OwnInfo(
        losses.sparsity_kl,
        None,
        hidden,
        sparsity,
        far_hidden,
        nothing=lambda: [(torch.zeros(0, 3),)],
        sweep=({}, {"rho": 0.25}),
    ),
    OwnInfo(
        losses.total_variation,
        None,
        lambda rows, draw: (normal(draw, rows, 2, 3, 4),),
        variation,
        far_images,
        nothing=lambda: [(torch.zeros(0, 1, 3, 3),), (torch.full((2, 1, 3, 3), 7.0),)],
        sweep=({}, {"isotropic": True}),
    ),
]
