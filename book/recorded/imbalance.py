"""The tuned comparison of the section `imbalance`: every method, the same six settings, ten seeds, held-out scores.

Run ``python book/recorded/imbalance.py`` from the repository; it takes about a quarter of an hour on two cores and writes
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
LEARNING_RATES = (0.003, 0.01, 0.03)
Rows = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Method:
    """A way to deal with rare classes: its loss, the two values tried of its own option, and what it does to the rows."""

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
    return losses.cross_entropy


def price_by_rarity(counts: Tensor, power: float) -> Tensor:
    """Missing a class costs in inverse proportion to its frequency, to a power."""
    return losses.class_weights(counts, power=power).unsqueeze(1) * (1 - torch.eye(len(counts)))


UNUSED = (0.0, 0.001)  # methods without an option of their own try two weight decays instead
METHODS = {
    "cross entropy": Method(plain, UNUSED),
    "post-hoc adjustment": Method(plain, (0.5, 1.0), shift=lambda n, tau: -tau * (n / n.sum()).log()),
    "class weights": Method(
        lambda n, power: losses.CrossEntropyLoss(weight=losses.class_weights(n, power=power)), (0.5, 1.0)
    ),
    "class-balanced": Method(lambda n, beta: losses.ClassBalancedLoss(counts=n, beta=beta), (0.99, 0.999)),
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


def scores(task: Task, validation: list[Tensor], test: list[Tensor]) -> dict[str, list[float]]:
    """Test scores of every seed; for two classes also at a threshold that the validation rows chose."""
    rows = []
    for (_, y_validation), p_validation, (_, y), p in zip(task.validation, validation, task.test, test, strict=True):
        row = metrics.classification_scores(y, p)
        if p.shape[1] == 2:
            threshold = metrics.best_threshold(y_validation, p_validation[:, 1], "balanced_accuracy")
            moved = metrics.classification_scores(y, p[:, 1], threshold=threshold)
            row["balanced_accuracy_moved"] = moved["balanced_accuracy"]
        rows.append(row)
    return {name: [round(row[name], 5) for row in rows] for name in rows[0]}


def study(task: Task) -> dict[str, Any]:
    """Every method at its best of six settings, chosen by the mean validation score over the seeds."""
    found: dict[str, Any] = {"scores": {}, "chosen": {}}
    for name, method in METHODS.items():
        trials = []
        for lr, value in product(LEARNING_RATES, method.values):
            validation, test = probabilities(task, method, lr, value)
            chosen_by = np.mean(
                [
                    metrics.classification_scores(y, p)[task.score]
                    for (_, y), p in zip(task.validation, validation, strict=True)
                ]
            )
            trials.append((float(chosen_by), lr, value, validation, test))
        best = max(trials, key=lambda trial: trial[0])
        found["scores"][name] = scores(task, *best[3:])
        found["chosen"][name] = {"lr": best[1], "option": best[2]}
        print(name, found["chosen"][name], round(best[0], 4), flush=True)
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


PIXEL_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross entropy": losses.BinaryFocalLoss(gamma=0.0),
    "weighted": losses.BinaryFocalLoss(gamma=0.0, alpha=0.95),
    "focal": losses.BinaryFocalLoss(),
    "Dice": losses.BinaryDiceLoss(),
    "Tversky": losses.BinaryTverskyLoss(),
    "F2": losses.BinaryFbetaLoss(beta=2.0),
    "cross entropy + Dice": lambda z, y: losses.binary_focal_loss(z, y, gamma=0.0) + losses.binary_dice_loss(z, y),
}


def pixels() -> dict[str, Any]:
    """Where is the ink? One pixel in fifty, found by a small network."""
    x, y = data.digits_on_photos(400, 32, seed=0)
    held_out = {part: data.digits_on_photos(200, 32, seed=0, part=part) for part in ("validation", "test")}

    def model() -> nn.Module:
        layers: list[nn.Module] = [nn.Conv2d(1, 8, 3, padding=1), nn.ReLU()]
        for d in (2, 4):
            layers += [nn.Conv2d(8, 8, 3, padding=d, dilation=d), nn.ReLU()]
        return nn.Sequential(*layers, nn.Conv2d(8, 1, 3, padding=1))

    thresholds = np.linspace(0.02, 0.98, 49)

    def dice(part: str, p: Tensor, threshold: float) -> float:
        return float(metrics.dice_score(held_out[part][1], p >= threshold).mean())

    found: dict[str, Any] = {"scores": {}, "chosen": {}}
    for name, loss in PIXEL_LOSSES.items():
        trials = []
        for lr in LEARNING_RATES:
            fit = experiments.fit_seeds(
                model,
                lambda z, t, loss=loss: loss(z, t.unsqueeze(1)),
                x,
                y,
                seeds=SEEDS,
                steps=400,
                batch_size=16,
                lr=lr,
            )
            p = {part: fit.logits(images)[:, :, 0].sigmoid() for part, (images, _) in held_out.items()}
            at = [max(thresholds, key=lambda t, own=own: dice("validation", own, t)) for own in p["validation"]]
            half = [dice("test", own, 0.5) for own in p["test"]]
            moved = [dice("test", own, t) for own, t in zip(p["test"], at, strict=True)]
            chosen_by = np.mean([dice("validation", own, t) for own, t in zip(p["validation"], at, strict=True)])
            trials.append((float(chosen_by), lr, {"dice_half": half, "dice_moved": moved, "threshold": at}))
        best = max(trials, key=lambda trial: trial[0])
        found["scores"][name] = {metric: [round(float(v), 5) for v in values] for metric, values in best[2].items()}
        found["chosen"][name] = {"lr": best[1]}
        print(name, best[1], round(best[0], 4), flush=True)
    return found


def main() -> None:
    torch.set_num_threads(1)
    results = {
        "visits": {str(n): study(visits(n)) for n in (10, 15, 20)},
        "digits": {str(ratio): study(digits(ratio)) for ratio in (5, 20, 50)},
        "pixels": pixels(),
    }
    report.record("imbalance", results, command=f"python {' '.join(sys.argv)}")


if __name__ == "__main__":
    main()
