"""The comparisons of the section `structured_prediction`: four settings for every method, chosen on validation data.

Run ``python book/recorded/structured_prediction.py`` from the repository; it takes about a quarter of an hour on one
core and writes ``structured_prediction.json`` beside this file.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import _energies
import _graphs
import _strips
import numpy as np
import torch
from _speaker import Speaker, backwards, telling
from _strips import BLANK, CLASSES, LONGEST, WIDTH
from torch import Tensor, nn

from companion import data, experiments, losses, report

SEEDS, GRAPH_SEEDS = 10, 20
TRAIN, JUDGE = 1000, 300
PARTS = ("train", "validation", "test")
FRAMES = WIDTH // 2
STEP_OF_FRAME = 2
TAGS = 8
Scores = dict[str, list[float]]
Setting = tuple[float, int]  # learning rate and steps
Rows = Mapping[str, list[tuple[Tensor, ...]]]  # per part what each seed has


def made(make: Callable[..., tuple[Tensor, ...]], train: int = TRAIN) -> Rows:
    """Strips of each seed, its three parts made of different images."""
    _, digits = data.digits()
    splits = [data.split(digits, seed=seed)._asdict() for seed in range(SEEDS)]
    return {
        part: [make(own[part], train if part == "train" else JUDGE, 1000 * i + seed) for seed, own in enumerate(splits)]
        for i, part in enumerate(PARTS)
    }


def fit(make: Callable[[], nn.Module], loss: experiments.Loss, rows: Rows, setting: Setting, batch: int) -> Any:
    """All seeds of one setting; the first entry of a row is what the model sees, the second what the loss does."""
    x, y = ([own[i] for own in rows["train"]] for i in (0, 1))
    lr, steps = setting
    plan = {"seeds": SEEDS, "steps": steps, "batch_size": batch, "lr": lr, "weight_decay": 1e-4}
    return experiments.fit_seeds(make, loss, x, y, **plan, device="cpu")


def chosen(name: str, trials: Sequence[Mapping[str, list[dict[str, float]]]]) -> Scores:
    """The test scores of the setting that is best on validation data, by its first score, for each seed."""
    rows = []
    for seed in range(SEEDS):
        best = max(trials, key=lambda trial: next(iter(trial["validation"][seed].values())))
        rows.append(best["test"][seed])
    scores = {metric: [round(row[metric], 5) for row in rows] for metric in rows[0]}
    print(name, {metric: round(float(np.mean(v)), 4) for metric, v in scores.items()}, flush=True)
    return scores


# Strips of unknown spacing


def frames_of(text: Tensor, length: Tensor, start: Tensor | None, reach: float = 4.0) -> Tensor:
    """A label for each frame near the middle of a digit or, without `start`, of its place if all stood evenly."""
    centre = STEP_OF_FRAME * torch.arange(FRAMES) + 0.5
    slot = torch.arange(LONGEST)
    middle = WIDTH * (slot + 0.5) / length[:, None] if start is None else start + 3.5
    inside = ((centre - middle[..., None]).abs() < reach) & (slot < length[:, None])[..., None]
    return torch.where(inside, text[..., None], BLANK).amax(1)


def frame_network() -> nn.Module:
    """Eleven scores for every second column of a strip."""
    return nn.Sequential(
        nn.Conv1d(8, 32, 9, stride=STEP_OF_FRAME, padding=4),
        nn.ReLU(),
        nn.Conv1d(32, 32, 5, padding=2),
        nn.ReLU(),
        nn.Conv1d(32, CLASSES + 1, 1),
    )


def of_paths(z: Tensor, y: Tensor) -> Tensor:
    """CTC; the length of each text stands behind it."""
    lengths = torch.full((len(z),), FRAMES)
    return losses.ctc_loss(z.permute(2, 0, 1), y[:, :LONGEST], lengths, y[:, LONGEST], blank=BLANK)


def reading(z: Tensor, text: Tensor, length: Tensor) -> dict[str, float]:
    """Strips read without a mistake, and edits per digit."""
    said = _strips.read(z)
    truth = [row[:n].tolist() for row, n in zip(text, length, strict=True)]
    edits = sum(map(_strips.edit_distance, said, truth))
    right = np.mean([a == b for a, b in zip(said, truth, strict=True)])
    return {"strips right": float(right), "edits per digit": edits / int(length.sum())}


def study_strips() -> dict[str, Scores]:
    """Frame-wise cross entropy with even places, with true ones and with their middles, against CTC without any."""
    rows = made(_strips.loose)
    targets: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
        "even places": lambda text, length, start: frames_of(text, length, None),
        "true places": frames_of,
        "true middles": lambda text, length, start: frames_of(text, length, start, reach=1.5),
        "CTC": lambda text, length, start: torch.cat([text, length[:, None]], 1),
    }
    found = {}
    for name, target in targets.items():
        seen = rows | {"train": [(own[0], target(*own[1:])) for own in rows["train"]]}
        trials = []
        for setting in product((0.003, 0.01), (250, 750)):
            model = fit(frame_network, of_paths if name == "CTC" else losses.cross_entropy, seen, setting, 32)
            trials.append(
                {
                    part: [
                        reading(z, *own[1:3])
                        for z, own in zip(model.logits([own[0] for own in rows[part]]), rows[part], strict=True)
                    ]
                    for part in PARTS[1:]
                }
            )
        found[name] = chosen(name, trials)
    return found


# Neighbours that follow a rule


class Tagger(nn.Module):
    """Ten scores for each image of a strip and, behind them, what the step from each digit to the next is worth."""

    def __init__(self, looks_aside: bool) -> None:
        super().__init__()
        self.looks_aside = looks_aside
        self.see = nn.Sequential(nn.Linear(192 if looks_aside else 64, 64), nn.ReLU(), nn.Linear(64, CLASSES))
        self.rule = nn.Parameter(torch.zeros(CLASSES, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        """The scores of ten tags at each step, then the ten rows of the rule."""
        if self.looks_aside:
            padded = nn.functional.pad(x, (0, 0, 1, 1))
            x = torch.cat([padded[:, :-2], x, padded[:, 2:]], -1)
        return torch.cat([self.see(x), self.rule.expand(len(x), -1, -1)], 1)


def alone(z: Tensor, y: Tensor) -> Tensor:
    """Each digit by itself."""
    return losses.cross_entropy(z[:, :TAGS].flatten(0, 1), y.flatten())


def together(loss: Callable[..., Tensor]) -> experiments.Loss:
    """A loss of the whole strip."""
    return lambda z, y: loss(z[:, :TAGS], y, transitions=z[0, TAGS:])


def counted(y: Tensor) -> Tensor:
    """The logarithm of how often each digit follows each other one in training."""
    pairs = torch.bincount((y[:, :-1] * CLASSES + y[:, 1:]).flatten(), minlength=CLASSES**2).view(CLASSES, CLASSES) + 1
    return (pairs / pairs.sum(1, keepdim=True)).log()


def study_chains() -> dict[str, Scores]:
    """Softmax, CRF and structured SVM; softmax with the rule counted afterwards; each also with a look aside."""
    rows = made(lambda own, count, seed: _strips.counting(own, count, seed, length=TAGS))
    trained = {
        "softmax": (alone, False),
        "CRF": (together(losses.crf_loss), False),
        "structured SVM": (together(losses.structured_hinge_loss), False),
        "softmax, looks aside": (alone, True),
        "CRF, looks aside": (together(losses.crf_loss), True),
    }

    def scored(z: Tensor, own: tuple[Tensor, ...], rule: Tensor | None) -> dict[str, float]:
        e = z[:, :TAGS].log_softmax(-1) if rule is not None else z[:, :TAGS]
        said, _ = losses.crf_decode(e, transitions=z[0, TAGS:] if rule is None else rule)
        right = said == own[1]
        return {"digits right": float(right.float().mean()), "strips right": float(right.all(1).float().mean())}

    found = {}
    for name, (loss, looks_aside) in trained.items():
        trials: dict[str, list[Any]] = {name: []} | ({f"{name}, rule counted": []} if loss is alone else {})
        for setting in product((0.003, 0.01), (200, 600)):
            model = fit(lambda aside=looks_aside: Tagger(aside), loss, rows, setting, 32)
            logits = {part: model.logits([own[0] for own in rows[part]]) for part in PARTS[1:]}
            for variant, kept in trials.items():
                rules = [counted(own[1]) if variant != name else None for own in rows["train"]]
                kept.append(
                    {part: list(map(scored, z, rows[part], rules)) for part, z in logits.items()},
                )
        found |= {variant: chosen(variant, kept) for variant, kept in trials.items()}
    return found


# One word after another


def study_words() -> dict[str, Scores]:
    """Teacher forcing, scheduled sampling, own words alone, and a speaker that is deaf."""
    rows = made(backwards, train=2 * TRAIN)
    ways: dict[str, tuple[str, dict[str, Any]]] = {
        "teacher forcing": ("token", {}),
        "teacher forcing, per sequence": ("sequence", {}),
        "scheduled sampling": ("token", {"own": 0.5}),
        "own words": ("token", {"own": 1.0}),
        "deaf": ("token", {"hears": False}),
    }
    found = {}
    for name, (per, options) in ways.items():

        def loss(z: Tensor, y: Tensor, per: Any = per) -> Tensor:
            return losses.sequence_cross_entropy(z, y, per=per)

        trials = []
        for setting in product((0.002, 0.004), (200, 600)):
            model = fit(lambda o=options, s=setting: Speaker(warm_up=s[1] // 2, **o), loss, rows, setting, 32)
            trials.append(
                {part: [telling(model.model(seed), *own) for seed, own in enumerate(rows[part])] for part in PARTS[1:]}
            )
        found[name] = chosen(name, trials)
    return found


# A rule that no pair of neighbours shows


def study_energies() -> dict[str, Scores]:
    """One energy, trained in eight ways, and one without the table."""
    rows = made(_strips.checked, train=2 * TRAIN)
    ways = {
        "digits apart": losses.energy_nll_loss,
        "exact": losses.energy_nll_loss,
        "10 samples": _energies.sampled(10),
        "100 samples": _energies.sampled(100),
        "noise contrast": _energies.against_noise(10),
        "1 round of Gibbs": _energies.contrastive(1),
        "3 rounds of Gibbs": _energies.contrastive(3),
        "as printed": _energies.as_printed,
    }

    def scored(z: Tensor, own: tuple[Tensor, ...]) -> dict[str, float]:
        said, right = z.argmin(1), own[1]
        digits = [(said // power % CLASSES == right // power % CLASSES).float().mean() for power in (100, 10, 1)]
        sums = said // 100 + said // 10 % 10 + said % 10
        return {
            "numbers right": float((said == right).float().mean()),
            "digits right": float(torch.stack(digits).mean()),
            "rule kept": float((sums % 10 == 0).float().mean()),
        }

    found = {}
    for name, loss in ways.items():
        trials = []
        for setting in product((0.003, 0.01), (200, 600)):
            model = fit(lambda knows=name != "digits apart": _energies.Energy(knows), loss, rows, setting, 64)
            trials.append(
                {
                    part: list(map(scored, model.logits([own[0] for own in rows[part]]), rows[part]))
                    for part in PARTS[1:]
                }
            )
        found[name] = chosen(name, trials)
    return found


def main() -> None:
    """Run all five and record them."""
    torch.set_num_threads(1)
    on_graphs = list(product((0.01, 0.03), (50, 200)))
    results = {
        "strips": study_strips(),
        "chains": study_chains(),
        "words": study_words(),
        "energies": study_energies(),
        "nodes": _graphs.study_nodes(on_graphs, GRAPH_SEEDS),
        "links": _graphs.study_links(on_graphs, SEEDS),
    }
    here = Path(__file__)
    scripts = [here, *(here.with_name(name) for name in ("_energies.py", "_graphs.py", "_speaker.py", "_strips.py"))]
    report.record("structured_prediction", results, command=f"python {' '.join(sys.argv)}", scripts=scripts)


if __name__ == "__main__":
    main()
