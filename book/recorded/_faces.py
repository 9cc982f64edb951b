"""Faces: one network says whether an image of 25 x 25 pixels is a face and paints it anew from eight numbers.

All images of the training part are to be painted; only some of them have a label. Runs with the same seed share the
split, the labelled rows, the first weights of the network and the batches, whatever the method.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import skimage.data
import torch
import torch.nn.functional as F
from _stacked import AdamPerRun, Stacked, stacked_gram
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.func import stack_module_state

from companion import data

PARTS = ("class", "pixels")
RATES = (3e-3, 1e-2, 3e-2)
STEPS = 400
BATCH_SIZE = 40
PIXELS = 625
GREY = 0.4  # about the mean of all images, so that what enters the network is centred
Weigh = Callable[[Tensor, Tensor | None], Tensor]  # losses (S, 2) and gram (S, 2, 2) to a scalar
Trials = dict[str, dict[str, Any]]  # by part of the data and metric, (rates, seeds)


@dataclass(frozen=True)
class Faces:
    """Images ``(seeds, N, 625)`` and labels ``(seeds, N)`` of one part of the data, the classes taking turns."""

    x: Tensor
    y: Tensor


class Network(nn.Module):
    """A trunk of two layers that ends in eight numbers; one linear map to the logit and the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.heads = nn.Linear(PIXELS, 32), nn.Linear(32, 8), nn.Linear(8, 1 + PIXELS)


def load(seeds: int) -> dict[str, Faces]:
    """Three fifths to train, one to validate, one to test, anew for each seed."""
    images = torch.tensor(skimage.data.lfw_subset(), dtype=torch.float32).flatten(1)
    labels = (torch.arange(len(images)) < 100).long()  # the first hundred are faces
    found: dict[str, list[Faces]] = {"train": [], "validation": [], "test": []}
    for seed in range(seeds):
        for part, rows in data.split(labels, seed=seed)._asdict().items():
            rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))]
            taking_turns = torch.stack([rows[labels[rows] == c] for c in (0, 1)], 1).flatten()
            found[part].append(Faces(images[taking_turns], labels[taking_turns]))
    return {
        part: Faces(torch.stack([o.x for o in own]), torch.stack([o.y for o in own])) for part, own in found.items()
    }


def train(
    weigh: Weigh, parts: Mapping[str, Faces], labelled: int, *, needs_gram: bool = False, decay: float = 0.0
) -> Trials:
    """Train every seed at every rate, side by side, and score it.

    Args:
        weigh: Adds up the two losses of all runs.
        parts: The data.
        labelled: How many images of the training part have a label.
        needs_gram: Whether ``weigh`` looks at the gradients by the eight numbers.
        decay: Weight of the squared parameters, biases left out, as a third part of the loss.
    """
    x, y = parts["train"].x, parts["train"].y
    seeds, rates = torch.arange(len(x)).repeat(len(RATES)), torch.tensor(RATES).repeat_interleave(len(x))
    p, _ = stack_module_state([_network(seed) for seed in seeds.tolist()])
    optimizer = AdamPerRun([*p.values(), *getattr(weigh, "parameters", {}).values()], rates)
    for rows in torch.stack([_batches(x.shape[1], seed) for seed in range(len(x))], 1):
        batch = seeds.unsqueeze(1), rows[seeds]
        code = _code(p, x[batch])
        losses = errors(p, code, x[batch], y[batch], batch[1] < labelled)
        gram = stacked_gram(losses, [code]) if needs_gram else None
        penalty = sum(w.square().sum() for name, w in p.items() if name.endswith("weight"))
        optimizer.zero_grad()
        (weigh(torch.stack(losses, 1), gram) + decay * penalty).backward()
        optimizer.step_by()
    with torch.no_grad():
        return {name: _scores(p, parts[name], seeds) for name in ("validation", "test")}


def errors(p: Mapping[str, Tensor], code: Tensor, x: Tensor, y: Tensor, known: Tensor) -> list[Tensor]:
    """Cross entropy of the rows whose label is known, and the mean squared error of the pixels, ``(S,)`` each."""
    logit, painted = _heads(p, code)
    surprise = F.binary_cross_entropy_with_logits(logit, y.float(), reduction="none")
    return [(surprise * known).sum(1) / known.sum(1).clamp_min(1), (painted - x).square().mean((1, 2))]


def fixed(weight: float) -> Weigh:
    """One for the class, ``weight`` for the mean over the pixels; together 2."""
    shares = 2 * torch.tensor([1.0, weight]) / (1 + weight)
    return lambda losses, gram: (shares * losses).sum()


class Steered:
    """A weighter that somebody steers: what it gives to the pixels is multiplied by ``factor``; together still 2."""

    def __init__(self, stack: Stacked, factor: float) -> None:
        self.stack, self.factor = stack, torch.tensor([1.0, factor])

    def __call__(self, losses: Tensor, gram: Tensor | None) -> Tensor:
        """The weighted sum over all runs."""
        self.stack(losses, gram)
        weights = self.factor * self.stack.state["weights"]
        return (2 * weights / weights.sum(1, keepdim=True) * losses).sum()


def merged(trials: Sequence[Trials]) -> Trials:
    """Trials one after another: ``(settings, seeds)``."""
    return {
        part: {metric: [row for one in trials for row in one[part][metric]] for metric in scores}
        for part, scores in trials[0].items()
    }


def _network(seed: int) -> Network:
    torch.manual_seed(seed)
    return Network()


def _batches(n: int, seed: int) -> Tensor:
    """Rows ``(STEPS, BATCH_SIZE)`` of shuffled epochs."""
    generator = torch.Generator().manual_seed(seed)
    epochs = [torch.randperm(n, generator=generator) for _ in range(-(-STEPS * BATCH_SIZE // n))]
    return torch.cat(epochs)[: STEPS * BATCH_SIZE].view(STEPS, BATCH_SIZE)


def _code(p: Mapping[str, Tensor], x: Tensor) -> Tensor:
    return _linear(p, "second", _linear(p, "first", x - GREY).relu()).tanh()


def _heads(p: Mapping[str, Tensor], code: Tensor) -> tuple[Tensor, Tensor]:
    found = _linear(p, "heads", code)
    return found[..., 0], found[..., 1:]


def _linear(p: Mapping[str, Tensor], name: str, h: Tensor) -> Tensor:
    return torch.baddbmm(p[f"{name}.bias"].unsqueeze(1), h, p[f"{name}.weight"].mT)


def _scores(p: Mapping[str, Tensor], part: Faces, seeds: Tensor) -> dict[str, Any]:
    x, y = part.x[seeds], part.y[seeds]
    logit, painted = _heads(p, _code(p, x))
    error = (painted - x).square().mean((1, 2))
    found = {
        "auc": torch.tensor([roc_auc_score(own, z) for own, z in zip(y, logit, strict=True)]),
        "accuracy": ((logit > 0) == y).double().mean(1),
        "psnr": -10 * error.log10(),
        "ssim": similarity(painted.unflatten(2, (25, 25)), x.unflatten(2, (25, 25))).mean(1),
    }
    return {name: np.round(score.double().view(len(RATES), -1).numpy(), 4).tolist() for name, score in found.items()}


def similarity(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity of images ``(*, H, W)`` in [0, 1], as `skimage.metrics.structural_similarity` has it."""

    def mean(image: Tensor) -> Tensor:
        return F.avg_pool2d(image.flatten(0, -3).unsqueeze(1), 7, 1).unflatten(0, image.shape[:-2]).squeeze(-3)

    unbiased = 49 / 48
    of_a, of_b = mean(a), mean(b)
    var_a, var_b = (unbiased * (mean(own * own) - m * m) for own, m in ((a, of_a), (b, of_b)))
    covariance = unbiased * (mean(a * b) - of_a * of_b)
    light = (2 * of_a * of_b + 1e-4) / (of_a.square() + of_b.square() + 1e-4)
    return (light * (2 * covariance + 9e-4) / (var_a + var_b + 9e-4)).mean((-2, -1))
