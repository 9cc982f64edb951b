"""The contest of all weighters in the section `softadapt`: a toy (E1), four tasks (E2) and an equation (E3).

Run ``python book/recorded/weighters.py`` from the repository; it takes about twenty minutes on one core and
writes ``weighters.json`` beside this file.

What was fixed before the run, after pilots. Every method keeps the defaults of its class (`FairGrad` excepted: 1 would
be `NashMTL`; two come in variants); its learning rate is tuned, with as many trials for each. Twelve seeds, since with
ten Wilcoxon's smallest p times the number of comparisons is above 0.05. The controls are equal weights and
`RandomWeighting`. `Scheduled` takes no part: it has no plan of its own. What would change the verdict:

- E1 "only some methods leave the valley": if equal weights reach the front from every start at a tuned rate.
- E2 "no weighter is better than tuned fixed weights": if one has a lower mean change and Holm's p below 0.05.
- E2 "what a weighter buys is freedom from units": if equal weights lose no more by the changed units than the others.
- E3 "a weighter finds the weight of the boundary": if none has a lower error than equal weights at Holm's p below
  0.05; and "it saves the search": if none comes within a factor of 2 of the tuned fixed weight.
"""

import sys
from functools import partial
from pathlib import Path

import _four_tasks
import _poisson
import _toy
import torch
from _stacked import Make

from companion import report, weighters

PATHS = ("equal", "SoftAdapt", "PCGrad", "NashMTL, own scale")
WEIGHTS = ("SoftAdapt", "UncertaintyWeighting", "LogSum", "GradNorm", "GradientScale", "NashMTL")
METHODS: dict[str, Make] = {
    "equal": weighters.Static,
    "RandomWeighting": weighters.RandomWeighting,
    "InitialScale": weighters.InitialScale,
    "LossNormalizer": weighters.LossNormalizer,
    "LogSum": weighters.LogSum,
    "GeometricMean": weighters.GeometricMean,
    "UncertaintyWeighting": weighters.UncertaintyWeighting,
    "SmoothTchebycheff": weighters.SmoothTchebycheff,
    "SoftAdapt": weighters.SoftAdapt,
    "SoftAdapt, normalized": partial(weighters.SoftAdapt, variant="normalized"),
    "SoftAdapt, loss-weighted": partial(weighters.SoftAdapt, variant="loss-weighted"),
    "DWA": weighters.DWA,
    "ReLoBRaLo": weighters.ReLoBRaLo,
    "FAMO": weighters.FAMO,
    "GradNorm": weighters.GradNorm,
    "GradientScale": weighters.GradientScale,
    "DBMTL": weighters.DBMTL,
    "MGDA": weighters.MGDA,
    "PCGrad": weighters.PCGrad,
    "GradVac": weighters.GradVac,
    "CAGrad": weighters.CAGrad,
    "UPGrad": weighters.UPGrad,
    "IMTLG": weighters.IMTLG,
    "AlignedMTL": weighters.AlignedMTL,
    "NashMTL": weighters.NashMTL,
    "NashMTL, own scale": partial(weighters.NashMTL, sum_to=None),
    "FairGrad": partial(weighters.FairGrad, alpha=2.0),  # alpha = 1 is NashMTL
}


def main() -> None:
    """Run the three studies and record them."""
    torch.set_num_threads(1)
    shares = [(1, 9), (1, 3), (3, 1), (9, 1)]
    fixed = {f"fixed, {a} : {b}": partial(weighters.Static, values=[a, b]) for a, b in shares}
    plain = {name: METHODS[name] for name in ("equal", "LogSum")}
    lra = {"GradientScale, lra": partial(weighters.GradientScale, rule="lra")}  # needs parameters, which only E3 shares
    results = {
        "toy": _toy.study({**fixed, **METHODS}, rates=(0.004, 0.012, 0.04), steps=6000, shown=PATHS),
        "toy, rate of the literature": _toy.study(plain, rates=(0.001,), steps=25_000),
        "four_tasks": _four_tasks.study(METHODS, seeds=12, steps=240, shown=WEIGHTS),
        "poisson": _poisson.study({**METHODS, **lra}, seeds=12, tuning=3, steps=800, shown=[*WEIGHTS, *lra]),
    }
    scripts = [
        Path(__file__).with_name(f"{name}.py") for name in ("weighters", "_stacked", "_toy", "_four_tasks", "_poisson")
    ]
    report.record("weighters", results, command=f"python {' '.join(sys.argv)}", scripts=scripts)


if __name__ == "__main__":
    main()
