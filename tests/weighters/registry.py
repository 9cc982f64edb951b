"""Every public weighter once: its options worth covering, what sets it apart, and from which checks it is excused.

Adding a weighter means adding one row to WEIGHTERS; the files test_contract_*.py do the rest: ``@each_weighter()`` runs
a test over every weighter that owes what it checks, ``@each_case()`` over every weighter with every one of its options.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from companion import weighters
from companion.weighters._base import Weighter
from tests.each import Each

Options = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class WeighterInfo:
    """A weighter and what the contract needs to know of it."""

    weighter: type[Weighter]
    sweep: Sequence[Options] = ({},)
    random: bool = False  # draws weights, so that names are not interchangeable
    first_leads: Sequence[Options] = ()  # options under which the first loss is treated otherwise than the rest
    own_scalar: bool = False  # returns something else than the weighted sum, with the weights as its derivative
    parameters_only: Sequence[Options] = ()  # options under which features cannot be `shared`
    excused: Mapping[str, str] = field(default_factory=dict)  # name of the test -> reason

    @property
    def name(self) -> str:
        return self.weighter.__name__

    @property
    def of_gradients(self) -> bool:
        return self.weighter.needs_gram

    def __call__(self, names: Sequence[str], **options: Any) -> Weighter:
        return self.weighter(names, **options)


WEIGHTERS = [
    WeighterInfo(
        weighters.AlignedMTL,
        sweep=({}, {"scale": "median"}, {"scale": "rmse"}),
        excused={"test_nothing_waits_for_the_gpu": "torch checks on the host that eigenvalues were found"},
    ),
    WeighterInfo(weighters.CAGrad, sweep=({}, {"c": 0.2, "rescale": "1+c^2", "sum_to": "tasks"})),
    WeighterInfo(weighters.DBMTL),
    WeighterInfo(weighters.DWA, sweep=({}, {"temperature": 0.5, "sum_to": 1.0})),
    WeighterInfo(weighters.FAMO, sweep=({}, {"learning_rate": 0.5, "gamma": 0.1})),
    WeighterInfo(weighters.FairGrad, sweep=({}, {"alpha": 2.0})),
    WeighterInfo(weighters.GeometricMean, sweep=({}, {"sum_to": "tasks"}), own_scalar=True),
    WeighterInfo(weighters.GradNorm, sweep=({}, {"alpha": 0.5, "update": "linear"})),
    WeighterInfo(weighters.GradVac, sweep=({}, {"beta": 0.1, "seed": 7, "sum_to": "tasks"}), random=True),
    WeighterInfo(
        weighters.GradientScale,
        sweep=({}, {"momentum": 0.0}, {"rule": "lra"}),
        parameters_only=({"rule": "lra"},),
        first_leads=({"rule": "lra"},),
    ),
    WeighterInfo(weighters.IMTLG),
    WeighterInfo(weighters.InitialScale, sweep=({}, {"sum_to": "tasks"})),
    WeighterInfo(weighters.LogSum, sweep=({}, {"sum_to": "tasks"}), own_scalar=True),
    WeighterInfo(weighters.LossNormalizer, sweep=({}, {"decay": 0.5, "sum_to": "tasks"})),
    WeighterInfo(weighters.MGDA, sweep=({}, {"normalize": "l2"}, {"normalize": "loss+"})),
    WeighterInfo(weighters.NashMTL),
    WeighterInfo(weighters.PCGrad, sweep=({}, {"seed": 7, "sum_to": "tasks"}), random=True),
    WeighterInfo(weighters.RandomWeighting, sweep=({}, {"seed": 7, "sum_to": 1.0}), random=True),
    WeighterInfo(weighters.ReLoBRaLo, sweep=({}, {"alpha": 0.5, "rho": 0.5, "temperature": 0.1, "seed": 7})),
    WeighterInfo(weighters.Scheduled),
    WeighterInfo(weighters.SmoothTchebycheff, sweep=({}, {"mu": 0.1, "normalize": True}), own_scalar=True),
    WeighterInfo(
        weighters.SoftAdapt,
        sweep=(
            {},
            {"beta": 5.0, "slope": "last", "window": 2},
            {"variant": "normalized", "slope": "backward"},
            {"variant": "loss-weighted", "floor": 0.1, "smoothing": 0.5},
            {"variant": "normalized-loss-weighted", "warmup": 2, "sum_to": 1},
        ),
    ),
    WeighterInfo(weighters.Static, sweep=({}, {"sum_to": "tasks"})),
    WeighterInfo(weighters.UPGrad, sweep=({}, {"sum_to": "tasks"})),
    WeighterInfo(
        weighters.UncertaintyWeighting,
        sweep=({}, {"form": "classification"}, {"positive": True, "sum_to": "tasks"}, {"first_losses": True}),
        own_scalar=True,
    ),
]

each_weighter = Each(WEIGHTERS)
each_case = each_weighter.with_options


def of_values(info: WeighterInfo) -> bool:
    return not info.of_gradients


def of_gradients(info: WeighterInfo) -> bool:
    return info.of_gradients
