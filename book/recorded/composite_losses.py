"""The recorded runs of the section `composite_losses`: faces that are classified and painted, and ink on photographs.

Run ``python book/recorded/composite_losses.py`` from the repository; it takes about a quarter of an hour on one core
and writes ``composite_losses.json`` beside this file.

What was fixed before the run, after pilots. Twelve seeds for the faces, since with ten Wilcoxon's smallest p times the
number of comparisons is above 0.05; ten for the ink. All trials are recorded with their validation scores, and the page
chooses among them, seed by seed, by validation alone. Every method has as many trials as what it is compared with.
Of methods that give the same weights to two losses one takes part: `NashMTL` for `IMTLG` and `DBMTL`, `PCGrad` for
`UPGrad`. What would change the verdict:

- "painting does not help to classify with few labels": if both beat the class alone, whose third option is a penalty on
  the squared parameters, at some number of labels, Holm's p below 0.05.
- "phases buy nothing": if one of the plans beats both parts at once, same trials, Holm's p below 0.05.
- "a weighter is not better than fixed weights tried as often": if one has a higher worth at Holm's p below 0.05.
- "a weighter does not move the front": if one that is steered over as many trials dominates a larger area.
- "Dice and a pixel loss together": if one of the two alone has as high a Dice score and as low a log loss.
"""

import sys
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import _faces
import _ink
import numpy as np
import torch
from _faces import PARTS, Faces, Trials
from _stacked import Make, Stacked
from weighters import METHODS

from companion import report
from companion.weighters import Scheduled, linear_schedule, phase_schedule

SEEDS = 12
LABELLED = 20
WEIGHTS = tuple(5.0**k for k in range(-1, 6))  # of the mean over the pixels; 5 ** 4 = 625 makes it the sum
FEW = (1.0, 25.0, 625.0)
DECAYS = (0.0, 1e-4, 1e-3)
SWITCHES = (100, 200, 300)
SAME_FOR_TWO = ("IMTLG", "DBMTL", "UPGrad")
STEERED = ("SoftAdapt, loss-weighted", "GradNorm", "PCGrad", "NashMTL")
FACTORS = tuple(5.0**k for k in range(-2, 3))


def labels(parts: Mapping[str, Faces]) -> dict[str, Any]:
    """The class alone against both parts, by number of labels."""
    found: dict[str, Any] = {}
    for labelled in (10, 20, 40, 120):
        alone = [_faces.train(_faces.fixed(0.0), parts, labelled, decay=decay) for decay in DECAYS]
        both = [_faces.train(_faces.fixed(weight), parts, labelled) for weight in FEW]
        found[str(labelled)] = {"class alone": _faces.merged(alone), "both": _faces.merged(both)}
        said(f"{labelled} labels", found[str(labelled)])
    return found


def phases(parts: Mapping[str, Faces]) -> dict[str, Trials]:
    """Parts that enter and leave by the clock, in as many trials as both at once."""
    half, end = _faces.STEPS // 2, _faces.STEPS
    plans: dict[str, list[dict[str, Any]]] = {
        "both at once": [{"pixels": w} for w in FEW],
        "class first": [{"pixels": phase_schedule({0: 0.0, half: w})} for w in FEW],
        "pixels first": [{"class": phase_schedule({0: 0.0, half: 1.0}), "pixels": w} for w in FEW],
        "pixels first, then class alone": [
            {"class": phase_schedule({0: 0.0, at: 1.0}), "pixels": phase_schedule({0: 1.0, at: 0.0})} for at in SWITCHES
        ],
        "pixels fade": [{"pixels": linear_schedule(w, 0.0, steps=end)} for w in FEW],
        "pixels enter": [{"pixels": linear_schedule(0.0, w, steps=end)} for w in FEW],
    }
    found = {}
    for name, schedules in plans.items():
        weighters = [Scheduled(PARTS, schedule, sum_to=2.0) for schedule in schedules]
        runs = SEEDS * len(_faces.RATES)
        found[name] = _faces.merged([_faces.train(Stacked(w, runs), parts, LABELLED) for w in weighters])
        said(name, found[name])
    return found


def contest(parts: Mapping[str, Faces]) -> dict[str, Any]:
    """Fixed weights from a grid, every weighter at the same rates, and some of them steered."""
    runs = SEEDS * len(_faces.RATES)
    fixed = {str(w): _faces.train(_faces.fixed(w), parts, LABELLED) for w in WEIGHTS}
    said("fixed", fixed)

    def stack(make: Make) -> Stacked:
        return Stacked(make(PARTS), runs)

    rivals = {}
    for name, make in METHODS.items():
        if name not in SAME_FOR_TWO:
            weigh = stack(make)
            rivals[name] = _faces.train(weigh, parts, LABELLED, needs_gram=weigh.needs_gram)
            said(name, rivals[name])
    steered: dict[str, Any] = {name: {} for name in STEERED}
    for name, factor in product(STEERED, FACTORS):
        weigh = stack(METHODS[name])
        steer = _faces.Steered(weigh, factor)
        steered[name][str(factor)] = _faces.train(steer, parts, LABELLED, needs_gram=weigh.needs_gram)
        said(f"{name} x {factor:g}", steered[name][str(factor)])
    return {"fixed": fixed, "weighters": rivals, "steered": steered}


def said(name: str, found: Mapping[str, Any]) -> None:
    """One line of progress."""
    if "test" in found:
        print(name, {metric: np.mean(v, 1).round(3).tolist() for metric, v in found["test"].items()}, flush=True)
    else:
        for key, one in found.items():
            said(f"{name}, {key}", one)


def main() -> None:
    """Run all studies and record them."""
    torch.set_num_threads(1)
    parts = _faces.load(SEEDS)
    about = {"seeds": SEEDS, "labelled": LABELLED, "rates": _faces.RATES, "steps": _faces.STEPS}
    faces = about | {"labels": labels(parts), "phases": phases(parts)} | contest(parts)
    found = {"faces": faces, "ink": _ink.study(10)}
    folder = Path(__file__).parent
    scripts = [folder / f"{name}.py" for name in ("_faces", "_ink", "_stacked", "weighters")]
    command = f"python {' '.join(sys.argv)}"
    report.record("composite_losses", found, command=command, scripts=[Path(__file__), *scripts])


if __name__ == "__main__":
    main()
