"""The studies of the section `softadapt`: two test functions, and a sparse autoencoder.

Run ``python book/recorded/softadapt.py`` from the repository; it takes about ten minutes on one core and writes
``softadapt.json`` beside this file. With ``--large`` it trains larger autoencoders on patches of photographs instead,
which asks for a GPU, and writes ``softadapt_large.json``.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import softadapt_functions as functions
import torch
from sklearn.datasets import load_sample_images
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from softadapt_functions import Adaptive, Fixed, Noted, Shuffled
from torch import Tensor

import companion
from companion import data, report
from companion.weighters.softadapt import Variant


@dataclass(frozen=True)
class Plan:
    """Data and size of a study: the images of each seed's three parts, and what is trained on them."""

    parts: dict[str, Tensor]  # (seeds, images, pixels)
    labels: dict[str, Tensor] | None
    units: int
    budgets: tuple[int, ...]  # steps
    batch: int
    rates: tuple[float, ...] = (0.01, 0.03)
    rho: float = 0.05
    strengths: tuple[float, ...] = (0.003, 0.01, 0.04, 0.15, 0.6, 2.0, 8.0, 30.0)
    betas: tuple[float, ...] = (0.1, 10.0)


def of_digits() -> Plan:
    """Digits of 8 x 8 pixels, a split for each of ten seeds."""
    images, digits = data.digits()
    splits = [data.split(digits, seed=seed)._asdict() for seed in range(10)]
    parts = {part: torch.stack([images[split[part]] for split in splits]) for part in splits[0]}
    labels = {part: torch.stack([digits[split[part]] for split in splits]) for part in splits[0]}
    return Plan(parts, labels, units=36, budgets=(800, 3200), batch=128)


def of_photographs() -> Plan:
    """Patches of 12 x 12 pixels of two photographs, drawn anew for each of ten seeds; those for testing lie lowest."""
    photographs = [torch.from_numpy(image).float().mean(-1) / 255 for image in load_sample_images().images]
    side, parts = 12, dict[str, list[Tensor]]()
    sizes = {"train": (20_000, 0.0, 0.6), "validation": (4_000, 0.62, 0.78), "test": (4_000, 0.8, 1.0)}
    for seed, (part, (count, top, bottom)) in product(range(10), sizes.items()):
        draw = torch.Generator().manual_seed(seed)
        patches = []
        for photograph in photographs:
            high, wide = photograph.shape
            first, last = int(top * high), int(bottom * high) - side
            rows = torch.randint(first, last, (count // 2,), generator=draw)
            columns = torch.randint(0, wide - side, (count // 2,), generator=draw)
            windows = photograph.unfold(0, side, 1).unfold(1, side, 1)
            patches.append(windows[rows, columns].flatten(1))
        parts.setdefault(part, []).append(torch.cat(patches))
    return Plan({part: torch.stack(own) for part, own in parts.items()}, None, units=256, budgets=(10_000,), batch=1024)


SHUFFLED = ("original 10", "loss-weighted 0.1")


class Autoencoders:
    """One sparse autoencoder for each seed, with sigmoid units, side by side."""

    def __init__(self, plan: Plan) -> None:
        self.rho, seeds, pixels = plan.rho, *plan.parts["train"].shape[::2]
        device = plan.parts["train"].device
        draws = [torch.Generator().manual_seed(seed) for seed in range(seeds)]

        def drawn(rows: int, columns: int) -> Tensor:
            bound = (6 / (rows + columns)) ** 0.5
            values = torch.stack([torch.rand(rows, columns, generator=draw) for draw in draws])
            return (bound * (2 * values - 1)).to(device).requires_grad_()

        self.into, self.out = drawn(pixels, plan.units), drawn(plan.units, pixels)
        self.biases = [torch.zeros(seeds, 1, n, device=device, requires_grad=True) for n in (plan.units, pixels)]
        self.parameters = [self.into, self.out, *self.biases]

    def codes(self, x: Tensor) -> Tensor:
        """Activities of the hidden units, between 0 and 1."""
        return torch.baddbmm(self.biases[0], x, self.into).sigmoid()

    def losses(self, x: Tensor) -> Tensor:
        """Squared error of a pixel, and KL divergence of the units' mean activities from rho, (seeds, 2)."""
        codes = self.codes(x)
        error = torch.baddbmm(self.biases[1], codes, self.out).sigmoid() - x
        active, rho = codes.mean(1).clamp(1e-6, 1 - 1e-6), self.rho
        apart = rho * (rho / active).log() + (1 - rho) * ((1 - rho) / (1 - active)).log()
        return torch.stack([error.square().mean((1, 2)), apart.sum(1)], 1)


def fit(plan: Plan, steps: int, rate: float, steer: Fixed) -> dict[str, list[float]]:
    """Train with Adam; squared error, KL and the accuracy of a linear probe, on validation and test images."""
    models, train = Autoencoders(plan), plan.parts["train"]
    optimizer = torch.optim.Adam(models.parameters, lr=rate)
    draw, seeds = torch.Generator().manual_seed(0), torch.arange(len(train))[:, None]
    for _ in range(steps):
        rows = torch.randint(train.shape[1], (len(train), plan.batch), generator=draw)
        values = models.losses(train[seeds, rows])
        optimizer.zero_grad()
        (steer(values.detach()) * values).sum().backward()
        optimizer.step()
    scores: dict[str, list[float]] = {}
    with torch.no_grad():
        for part in ("validation", "test"):
            mse, kl = models.losses(plan.parts[part]).double().cpu().T.tolist()
            scores |= {f"{part} mse": mse, f"{part} kl": kl}
        if plan.labels is not None:
            codes = {part: models.codes(images).cpu() for part, images in plan.parts.items()}
            scores |= probe(codes, plan.labels)
    return {name: [float(f"{value:.5g}") for value in values] for name, values in scores.items()}


def probe(x: dict[str, Tensor], y: dict[str, Tensor]) -> dict[str, list[float]]:
    """Accuracy of logistic regression on what each seed's model makes of the images."""
    found: dict[str, list[float]] = {"validation accuracy": [], "test accuracy": []}
    for seed in range(len(y["train"])):
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        model.fit(x["train"][seed], y["train"][seed])
        for name in found:
            part = name.split()[0]
            found[name].append(model.score(x[part][seed], y[part][seed]))
    return found


def settings(plan: Plan) -> Iterator[tuple[str, Callable[[], Fixed]]]:
    """Every way to set the weights, by name: as many fixed ones as SoftAdapts, then controls."""
    seeds, device = len(plan.parts["train"]), plan.parts["train"].device

    def adaptive(variant: Variant, beta: float) -> Fixed:
        return Adaptive(2, variant, torch.full((seeds,), beta, device=device))

    for strength in plan.strengths:
        own = torch.tensor([[1.0, strength]], device=device)
        yield f"fixed {strength:g}", lambda own=own: Fixed(own)
    for variant, beta in (*product(functions.VARIANTS, plan.betas), ("loss-weighted", 0.0)):
        yield f"{variant} {beta:g}", lambda variant=variant, beta=beta: adaptive(variant, beta)


def of_autoencoders(plan: Plan) -> dict[str, Any]:
    """Scores by steps, rate and setting."""
    found: dict[str, Any] = {}
    for steps, rate in product(plan.budgets, plan.rates):
        scores = found.setdefault(f"{steps}", {}).setdefault(f"{rate:g}", {})
        for name, make in settings(plan):
            noted = Noted(make(), len(plan.parts["train"]))
            scores[name] = fit(plan, steps, rate, noted)
            if name in SHUFFLED:
                lasted = torch.full((len(plan.parts["train"]),), steps)
                scores[f"{name} shuffled"] = fit(plan, steps, rate, Shuffled(noted, lasted))
            print(steps, rate, name, {m: round(float(np.mean(v)), 4) for m, v in scores[name].items()}, flush=True)
    return found


def main() -> None:
    """Run the studies and record them."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    command = f"python {' '.join(sys.argv)}"
    if "--large" in sys.argv:
        plan, device = of_photographs(), companion.device()
        if device.type != "cuda":
            sys.exit("--large asks for a GPU; none was found.")
        plan = Plan(**vars(plan) | {"parts": {part: own.to(device) for part, own in plan.parts.items()}})
        report.record("softadapt_large", of_autoencoders(plan), command=command, scripts=[__file__, functions.__file__])
        return
    plan = of_digits()
    results = {
        "autoencoder": of_autoencoders(plan),
        "pixels": probe(plan.parts, plan.labels or {}),
        "functions": functions.of_functions(),
    }
    report.record("softadapt", results, command=command, scripts=[__file__, functions.__file__])


if __name__ == "__main__":
    main()
