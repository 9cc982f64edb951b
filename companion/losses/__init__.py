"""The losses, each a function and, where it makes sense, its ``nn.Module`` twin.

Classification
    :func:`cross_entropy`, :func:`poly_loss`
Imbalance
    :func:`focal_loss`, :func:`binary_focal_loss`, :func:`class_weights`, :func:`class_balanced_loss`,
    :func:`logit_adjusted_loss`, :func:`balanced_softmax_loss`, :func:`ldam_loss`, :func:`cost_sensitive_loss`
Regions
    :func:`dice_loss`, :func:`binary_dice_loss`, :func:`tversky_loss`, :func:`binary_tversky_loss`,
    :func:`fbeta_loss`, :func:`binary_fbeta_loss`
"""

from companion.losses.classification.cross_entropy import CrossEntropyLoss, cross_entropy
from companion.losses.classification.poly import PolyLoss, poly_loss
from companion.losses.imbalance.balanced_softmax import BalancedSoftmaxLoss, balanced_softmax_loss
from companion.losses.imbalance.class_balanced import ClassBalancedLoss, class_balanced_loss
from companion.losses.imbalance.class_weights import class_weights
from companion.losses.imbalance.cost_sensitive import CostSensitiveLoss, cost_sensitive_loss
from companion.losses.imbalance.focal import BinaryFocalLoss, FocalLoss, binary_focal_loss, focal_loss
from companion.losses.imbalance.ldam import LDAMLoss, ldam_loss
from companion.losses.imbalance.logit_adjusted import LogitAdjustedLoss, logit_adjusted_loss
from companion.losses.regions.dice import BinaryDiceLoss, DiceLoss, binary_dice_loss, dice_loss
from companion.losses.regions.fbeta import BinaryFbetaLoss, FbetaLoss, binary_fbeta_loss, fbeta_loss
from companion.losses.regions.tversky import BinaryTverskyLoss, TverskyLoss, binary_tversky_loss, tversky_loss

__all__ = [
    "BalancedSoftmaxLoss",
    "BinaryDiceLoss",
    "BinaryFbetaLoss",
    "BinaryFocalLoss",
    "BinaryTverskyLoss",
    "ClassBalancedLoss",
    "CostSensitiveLoss",
    "CrossEntropyLoss",
    "DiceLoss",
    "FbetaLoss",
    "FocalLoss",
    "LDAMLoss",
    "LogitAdjustedLoss",
    "PolyLoss",
    "TverskyLoss",
    "balanced_softmax_loss",
    "binary_dice_loss",
    "binary_fbeta_loss",
    "binary_focal_loss",
    "binary_tversky_loss",
    "class_balanced_loss",
    "class_weights",
    "cost_sensitive_loss",
    "cross_entropy",
    "dice_loss",
    "fbeta_loss",
    "focal_loss",
    "ldam_loss",
    "logit_adjusted_loss",
    "poly_loss",
    "tversky_loss",
]
