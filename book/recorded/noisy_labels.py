"""The tuned comparison of the section `noisy_labels`: as many settings for every method, ten seeds, clean test labels.

Run ``python book/recorded/noisy_labels.py`` from the repository; it takes about a quarter of an hour on one core and
writes ``noisy_labels.json`` beside this file.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor, nn
from torch.distributions import Beta

from companion import data, experiments, losses, metrics, report
from companion.diagnostics import LabelNoise, label_noise

SEEDS = 10
CLASSES = 10
RATE = 0.4
STEPS = (60, 200, 800)
LEARNING_RATES = (0.003, 0.01)
BATCH_SIZE = 128
METRICS = ("accuracy", "accuracy, clean choice", "log_loss", "ece")
Rows = tuple[Tensor, Tensor]


def network() -> nn.Module:
    """One hidden layer, wide enough to learn a thousand wrong labels by heart."""
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, CLASSES))


@dataclass(frozen=True)
class Task:
    """One kind of noise: per seed the images, the labels as given, the truth, and the transition between them."""

    x: dict[str, list[Tensor]]
    given: dict[str, list[Tensor]]
    true: dict[str, list[Tensor]]
    transitions: list[Tensor]

    @property
    def rows(self) -> list[Rows]:
        """Training images and labels as given."""
        return list(zip(self.x["train"], self.given["train"], strict=True))

    @cached_property
    def readings(self) -> list[LabelNoise]:
        """What confident learning makes of the training labels."""
        return [label_noise(y, held_out(x, y)) for x, y in self.rows]


@dataclass(frozen=True)
class Method:
    """A way to deal with wrong labels: its loss, two values of its own option, and what it does to the rows."""

    loss: Callable[[Task, Any], Callable[..., Tensor]]
    values: tuple[Any, Any]
    rows: Callable[[Task], list[Rows]] = lambda task: task.rows
    steps: tuple[int, ...] = STEPS
    by_seed: bool = False  # the loss also wants to know of which seed the labels are


def plain(task: Task, value: Any) -> experiments.Loss:
    """Cross entropy, whatever the noise."""
    return losses.cross_entropy


def complementary(task: Task, value: Any) -> experiments.Loss:
    """Negative learning: that the image is not of one class, drawn anew from those that the label does not name."""

    def loss(z: Tensor, y: Tensor) -> Tensor:
        return losses.negative_learning_loss(z, (y + torch.randint_like(y, 1, CLASSES)) % CLASSES)

    return loss


def corrected(correction: Callable[..., Tensor], transitions: list[Tensor]) -> Callable[..., Tensor]:
    """A correction by the transition of each seed."""
    of_seed = torch.stack(transitions)
    return lambda z, y, seed: correction(z, y, transition=of_seed[seed])


def held_out(x: Tensor, y: Tensor) -> Tensor:
    """How the nearest neighbours of each row vote, in folds, so that a row never hears its own label."""
    model = KNeighborsClassifier(20)
    return torch.from_numpy(cross_val_predict(model, x.numpy(), y.numpy(), cv=5, method="predict_proba"))


def estimated(task: Task) -> list[Tensor]:
    """The transition of each seed, as confident learning reads it from the training labels."""
    return [reading.transition.float() for reading in task.readings]


def unsuspected(task: Task) -> list[Rows]:
    """The rows in which confident learning sees nothing wrong."""
    return [(x[~r.suspect], y[~r.suspect]) for (x, y), r in zip(task.rows, task.readings, strict=True)]


def of_given(task: Task, alpha: float) -> experiments.Loss:
    """Peer loss with the frequencies of the labels as given."""
    return losses.PeerLoss(prior=torch.bincount(torch.cat(task.given["train"])), alpha=alpha)


FORWARD, BACKWARD = losses.forward_correction_loss, losses.backward_correction_loss
UNUSED = (0.0, 0.001)  # methods without an option of their own try two weight decays instead
METHODS = {
    "cross entropy": Method(plain, UNUSED),
    "cross entropy to the end": Method(plain, UNUSED, steps=STEPS[-1:]),
    "label smoothing": Method(lambda t, e: losses.CrossEntropyLoss(label_smoothing=e), (0.1, 0.3)),
    "confidence penalty": Method(lambda t, beta: losses.ConfidencePenaltyLoss(beta=beta), (0.1, 0.5)),
    "soft bootstrapping": Method(lambda t, beta: losses.BootstrapLoss(beta=beta), (0.95, 0.8)),
    "hard bootstrapping": Method(lambda t, beta: losses.BootstrapLoss(beta=beta, mode="hard"), (0.8, 0.5)),
    "MAE": Method(lambda t, unused: losses.MAELoss(), UNUSED),
    "GCE": Method(lambda t, q: losses.GeneralizedCrossEntropyLoss(q=q), (0.4, 0.7)),
    "SCE": Method(lambda t, alpha: losses.SymmetricCrossEntropyLoss(alpha=alpha), (0.1, 1.0)),
    "NCE + RCE": Method(lambda t, beta: losses.ActivePassiveLoss(beta=beta), (0.1, 1.0)),
    "Taylor": Method(lambda t, order: losses.TaylorCrossEntropyLoss(order=order), (2, 6)),
    "bi-tempered": Method(lambda t, ts: losses.BiTemperedLoss(t1=ts[0], t2=ts[1]), ((0.8, 1.2), (0.5, 1.5))),
    "Jensen-Shannon": Method(lambda t, pi: losses.GeneralizedJSLoss(pi=pi), (0.3, 0.7)),
    "peer": Method(of_given, (0.2, 0.5)),
    "negative learning": Method(complementary, UNUSED),
    "forward, true": Method(lambda t, unused: corrected(FORWARD, t.transitions), UNUSED, by_seed=True),
    "forward, estimated": Method(lambda t, unused: corrected(FORWARD, estimated(t)), UNUSED, by_seed=True),
    "backward, true": Method(lambda t, unused: corrected(BACKWARD, t.transitions), UNUSED, by_seed=True),
    "cleaned": Method(plain, UNUSED, rows=unsuspected),
}


def side_by_side(task: Task, method: Method, steps: int, lr: float, value: Any) -> dict[str, list[Tensor]]:
    """Logits on the validation and test images of every seed, all seeds trained at once."""
    rows = method.rows(task)
    loss = method.loss(task, value)

    def decoded(z: Tensor, y: Tensor) -> Tensor:
        label, seed = y % CLASSES, y[0] // CLASSES
        return loss(z, label, seed) if method.by_seed else loss(z, label)

    fit = experiments.fit_seeds(
        network,
        decoded,
        [x for x, _ in rows],
        [y + CLASSES * seed for seed, (_, y) in enumerate(rows)],
        seeds=SEEDS,
        steps=steps,
        batch_size=BATCH_SIZE,
        lr=lr,
        weight_decay=value if method.values == UNUSED else 0.0,
        device="cpu",
    )
    return {part: fit.logits(task.x[part]) for part in ("validation", "test")}


Step = Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]  # model, images, labels and row numbers of a batch


def early_learning(rows: int, strength: float) -> Step:
    """Early-learning regularisation, which remembers every row."""
    loss = losses.ELRLoss(samples=rows, classes=CLASSES, strength=strength)
    return lambda model, x, y, index: loss(model(x), y, index)


def mixup(rows: int, concentration: float) -> Step:
    """Blends of two images with blends of their labels."""
    shares = Beta(concentration, concentration)

    def step(model: nn.Module, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        other, share = torch.randperm(len(x)), float(shares.sample())
        return losses.mixup_loss(model(share * x + (1 - share) * x[other]), y, y[other], share)

    return step


IN_TURN: dict[str, tuple[Callable[[int, Any], Step], tuple[Any, Any]]] = {
    "ELR": (early_learning, (1.0, 3.0)),
    "mixup": (mixup, (0.4, 2.0)),
}


def in_turn(task: Task, name: str, steps: int, lr: float, value: Any) -> dict[str, list[Tensor]]:
    """The same for what needs more than logits and labels: one seed after another."""
    found: dict[str, list[Tensor]] = {"validation": [], "test": []}
    for seed, (x, y) in enumerate(task.rows):
        torch.manual_seed(seed)
        model, whole = network(), len(y) // BATCH_SIZE
        step, optimizer = IN_TURN[name][0](len(y), value), torch.optim.Adam(model.parameters(), lr=lr)
        epochs = [torch.randperm(len(y))[: whole * BATCH_SIZE].view(whole, -1) for _ in range(steps // whole + 1)]
        for index in torch.cat(epochs)[:steps]:
            optimizer.zero_grad()
            step(model, x[index], y[index], index).backward()
            optimizer.step()
        with torch.no_grad():
            for part, logits in found.items():
                logits.append(model(task.x[part][seed]))
    return found


def accuracy(z: Tensor, y: Tensor) -> float:
    """Share of images whose largest logit is that of the label."""
    return float((z.argmax(1) == y).float().mean())


def study(task: Task) -> dict[str, Any]:
    """Every method at the best of its settings, chosen for each seed by its noisy, or by clean, validation labels."""
    found: dict[str, Any] = {"scores": {}, "chosen": {}}
    for name in (*METHODS, *IN_TURN):
        lengths, values = (METHODS[name].steps, METHODS[name].values) if name in METHODS else (STEPS, IN_TURN[name][1])
        settings = list(product(lengths, LEARNING_RATES, values))
        if name in METHODS:
            trials = [side_by_side(task, METHODS[name], *setting) for setting in settings]
        else:
            trials = [in_turn(task, name, *setting) for setting in settings]
        rows, chosen = [], []
        for seed, (given, true, y) in enumerate(
            zip(task.given["validation"], task.true["validation"], task.true["test"], strict=True)
        ):
            best, ideal = (
                int(np.argmax([accuracy(t["validation"][seed], labels) for t in trials])) for labels in (given, true)
            )
            scores = metrics.classification_scores(y, trials[best]["test"][seed].softmax(1))
            scores["accuracy, clean choice"] = accuracy(trials[ideal]["test"][seed], y)
            rows.append(
                {metric: scores[metric] for metric in ("accuracy", "accuracy, clean choice", "log_loss", "ece")}
            )
            chosen.append(settings[best])
        found["scores"][name] = {metric: [round(row[metric], 5) for row in rows] for metric in rows[0]}
        found["chosen"][name] = chosen
        print(name, {metric: round(float(np.mean(v)), 4) for metric, v in found["scores"][name].items()}, flush=True)
    return found


def drawn(transition: Tensor, y: Tensor, seed: int) -> Tensor:
    """Labels drawn from the row of the true class."""
    return torch.multinomial(transition[y], 1, generator=torch.Generator().manual_seed(seed)).squeeze(1)


def look_alikes(x: Tensor, y: Tensor) -> Tensor:
    """For each class the one whose mean image is nearest."""
    means = torch.stack([x[y == c].mean(0) for c in range(CLASSES)])
    return torch.cdist(means, means).fill_diagonal_(torch.inf).argmin(1)


def blurred(x: Tensor, y: Tensor) -> Tensor:
    """What somebody says who sees 3 x 3 pixels, and compares them with the mean of each class."""
    seen = nn.functional.adaptive_avg_pool2d(x.view(-1, 1, 8, 8), 3).flatten(1)
    means = torch.stack([seen[y == c].mean(0) for c in range(CLASSES)])
    return torch.cdist(seen, means).argmin(1)


def frequencies(true: Tensor, given: Tensor) -> Tensor:
    """The share of each label among the rows of each true class."""
    pairs = torch.bincount(true * CLASSES + given, minlength=CLASSES**2).view(CLASSES, CLASSES)
    return pairs / pairs.sum(1, keepdim=True)


def tasks() -> dict[str, Task]:
    """The digits with right labels and with three kinds of wrong ones."""
    x, y = data.digits()
    clean = torch.eye(CLASSES)
    transitions = {
        "right": clean,
        "even": (1 - RATE) * clean + RATE / (CLASSES - 1) * (1 - clean),
        "look-alikes": (1 - RATE) * clean + RATE * clean[look_alikes(x, y)],
    }
    splits = [data.split(y, seed=s)._asdict() for s in range(SEEDS)]
    seen = blurred(x, y)
    found = {}
    for name in (*transitions, "blurred"):
        labels = [drawn(transitions[name], y, seed) if name in transitions else seen for seed in range(SEEDS)]
        counted = [frequencies(y[s["train"]], own[s["train"]]) for s, own in zip(splits, labels, strict=True)]
        found[name] = Task(
            x={part: [x[s[part]] for s in splits] for part in splits[0]},
            given={part: [own[s[part]] for s, own in zip(splits, labels, strict=True)] for part in splits[0]},
            true={part: [y[s[part]] for s in splits] for part in splits[0]},
            transitions=[transitions.get(name, own) for own in counted],
        )
    return found


def main() -> None:
    """Run the study on all four and record it."""
    torch.set_num_threads(1)
    results = {}
    for name, task in tasks().items():
        print(f"== {name}", flush=True)
        results[name] = study(task)
    report.record("noisy_labels", results, command=f"python {' '.join(sys.argv)}", scripts=[__file__])


if __name__ == "__main__":
    main()
