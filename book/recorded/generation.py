"""The sweep of the section `softadapt_generation`: do adaptive weights improve a small introspective VAE?

Run ``python book/recorded/generation.py`` from the repository; it takes about ten minutes on one core and writes
``generation.json`` beside this file. With ``--large`` the networks are wider and train for longer, on a GPU if torch
finds one, and the file is ``generation_large.json``.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import _stacked
import numpy as np
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

import companion
from companion import data, report
from companion.weighters import DWA, ReLoBRaLo, SoftAdapt, Static
from companion.weighters._base import Weighter

SEEDS = 10
UNITS = (1, 4, 8, 16, 32, 64, 256)  # by which the reconstruction loss is multiplied before anything weighs it
LEARNING_RATES = (0.003, 0.01)  # with equal weights, 0.001 and 0.03 were worse at the best unit
EPOCH = 17  # steps, of the small size
MARGIN = 10.0
PIXELS = 64
ENCODER = ("reconstruction", "prior", "margin")
GENERATOR = ("reconstruction", "introspection")

Weigh = Callable[[Tensor], Tensor]  # losses of all runs (runs, K) to their weights
Make = Callable[[tuple[str, ...], int], Weigh]  # names of the losses and number of runs


@dataclass(frozen=True)
class Size:
    """Widths and lengths."""

    hidden: int
    latent: int
    batch: int
    steps: int


SMALL, LARGE = Size(64, 8, 64, 1000), Size(512, 16, 256, 10_000)


def encoder(size: Size) -> nn.Module:
    """Image to mean and log variance of its code."""
    return nn.Sequential(nn.Linear(PIXELS, size.hidden), nn.ReLU(), nn.Linear(size.hidden, 2 * size.latent))


def generator(size: Size) -> nn.Module:
    """Code to image."""
    return nn.Sequential(nn.Linear(size.latent, size.hidden), nn.ReLU(), nn.Linear(size.hidden, PIXELS), nn.Sigmoid())


def stacked(make: Callable[[Size], nn.Module], size: Size, place: torch.device) -> tuple[Any, Callable[..., Tensor]]:
    """Parameters of one network per unit and seed, and what calls them all; a seed starts alike at every unit."""
    models = []
    for seed in list(range(SEEDS)) * len(UNITS):
        torch.manual_seed(seed)
        models.append(make(size).to(place))
    parameters, _ = stack_module_state(models)
    return parameters, vmap(lambda own, x: functional_call(models[0], own, (x,)))


def divergence(code: Tensor) -> Tensor:
    """KL divergence of each code from the standard normal prior, in nats."""
    mean, log_var = code.chunk(2, -1)
    return (mean.square() + log_var.exp() - 1 - log_var).sum(-1) / 2


def adapting(weighter: type[Weighter], **options: Any) -> Make:
    """A weighter with one state per run."""

    def make(names: tuple[str, ...], runs: int) -> Weigh:
        stack = _stacked.Stacked(weighter(names, **options).to(companion.device()), runs)

        def weigh(values: Tensor) -> Tensor:
            stack(values)
            return stack.state["weights"]

        return weigh

    return make


def shuffled(make: Make) -> Make:
    """Control: weights as large and as restless, handed to a loss drawn anew at every step."""

    def made(names: tuple[str, ...], runs: int) -> Weigh:
        weigh = make(names, runs)

        def deal(values: Tensor) -> Tensor:
            return weigh(values).gather(1, torch.rand_like(values).argsort(1))

        return deal

    return made


def frozen(weights: dict[tuple[str, ...], Tensor]) -> Make:
    """Control: each run keeps the mean weights that a run of another method had."""
    return lambda names, runs: lambda values: weights[names]


def calibrated(names: tuple[str, ...], runs: int) -> Weigh:
    """The likelihood of normal errors with the variance that fits best: PIXELS / 2 times the log of the error."""

    def weigh(values: Tensor) -> Tensor:
        weights = torch.ones_like(values)
        weights[:, 0] = PIXELS / 2 / values[:, 0]
        return weights

    return weigh


METHODS: dict[str, Make] = {
    "equal": adapting(Static),
    "original, 0.1": adapting(SoftAdapt, beta=0.1),
    "original, 1": adapting(SoftAdapt, beta=1.0),
    "normalized, 0.1": adapting(SoftAdapt, variant="normalized", beta=0.1),
    "normalized, 1": adapting(SoftAdapt, variant="normalized", beta=1.0),
    "loss-weighted, 0.1": adapting(SoftAdapt, variant="loss-weighted", beta=0.1),
    "loss-weighted, 1": adapting(SoftAdapt, variant="loss-weighted", beta=1.0),
    "control: loss-weighted, 0": adapting(SoftAdapt, variant="loss-weighted", beta=0.0),
    "control: original, 1, shuffled": shuffled(adapting(SoftAdapt, beta=1.0)),
    "DWA": adapting(DWA, period=EPOCH),
    "ReLoBRaLo": adapting(ReLoBRaLo),
    "calibrated": calibrated,
}
FROZEN, THAWED = "control: loss-weighted, 0.1, mean weights", "loss-weighted, 0.1"


@dataclass(frozen=True)
class Trained:
    """Networks of all runs, and the mean weights they were trained with."""

    encode: Callable[[Tensor], Tensor]
    generate: Callable[[Tensor], Tensor]
    weights: dict[tuple[str, ...], Tensor]


def train(make: Make, x: Tensor, lr: float, size: Size) -> Trained:
    """Introspective VAEs on ``x`` (seeds, rows, pixels): at every unit one per seed, all at once."""
    place, runs = x.device, len(UNITS) * SEEDS
    (theta, encode), (phi, generate) = stacked(encoder, size, place), stacked(generator, size, place)
    inwards, outwards = (torch.optim.Adam(own.values(), lr=lr) for own in (theta, phi))
    weigh = {names: make(names, runs) for names in (ENCODER, GENERATOR)}
    total = {names: torch.zeros(runs, len(names), device=place) for names in weigh}
    unit = torch.tensor(UNITS, dtype=torch.float32, device=place).repeat_interleave(SEEDS)
    torch.manual_seed(0)

    def descend(names: tuple[str, ...], parts: list[Tensor], parameters: Any, optimizer: torch.optim.Adam) -> None:
        losses = torch.stack(parts, 1)
        weights = weigh[names](losses.detach())
        total[names] += weights
        gradients = torch.autograd.grad((weights * losses).sum(), list(parameters.values()), retain_graph=True)
        for parameter, gradient in zip(parameters.values(), gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()

    for _ in range(size.steps):
        rows = torch.rand(x.shape[:2], device=place).argsort(1)[:, : size.batch, None]
        batch = x.gather(1, rows.expand(-1, -1, PIXELS)).repeat(len(UNITS), 1, 1)
        drawn, blind = torch.randn(2, SEEDS, size.batch, size.latent, device=place).repeat(1, len(UNITS), 1, 1)
        code = encode(theta, batch)
        mean, log_var = code.chunk(2, -1)
        images = generate(phi, torch.cat([mean + (log_var / 2).exp() * drawn, blind], 1))
        error = unit * (images[:, : size.batch] - batch).square().sum(-1).mean(1) / 2

        # The encoder pulls real images to the prior and pushes the generator's images at least MARGIN away from it ...
        away = divergence(encode(theta, images.detach())).unflatten(1, (2, -1)).mean(2)
        parts = [error, divergence(code).mean(1), (MARGIN - away).relu().mean(1)]
        descend(ENCODER, parts, theta, inwards)
        # ... and the generator pulls them back.
        parts = [error, divergence(encode(theta, images)).mean(1)]
        descend(GENERATOR, parts, phi, outwards)

    means = {names: weights / size.steps for names, weights in total.items()}
    return Trained(lambda rows: encode(theta, rows), lambda rows: generate(phi, rows), means)


def two_samples(made: Tensor, real: Tensor) -> dict[str, float]:
    """How far the samples are from real images: squared MMD of a Gaussian kernel, and how often neighbours tell.

    The kernel's width is the median distance between real images. ``told apart`` is the share of images, made and
    real, whose nearest neighbour is of their own kind: one half if the two cannot be told apart.
    """
    n = len(real)
    squares = torch.cdist(*[torch.cat([made, real])] * 2, compute_mode="donot_use_mm_for_euclid_dist").square()
    kernel = (-squares / squares[n:, n:].median()).exp().fill_diagonal_(0.0)
    within = kernel[:n, :n].sum() + kernel[n:, n:].sum()
    nearest = squares.fill_diagonal_(torch.inf).argmin(1) < n
    of_own_kind = torch.cat([nearest[:n], ~nearest[n:]])
    return {
        "mmd": float(within / (n * (n - 1)) - 2 * kernel[:n, n:].mean()),
        "told apart": float(of_own_kind.float().mean()),
    }


def likeness(images: Tensor, real: Tensor) -> dict[str, float]:
    """Mean over the images of PSNR in decibels and of SSIM in windows of 5 x 5 pixels."""
    shape = (-1, 8, 8)
    pairs = list(zip(images.view(shape).cpu().numpy(), real.view(shape).cpu().numpy(), strict=True))
    return {
        "psnr": float(np.mean([peak_signal_noise_ratio(b, a, data_range=1.0) for a, b in pairs])),
        "ssim": float(np.mean([structural_similarity(a, b, win_size=5, data_range=1.0) for a, b in pairs])),
    }


@torch.no_grad()
def judge(fit: Trained, parts: dict[str, Tensor], size: Size) -> dict[str, list[list[float]]]:
    """Scores per unit and seed; samples are judged on the validation part as well, for the choice of settings."""
    place, test = parts["test"].device, parts["test"].repeat(len(UNITS), 1, 1)
    code = fit.encode(test)
    restored = fit.generate(code.chunk(2, -1)[0])
    draw = torch.Generator(place).manual_seed(1)
    noise = torch.randn(2, SEEDS, test.shape[1], size.latent, generator=draw, device=place)
    made = dict(zip(("validation", "test"), (fit.generate(z.repeat(len(UNITS), 1, 1)) for z in noise), strict=True))
    rows = []
    for run in range(len(test)):
        seed = run % SEEDS
        row = two_samples(made["test"][run], parts["test"][seed]) | likeness(restored[run], test[run])
        row["kl"] = float(divergence(code[run]).mean())
        row["validation mmd"] = two_samples(made["validation"][run], parts["validation"][seed])["mmd"]
        rows.append(row)
    by_unit = [rows[i : i + SEEDS] for i in range(0, len(rows), SEEDS)]
    return {metric: [[round(row[metric], 5) for row in unit] for unit in by_unit] for metric in rows[0]}


def main() -> None:
    """Every method at every unit and learning rate."""
    torch.set_num_threads(1)
    large = "--large" in sys.argv
    size = LARGE if large else SMALL
    images, digits = data.digits()
    images = images.to(companion.device())
    splits = [data.split(digits, seed=seed)._asdict() for seed in range(SEEDS)]
    parts = {part: torch.stack([images[split[part]] for split in splits]) for part in splits[0]}

    results: dict[str, Any] = {}
    for lr in LEARNING_RATES:
        methods = dict(METHODS)
        for name in (*METHODS, FROZEN):
            fit = train(methods[name], parts["train"], lr, size)
            if name == THAWED:
                methods[FROZEN] = frozen(fit.weights)
            found: dict[str, Any] = judge(fit, parts, size)
            own = fit.weights[ENCODER]
            ratios = (own[:, 0] / own[:, 1]).view(len(UNITS), SEEDS).mean(1)
            found["reconstruction over prior"] = [round(float(ratio), 4) for ratio in ratios]
            results.setdefault(name, {})[str(lr)] = found
            best = int(np.mean(found["validation mmd"], 1).argmin())
            print(lr, name, UNITS[best], {m: round(float(np.mean(v[best])), 4) for m, v in found.items()}, flush=True)
    chance = [two_samples(a, b) for a, b in zip(parts["validation"], parts["test"], strict=True)]
    results["real"] = {metric: [round(row[metric], 5) for row in chance] for metric in chance[0]}
    found = {"units": UNITS, "margin": MARGIN, "size": vars(size), "results": results}
    name = "generation_large" if large else "generation"
    report.record(name, found, command=f"python {' '.join(sys.argv)}", scripts=[__file__, _stacked.__file__])


if __name__ == "__main__":
    main()
