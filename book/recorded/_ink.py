"""Ink: which pixels belong to a pasted digit? Cross entropy or focal loss, Dice, and sums of the two.

The images are fixed; a seed draws the first weights of the network and the batches. Every sum is trained at two
learning rates, and each seed keeps the one with the higher Dice score on the validation images, at a threshold that
these choose too.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from companion import data, experiments, losses, metrics

RATES = (0.01, 0.03)
SHARES = (0.0, 0.1, 0.3, 1.0, 3.0)  # of Dice, beside one of the other part
GAMMAS = {"cross entropy": 0.0, "focal": 2.0}
THRESHOLDS = torch.linspace(-5, 5, 41).sigmoid()
PLAN = {"steps": 300, "batch_size": 8}


def network() -> nn.Module:
    """Four small convolutions that see 17 pixels across."""
    layers: list[nn.Module] = [nn.Conv2d(1, 8, 3, padding=1), nn.ReLU()]
    for d in (2, 4):
        layers += [nn.Conv2d(8, 8, 3, padding=d, dilation=d), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(8, 1, 3, padding=1))


def mix(z: Tensor, y: Tensor, *, gamma: float, share: float) -> Tensor:
    """Cross entropy (gamma = 0) or focal loss of the pixels, plus a share of Dice."""
    return losses.binary_focal_loss(z, y, gamma=gamma) + share * losses.binary_dice_loss(z, y)


def study(seeds: int) -> dict[str, Any]:
    """Scores of every mixture, by name of the pixel loss and share of Dice, and of Dice alone."""
    mixtures: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        f"{name} + {share:g} Dice": partial(mix, gamma=gamma, share=share)
        for name, gamma in GAMMAS.items()
        for share in SHARES
    }
    mixtures["Dice"] = losses.binary_dice_loss
    images, masks = data.digits_on_photos(300, 32, seed=0)
    held_out = {part: data.digits_on_photos(200, 32, seed=0, part=part) for part in ("validation", "test")}
    found: dict[str, Any] = {}
    for name, loss in mixtures.items():
        tried = []
        for lr in RATES:
            fit = experiments.fit_seeds(network, loss, images, masks.unsqueeze(1), seeds=seeds, lr=lr, **PLAN)
            claims = {part: fit.logits(x)[:, :, 0].sigmoid() for part, (x, _) in held_out.items()}
            tried.append([_scores(held_out, *pair) for pair in zip(*claims.values(), strict=True)])
        kept = [max(of_seed, key=lambda scores: scores["validation"]) for of_seed in zip(*tried, strict=True)]
        found[name] = {metric: [round(scores[metric], 5) for scores in kept] for metric in kept[0]}
        print(name, {metric: round(sum(v) / len(v), 4) for metric, v in found[name].items()}, flush=True)
    return {"shares": SHARES, "seeds": seeds, "rates": RATES, "mixtures": found}


def _scores(held_out: dict[str, tuple[Tensor, Tensor]], p_validation: Tensor, p: Tensor) -> dict[str, float]:
    """Test scores at a threshold of one half and at the one that the validation images choose."""
    (_, chosen_on), (_, mask) = held_out["validation"], held_out["test"]
    by_threshold = [float(metrics.dice_score(chosen_on, p_validation >= h).mean()) for h in THRESHOLDS]
    best = max(by_threshold)
    threshold = float(THRESHOLDS[by_threshold.index(best)])
    return {
        "validation": best,
        "threshold": threshold,
        "dice, one half": float(metrics.dice_score(mask, p >= 0.5).mean()),
        "dice": float(metrics.dice_score(mask, p >= threshold).mean()),
        "log loss": float(F.binary_cross_entropy(p.clamp(1e-6, 1 - 1e-6), mask.float())),
        "claimed": float(p.mean()),
    }
