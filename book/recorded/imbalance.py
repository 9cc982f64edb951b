"""The tuned comparison of the section `imbalance`: as many settings for every method, ten seeds, held-out scores.

Run ``python book/recorded/imbalance.py`` from the repository; it takes about half an hour on one core and writes
``imbalance.json`` beside this file.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from imblearn.over_sampling import SMOTE
from torch import Tensor, nn

from companion import data, experiments, losses, metrics, report

SEEDS = 10
LEARNING_RATES = (0.001, 0.003, 0.01, 0.03)
Rows = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Method:
    """A way to deal with rare classes: its loss, two values of its own option, and what it does to the rows."""

    loss: Callable[[Tensor, Any], experiments.Loss]
    values: tuple[Any, Any]
    rows: Callable[[Tensor, Tensor, int], Rows] = lambda x, y, seed: (x, y)
    shift: Callable[[Tensor, Any], Tensor] = lambda counts, value: torch.zeros(len(counts))
    oversample: bool = False
    members: int = 1


def undersample(x: Tensor, y: Tensor, seed: int) -> Rows:
    """As many rows of every class as the rarest has."""
    shuffled = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    smallest = int(torch.bincount(y).min())
    kept = torch.cat([shuffled[y[shuffled] == c][:smallest] for c in range(int(y.max()) + 1)])
    return x[kept], y[kept]


def smote(x: Tensor, y: Tensor, seed: int) -> Rows:
    """New rows of the rare classes on the lines between neighbours."""
    neighbours = min(5, int(torch.bincount(y).min()) - 1)
    new_x, new_y = SMOTE(k_neighbors=neighbours, random_state=seed).fit_resample(x.numpy(), y.numpy())
    return torch.as_tensor(new_x), torch.as_tensor(new_y)


def plain(counts: Tensor, value: Any) -> experiments.Loss:
    """Cross entropy, whatever the counts."""
    return losses.cross_entropy


def price_by_rarity(counts: Tensor, power: float) -> Tensor:
    """Missing a class costs in inverse proportion to its frequency, to a power."""
    return losses.class_weights(counts, power=power).unsqueeze(1) * (1 - torch.eye(len(counts)))


UNUSED = (0.0, 0.001)  # methods without an option of their own try two weight decays instead
METHODS = {
    "cross entropy": Method(plain, UNUSED),
    "post-hoc adjustment": Method(plain, (1.0, 0.5), shift=lambda n, tau: -tau * (n / n.sum()).log()),
    "class weights": Method(
        lambda n, power: losses.CrossEntropyLoss(weight=losses.class_weights(n, power=power)), (0.5, 1.0)
    ),
    "class-balanced": Method(lambda n, beta: losses.ClassBalancedLoss(counts=n, beta=beta), (0.999, 0.9999)),
    "focal": Method(lambda n, gamma: losses.FocalLoss(gamma=gamma), (1.0, 2.0)),
    "poly": Method(lambda n, epsilon: losses.PolyLoss(epsilon=epsilon), (-1.0, 2.0)),
    "logit adjusted": Method(lambda n, tau: losses.LogitAdjustedLoss(prior=n, tau=tau), (0.5, 1.0)),
    "LDAM": Method(lambda n, m: losses.LDAMLoss(counts=n, max_margin=m, scale=1.0), (1.0, 3.0)),
    "cost matrix": Method(lambda n, power: losses.CostSensitiveLoss(cost=price_by_rarity(n, power)), (0.5, 1.0)),
    "Dice of the batch": Method(lambda n, s: losses.DiceLoss(smooth=s), (1.0, 10.0)),
    "oversampling": Method(plain, UNUSED, oversample=True),
    "undersampling": Method(plain, UNUSED, rows=undersample),
    "SMOTE": Method(plain, UNUSED, rows=smote),
    "undersampled ensemble": Method(plain, UNUSED, rows=undersample, members=5),
}


@dataclass(frozen=True)
class Task:
    """Training, validation and test rows of every seed, and the model and schedule to train."""

    train: list[Rows]
    validation: list[Rows]
    test: list[Rows]
    model: Callable[[], nn.Module]
    steps: int
    batch_size: int
    score: str


def probabilities(task: Task, method: Method, lr: float, value: Any) -> tuple[list[Tensor], list[Tensor]]:
    """Class probabilities on the validation and the test rows of every seed."""
    counts = torch.bincount(task.train[0][1])
    members = range(SEEDS * method.members)
    drawn = [method.rows(*task.train[m // method.members], m) for m in members]
    fit = experiments.fit_seeds(
        task.model,
        method.loss(counts, value),
        [x for x, _ in drawn],
        [y for _, y in drawn],
        seeds=len(members),
        steps=task.steps,
        batch_size=min(task.batch_size, *(len(y) for _, y in drawn)),
        lr=lr,
        weight_decay=value if method.values == UNUSED else 0.0,
        draw_weight=[(1 / counts)[y] for _, y in drawn] if method.oversample else None,
    )
    shift = method.shift(counts, value)

    def averaged(rows: list[Rows]) -> list[Tensor]:
        logits = fit.logits([rows[m // method.members][0] for m in members])
        p = [(z + shift).softmax(1) for z in logits]
        return [torch.stack(p[s * method.members : (s + 1) * method.members]).mean(0) for s in range(SEEDS)]

    return averaged(task.validation), averaged(task.test)


def scores(task: Task, seed: int, p_validation: Tensor, p: Tensor) -> dict[str, float]:
    """Test scores of one seed; for two classes also at a threshold that its validation rows chose."""
    y_validation, y = task.validation[seed][1], task.test[seed][1]
    found = metrics.classification_scores(y, p)
    if p.shape[1] == 2:
        threshold = metrics.best_threshold(y_validation, p_validation[:, 1], "balanced_accuracy")
        moved = metrics.classification_scores(y, p[:, 1], threshold=threshold)
        found["balanced_accuracy_moved"] = moved["balanced_accuracy"]
    return found


def study(task: Task) -> dict[str, Any]:
    """Every method at the best of its settings, chosen for each seed by that seed's validation rows."""
    found: dict[str, Any] = {"scores": {}, "chosen": {}}
    for name, method in METHODS.items():
        settings = list(product(LEARNING_RATES, method.values))
        trials = [probabilities(task, method, lr, value) for lr, value in settings]
        rows, chosen = [], []
        for seed, (_, y) in enumerate(task.validation):
            by_trial = [metrics.classification_scores(y, validation[seed])[task.score] for validation, _ in trials]
            best = int(np.argmax(by_trial))
            rows.append(scores(task, seed, trials[best][0][seed], trials[best][1][seed]))
            chosen.append(settings[best])
        found["scores"][name] = {metric: [round(row[metric], 5) for row in rows] for metric in rows[0]}
        found["chosen"][name] = chosen
        print(name, {metric: round(float(np.mean(v)), 4) for metric, v in found["scores"][name].items()}, flush=True)
    return found


def visits(at_least: int) -> Task:
    """Who will see a doctor often? Two classes that overlap."""
    table = data.frequent_visitors(at_least)
    splits = [data.split(table.y, seed=s, groups=table.groups) for s in range(SEEDS)]
    x = [data.standardise(table.x, split.train) for split in splits]
    parts = [
        [(own[rows], table.y[rows]) for own, rows in zip(x, part, strict=True)] for part in zip(*splits, strict=True)
    ]
    return Task(
        *parts,
        model=lambda: nn.Sequential(nn.Linear(9, 16), nn.ReLU(), nn.Linear(16, 2)),
        steps=400,
        batch_size=512,
        score="pr_auc",
    )


def digits(ratio: int) -> Task:
    """Ten classes that hardly overlap, long-tailed in training only."""
    x, y = data.digits()
    splits = [data.split(y, seed=s) for s in range(SEEDS)]
    train = [s.train[data.long_tail(y[s.train], ratio, seed=i, at_least=2)] for i, s in enumerate(splits)]
    pick = [
        [(x[rows], y[rows]) for rows in part]
        for part in (train, [s.validation for s in splits], [s.test for s in splits])
    ]
    return Task(
        *pick,
        model=lambda: nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)),
        steps=300,
        batch_size=64,
        score="balanced_accuracy",
    )


def with_dice(share: float) -> experiments.Loss:
    """Cross entropy plus a share of Dice."""
    return lambda z, y: losses.binary_focal_loss(z, y, gamma=0.0) + share * losses.binary_dice_loss(z, y)


PIXEL_LOSSES: dict[str, tuple[Callable[[float], experiments.Loss], tuple[float, float]]] = {
    "cross entropy": (lambda unused: losses.BinaryFocalLoss(gamma=0.0), UNUSED),
    "weighted": (lambda alpha: losses.BinaryFocalLoss(gamma=0.0, alpha=alpha), (0.9, 0.98)),
    "focal": (lambda gamma: losses.BinaryFocalLoss(gamma=gamma), (1.0, 2.0)),
    "Dice": (lambda smooth: losses.BinaryDiceLoss(smooth=smooth), (1.0, 10.0)),
    "Tversky": (lambda beta: losses.BinaryTverskyLoss(alpha=1 - beta, beta=beta), (0.6, 0.8)),
    "F-beta": (lambda beta: losses.BinaryFbetaLoss(beta=beta), (1.5, 2.0)),
    "cross entropy + Dice": (with_dice, (0.3, 1.0)),
}
THRESHOLDS = torch.linspace(-7, 7, 57).sigmoid()


def ink_network() -> nn.Module:
    """Four small convolutions that see 17 pixels across."""
    layers: list[nn.Module] = [nn.Conv2d(1, 8, 3, padding=1), nn.ReLU()]
    for d in (2, 4):
        layers += [nn.Conv2d(8, 8, 3, padding=d, dilation=d), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(8, 1, 3, padding=1))


def pixels() -> dict[str, Any]:
    """Where is the ink? One pixel in fifty, one fixed set of images, ten starts."""
    x, y = data.digits_on_photos(400, 32, seed=0)
    held_out = {part: data.digits_on_photos(200, 32, seed=0, part=part) for part in ("validation", "test")}

    def dice(part: str, p: Tensor, threshold: float) -> float:
        return float(metrics.dice_score(held_out[part][1], p >= threshold).mean())

    found: dict[str, Any] = {"scores": {}, "chosen": {}}
    for name, (loss, values) in PIXEL_LOSSES.items():
        settings = list(product(LEARNING_RATES[1:], values))
        trials = []
        for lr, value in settings:
            plan = {"seeds": SEEDS, "steps": 400, "batch_size": 16, "lr": lr}
            decay = value if values == UNUSED else 0.0
            fit = experiments.fit_seeds(ink_network, loss(value), x, y.unsqueeze(1), weight_decay=decay, **plan)
            trials.append({part: fit.logits(images)[:, :, 0].sigmoid() for part, (images, _) in held_out.items()})
        rows, chosen = [], []
        for seed in range(SEEDS):
            tried = [[dice("validation", t["validation"][seed], h) for h in THRESHOLDS] for t in trials]
            best, at = divmod(int(np.argmax(tried)), len(THRESHOLDS))
            p, threshold = trials[best]["test"][seed], float(THRESHOLDS[at])
            rows.append({"dice_half": dice("test", p, 0.5), "dice_moved": dice("test", p, threshold)})
            chosen.append([*settings[best], round(threshold, 4)])
        found["scores"][name] = {metric: [round(row[metric], 5) for row in rows] for metric in rows[0]}
        found["chosen"][name] = chosen
        print(name, {metric: round(float(np.mean(v)), 4) for metric, v in found["scores"][name].items()}, flush=True)
    return found


def main() -> None:
    """Run all three studies and record them."""
    torch.set_num_threads(1)
    results = {
        "visits": {str(n): study(visits(n)) for n in (10, 15, 20)},
        "digits": {str(ratio): study(digits(ratio)) for ratio in (1, 5, 20, 50)},
        "pixels": pixels(),
    }
    report.record("imbalance", results, command=f"python {' '.join(sys.argv)}", scripts=[__file__])


if __name__ == "__main__":
    main()
