"""Every public loss once: what it is, what it must return, and from which checks it is excused.

Adding a loss means adding one entry to LOSSES; the files test_contract_*.py do the rest: ``@each_loss()`` runs a test
over every loss that owes what it checks.
"""

from collections.abc import Callable, Sequence

import torch

from companion import losses
from tests.each import Each
from tests.losses import references
from tests.losses.info import LossInfo, Options
from tests.losses.noisy_rows import NOISY
from tests.losses.region_rows import REGIONS

COUNTS = torch.tensor([48, 12, 2, 5])
PRIOR = torch.tensor([0.5, 0.25, 0.125, 0.125])
COST = torch.tensor([[0.0, 1.0, 4.0, 0.5], [2.0, 0.0, 1.0, 3.0], [8.0, 0.5, 0.0, 1.0], [1.0, 1.0, 2.0, 0.0]])


def _counts(classes: int) -> Options:
    return {"counts": COUNTS[:classes]}


REGION_SWEEP: Sequence[Options] = ({}, {"smooth": 0.0}, {"batch": True}, {"absent": "skip"})
TVERSKY_SWEEP = (*REGION_SWEEP, {"alpha": 1.0, "beta": 0.25, "smooth": 3.0})
FBETA_SWEEP = (*REGION_SWEEP, {"beta": 2.0}, {"beta": 0.5, "smooth": 0.0})
FOCAL_SWEEP = ({}, {"gamma": 0.0}, {"gamma": 0.5}, {"gamma": 5.0})
BY_SOFTMAX = {
    "test_gradient_is_exact_on_adversarial_logits": "goes through softmax, whose backward rounds p (1 - p) to a "
    "multiple of 6e-8 where a wrong class is all but sure; held to that rounding by the test below it"
}
OWN_WEIGHT = dict.fromkeys(
    (
        "test_mean_is_the_default_and_averages_what_none_returns",
        "test_sample_weight_scales_rows_and_enters_the_mean",
        "test_sample_weight_is_for_the_leading_axes",
    ),
    "its class weights enter the mean, as `weight` does in the others; tested in test_class_balanced.py",
)

LOSSES = [
    LossInfo(
        losses.cross_entropy,
        losses.CrossEntropyLoss,
        references.cross_entropy,
        sweep=({}, {"label_smoothing": 0.25}),
        sibling="torch.nn.functional.binary_cross_entropy_with_logits",
    ),
    LossInfo(
        losses.poly_loss,
        losses.PolyLoss,
        references.poly,
        sweep=({}, {"epsilon": 0.0}, {"epsilon": -0.5}),
    ),
    LossInfo(
        losses.focal_loss,
        losses.FocalLoss,
        references.focal,
        sweep=(*FOCAL_SWEEP, {"alpha": torch.tensor([0.5, 1.0, 2.0])}),
        sibling="binary_focal_loss",
    ),
    LossInfo(
        losses.binary_focal_loss,
        losses.BinaryFocalLoss,
        references.binary_focal,
        binary=True,
        sweep=(*FOCAL_SWEEP, {"alpha": 0.25}),
    ),
    LossInfo(
        losses.class_balanced_loss,
        losses.ClassBalancedLoss,
        references.class_balanced,
        needs=_counts,
        sweep=({}, {"beta": 0.875, "gamma": 1.5}, {"beta": 0.0}),
        sibling="binary_focal_loss",
        excused=OWN_WEIGHT,
    ),
    LossInfo(
        losses.logit_adjusted_loss,
        losses.LogitAdjustedLoss,
        references.logit_adjusted,
        needs=lambda classes: {"prior": PRIOR[:classes]},
        sweep=({}, {"tau": 0.5}, {"tau": 0.0}),
    ),
    LossInfo(
        losses.balanced_softmax_loss,
        losses.BalancedSoftmaxLoss,
        references.balanced_softmax,
        needs=_counts,
    ),
    LossInfo(
        losses.ldam_loss,
        losses.LDAMLoss,
        references.ldam,
        needs=_counts,
        sweep=({}, {"scale": 1.0, "max_margin": 2.0}),
        probabilities=False,
    ),
    LossInfo(
        losses.cost_sensitive_loss,
        losses.CostSensitiveLoss,
        references.cost_sensitive,
        needs=lambda classes: {"cost": COST[:classes, :classes]},
        excused=BY_SOFTMAX,
    ),
    LossInfo(
        losses.missed_false_loss,
        losses.MissedFalseLoss,
        references.missed_false,
        binary=True,
        sweep=({}, {"miss_weight": 10.0, "false_weight": 0.25}, {"false_weight": 0.0}),
    ),
    LossInfo(
        losses.dice_loss,
        losses.DiceLoss,
        references.dice,
        region=True,
        sweep=REGION_SWEEP,
        sibling="binary_dice_loss",
        excused=BY_SOFTMAX,
    ),
    LossInfo(
        losses.binary_dice_loss,
        losses.BinaryDiceLoss,
        references.dice,
        region=True,
        binary=True,
        sweep=REGION_SWEEP,
    ),
    LossInfo(
        losses.tversky_loss,
        losses.TverskyLoss,
        references.tversky,
        region=True,
        sweep=TVERSKY_SWEEP,
        sibling="binary_tversky_loss",
        excused=BY_SOFTMAX,
    ),
    LossInfo(
        losses.binary_tversky_loss,
        losses.BinaryTverskyLoss,
        references.tversky,
        region=True,
        binary=True,
        sweep=TVERSKY_SWEEP,
    ),
    LossInfo(
        losses.fbeta_loss,
        losses.FbetaLoss,
        references.fbeta,
        region=True,
        sweep=FBETA_SWEEP,
        sibling="binary_fbeta_loss",
        excused=BY_SOFTMAX,
    ),
    LossInfo(
        losses.binary_fbeta_loss,
        losses.BinaryFbetaLoss,
        references.fbeta,
        region=True,
        binary=True,
        sweep=FBETA_SWEEP,
    ),
    *NOISY,
    *REGIONS,
]

Scope = Callable[[LossInfo], bool]
each_loss = Each(LOSSES)


def rowwise(info: LossInfo) -> bool:
    """One loss per row, pixel or element."""
    return not info.region


def multiclass(info: LossInfo) -> bool:
    return not info.binary


def takes(option: str) -> Scope:
    return lambda info: info.takes(option)


def both(*scopes: Scope) -> Scope:
    return lambda info: all(scope(info) for scope in scopes)


def soft(info: LossInfo) -> bool:
    """A target of probabilities mixes the losses of the classes."""
    return info.probabilities and multiclass(info) and rowwise(info)
