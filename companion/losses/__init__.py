"""The losses, each a function and, where it makes sense, its ``nn.Module`` twin.

Classification
    :func:`cross_entropy`, :func:`poly_loss`
Imbalance
    :func:`focal_loss`, :func:`binary_focal_loss`, :func:`class_weights`, :func:`class_balanced_loss`,
    :func:`logit_adjusted_loss`, :func:`balanced_softmax_loss`, :func:`ldam_loss`, :func:`cost_sensitive_loss`
Noisy labels
    :func:`mae_loss`, :func:`generalized_cross_entropy`, :func:`truncated_gce_loss`,
    :func:`reverse_cross_entropy`, :func:`symmetric_cross_entropy`, :func:`normalized_cross_entropy`,
    :func:`active_passive_loss`, :func:`taylor_cross_entropy`, :func:`bi_tempered_loss`,
    :func:`generalized_js_loss`, :func:`bootstrap_loss`, :func:`forward_correction_loss`,
    :func:`backward_correction_loss`, :func:`peer_loss`, :func:`negative_learning_loss`,
    :func:`confidence_penalty_loss`, :func:`mixup_loss`, :class:`ELRLoss`
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
from companion.losses.noisy_labels.active_passive import ActivePassiveLoss, active_passive_loss
from companion.losses.noisy_labels.backward_correction import BackwardCorrectionLoss, backward_correction_loss
from companion.losses.noisy_labels.bi_tempered import BiTemperedLoss, bi_tempered_loss
from companion.losses.noisy_labels.bootstrap import BootstrapLoss, bootstrap_loss
from companion.losses.noisy_labels.confidence_penalty import ConfidencePenaltyLoss, confidence_penalty_loss
from companion.losses.noisy_labels.elr import ELRLoss
from companion.losses.noisy_labels.forward_correction import ForwardCorrectionLoss, forward_correction_loss
from companion.losses.noisy_labels.generalized_cross_entropy import (
    GeneralizedCrossEntropyLoss,
    generalized_cross_entropy,
)
from companion.losses.noisy_labels.generalized_js import GeneralizedJSLoss, generalized_js_loss
from companion.losses.noisy_labels.mae import MAELoss, mae_loss
from companion.losses.noisy_labels.mixup import MixupLoss, mixup_loss
from companion.losses.noisy_labels.negative_learning import NegativeLearningLoss, negative_learning_loss
from companion.losses.noisy_labels.normalized_cross_entropy import NormalizedCrossEntropyLoss, normalized_cross_entropy
from companion.losses.noisy_labels.peer import PeerLoss, peer_loss
from companion.losses.noisy_labels.reverse_cross_entropy import ReverseCrossEntropyLoss, reverse_cross_entropy
from companion.losses.noisy_labels.symmetric_cross_entropy import SymmetricCrossEntropyLoss, symmetric_cross_entropy
from companion.losses.noisy_labels.taylor_cross_entropy import TaylorCrossEntropyLoss, taylor_cross_entropy
from companion.losses.noisy_labels.truncated_gce import TruncatedGCELoss, truncated_gce_loss
from companion.losses.regions.dice import BinaryDiceLoss, DiceLoss, binary_dice_loss, dice_loss
from companion.losses.regions.fbeta import BinaryFbetaLoss, FbetaLoss, binary_fbeta_loss, fbeta_loss
from companion.losses.regions.tversky import BinaryTverskyLoss, TverskyLoss, binary_tversky_loss, tversky_loss

__all__ = [
    "ActivePassiveLoss",
    "BackwardCorrectionLoss",
    "BalancedSoftmaxLoss",
    "BiTemperedLoss",
    "BinaryDiceLoss",
    "BinaryFbetaLoss",
    "BinaryFocalLoss",
    "BinaryTverskyLoss",
    "BootstrapLoss",
    "ClassBalancedLoss",
    "ConfidencePenaltyLoss",
    "CostSensitiveLoss",
    "CrossEntropyLoss",
    "DiceLoss",
    "ELRLoss",
    "FbetaLoss",
    "FocalLoss",
    "ForwardCorrectionLoss",
    "GeneralizedCrossEntropyLoss",
    "GeneralizedJSLoss",
    "LDAMLoss",
    "LogitAdjustedLoss",
    "MAELoss",
    "MixupLoss",
    "NegativeLearningLoss",
    "NormalizedCrossEntropyLoss",
    "PeerLoss",
    "PolyLoss",
    "ReverseCrossEntropyLoss",
    "SymmetricCrossEntropyLoss",
    "TaylorCrossEntropyLoss",
    "TruncatedGCELoss",
    "TverskyLoss",
    "active_passive_loss",
    "backward_correction_loss",
    "balanced_softmax_loss",
    "bi_tempered_loss",
    "binary_dice_loss",
    "binary_fbeta_loss",
    "binary_focal_loss",
    "binary_tversky_loss",
    "bootstrap_loss",
    "class_balanced_loss",
    "class_weights",
    "confidence_penalty_loss",
    "cost_sensitive_loss",
    "cross_entropy",
    "dice_loss",
    "fbeta_loss",
    "focal_loss",
    "forward_correction_loss",
    "generalized_cross_entropy",
    "generalized_js_loss",
    "ldam_loss",
    "logit_adjusted_loss",
    "mae_loss",
    "mixup_loss",
    "negative_learning_loss",
    "normalized_cross_entropy",
    "peer_loss",
    "poly_loss",
    "reverse_cross_entropy",
    "symmetric_cross_entropy",
    "taylor_cross_entropy",
    "truncated_gce_loss",
    "tversky_loss",
]
