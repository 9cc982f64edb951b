"""The rows of the registry for the losses of regions beyond Dice, Tversky and F-beta."""

import math

from companion import losses
from tests.losses import region_references as references
from tests.losses.info import LossInfo

SWEEP = ({}, {"smooth": 0.0}, {"batch": True}, {"absent": "skip"})
OF_MCC = ({}, {"smooth": 0.25}, {"batch": True}, {"absent": "skip"})  # of 0: regions/test_mcc.py
OF_FOCAL = (*SWEEP, {"alpha": 1.0, "beta": 0.25, "smooth": 3.0}, {"gamma": 0.5}, {"gamma": 3.0, "smooth": 0.5})
OF_GENERALIZED = (*SWEEP, {"power": 1.0, "smooth": 0.0}, {"power": 0.0})
OF_LOVASZ = ({}, {"batch": True}, {"absent": "skip"}, {"absent": "penalise"})
BY_SOFTMAX = {
    "test_gradient_is_exact_on_adversarial_logits": "goes through softmax, whose backward rounds p (1 - p) to a "
    "multiple of 6e-8 where a wrong class is all but sure; held to that rounding by the test below it"
}
NO_SLOPE_AT_TIES = "has a kink where errors tie, and a difference across it is no slope; away from ties "
TIES = {"test_gradient_is_exact_on_adversarial_logits": NO_SLOPE_AT_TIES + "see regions/test_lovasz_hinge.py"}
TIES_OF_CLASSES = dict.fromkeys(
    ("test_gradient_is_exact_on_adversarial_logits", "test_gradient_is_exact_but_for_the_rounding_of_softmax"),
    NO_SLOPE_AT_TIES + "see regions/test_lovasz_softmax.py",
)
LEVEL = "where smooth is 0 an absent region costs 1 however much is imagined, and its slope of 0 is met to 1e-7; "
OF_A_LEVEL_REGION = {"test_gradient_is_exact_on_adversarial_logits": LEVEL + "see regions/test_focal_tversky.py"}
OF_LEVEL_REGIONS = {
    **BY_SOFTMAX,
    "test_gradient_is_exact_but_for_the_rounding_of_softmax": LEVEL + "see regions/test_focal_tversky.py",
}

REGIONS = [
    LossInfo(
        losses.generalized_dice_loss,
        losses.GeneralizedDiceLoss,
        references.generalized_dice,
        region=True,
        pooled=True,
        sweep=OF_GENERALIZED,
        sibling="binary_generalized_dice_loss",
        excused=BY_SOFTMAX,
    ),
    LossInfo(
        losses.binary_generalized_dice_loss,
        losses.BinaryGeneralizedDiceLoss,
        references.generalized_dice,
        region=True,
        pooled=True,
        binary=True,
        sweep=OF_GENERALIZED,
    ),
    LossInfo(
        losses.jaccard_loss,
        losses.JaccardLoss,
        references.jaccard,
        region=True,
        sweep=SWEEP,
        sibling="binary_jaccard_loss",
        excused=BY_SOFTMAX,
    ),
    LossInfo(
        losses.binary_jaccard_loss,
        losses.BinaryJaccardLoss,
        references.jaccard,
        region=True,
        binary=True,
        sweep=SWEEP,
    ),
    LossInfo(
        losses.focal_tversky_loss,
        losses.FocalTverskyLoss,
        references.focal_tversky,
        region=True,
        sweep=OF_FOCAL,
        sibling="binary_focal_tversky_loss",
        excused=OF_LEVEL_REGIONS,
    ),
    LossInfo(
        losses.binary_focal_tversky_loss,
        losses.BinaryFocalTverskyLoss,
        references.focal_tversky,
        region=True,
        binary=True,
        sweep=OF_FOCAL,
        excused=OF_A_LEVEL_REGION,
    ),
    LossInfo(
        losses.lovasz_softmax_loss,
        losses.LovaszSoftmaxLoss,
        references.lovasz_softmax,
        region=True,
        probabilities=False,
        sweep=OF_LOVASZ,
        sibling="lovasz_hinge_loss",
        excused=TIES_OF_CLASSES,
    ),
    LossInfo(
        losses.lovasz_hinge_loss,
        losses.LovaszHingeLoss,
        references.lovasz_hinge,
        region=True,
        scores=True,
        most=math.inf,
        binary=True,
        probabilities=False,
        sweep=OF_LOVASZ,
        excused=TIES,
    ),
    LossInfo(
        losses.mcc_loss,
        losses.MCCLoss,
        references.mcc,
        region=True,
        most=2.0,
        sweep=OF_MCC,
        sibling="binary_mcc_loss",
        excused=BY_SOFTMAX,
    ),
    LossInfo(
        losses.binary_mcc_loss,
        losses.BinaryMCCLoss,
        references.mcc,
        region=True,
        most=2.0,
        binary=True,
        sweep=OF_MCC,
    ),
]
