"""The losses, each a function and, where it makes sense, its ``nn.Module`` twin.

Classification
    :func:`cross_entropy`, :func:`poly_loss`
Imbalance
    :func:`focal_loss`, :func:`binary_focal_loss`, :func:`class_weights`, :func:`class_balanced_loss`,
    :func:`logit_adjusted_loss`, :func:`balanced_softmax_loss`, :func:`ldam_loss`, :func:`cost_sensitive_loss`
Noisy labels
    :func:`mae_loss`, :func:`generalized_cross_entropy`, :func:`truncated_gce_loss`, :func:`reverse_cross_entropy`,
    :func:`symmetric_cross_entropy`, :func:`normalized_cross_entropy`, :func:`active_passive_loss`,
    :func:`taylor_cross_entropy`, :func:`bi_tempered_loss`, :func:`generalized_js_loss`, :func:`bootstrap_loss`,
    :func:`forward_correction_loss`, :func:`backward_correction_loss`, :func:`peer_loss`,
    :func:`negative_learning_loss`, :func:`confidence_penalty_loss`, :func:`mixup_loss`, :class:`ELRLoss`
Regression and robust
    :func:`huber_loss`, :func:`smooth_l1_loss`, :func:`log_cosh_loss`, :func:`charbonnier_loss`,
    :func:`quantile_loss`, :func:`expectile_loss`, :func:`linex_loss`, :func:`cauchy_loss`,
    :func:`geman_mcclure_loss`, :func:`welsch_loss`, :func:`tukey_loss`, :func:`barron_loss`,
    :class:`AdaptiveBarronLoss`, :func:`gaussian_nll_loss`, :func:`poisson_nll_loss`, :func:`tweedie_loss`
Regions
    :func:`dice_loss`, :func:`binary_dice_loss`, :func:`tversky_loss`, :func:`binary_tversky_loss`,
    :func:`fbeta_loss`, :func:`binary_fbeta_loss`, :func:`generalized_dice_loss`,
    :func:`binary_generalized_dice_loss`, :func:`jaccard_loss`, :func:`binary_jaccard_loss`,
    :func:`focal_tversky_loss`, :func:`binary_focal_tversky_loss`, :func:`lovasz_softmax_loss`,
    :func:`lovasz_hinge_loss`, :func:`mcc_loss`, :func:`binary_mcc_loss`, :func:`boundary_loss`,
    :func:`binary_boundary_loss`
Structured
    :func:`ctc_loss`, :func:`ctc_feasible`, :func:`sequence_cross_entropy`, :func:`crf_loss`, :func:`crf_decode`,
    :func:`structured_hinge_loss`, :func:`energy_nll_loss`, :func:`nce_loss`, :func:`contrastive_divergence_loss`,
    :func:`score_matching_loss`, :func:`info_nce_loss`, :func:`graph_contrastive_loss`,
    :func:`link_prediction_loss`, :func:`laplacian_smoothness_loss`
Pairs
    :func:`contrastive_loss`, :func:`triplet_loss`, :func:`nt_xent_loss`, :func:`supervised_contrastive_loss`
Domain knowledge
    :func:`missed_false_loss`
Regularisation
    :func:`l1_penalty`, :func:`proximal_l1_`, :func:`l2_penalty`, :func:`elastic_net_penalty`, :func:`sparsity_kl`,
    :func:`total_variation`, :func:`gradient_penalty`
Generative
    :func:`gaussian_kl`, :func:`elbo_loss`, :func:`introvae_loss`, :func:`ssim_loss`
"""

from companion.losses.classification.cross_entropy import CrossEntropyLoss, cross_entropy
from companion.losses.classification.poly import PolyLoss, poly_loss
from companion.losses.domain.missed_false import MissedFalseLoss, missed_false_loss
from companion.losses.generative.elbo import ELBOLoss, elbo_loss
from companion.losses.generative.gaussian_kl import gaussian_kl
from companion.losses.generative.introvae import IntroVAELoss, introvae_loss
from companion.losses.generative.ssim import SSIMLoss, ssim_loss
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
from companion.losses.pairs.contrastive import ContrastiveLoss, contrastive_loss
from companion.losses.pairs.nt_xent import NTXentLoss, nt_xent_loss
from companion.losses.pairs.supervised_contrastive import SupervisedContrastiveLoss, supervised_contrastive_loss
from companion.losses.pairs.triplet import TripletLoss, triplet_loss
from companion.losses.regions.boundary import BinaryBoundaryLoss, BoundaryLoss, binary_boundary_loss, boundary_loss
from companion.losses.regions.dice import BinaryDiceLoss, DiceLoss, binary_dice_loss, dice_loss
from companion.losses.regions.fbeta import BinaryFbetaLoss, FbetaLoss, binary_fbeta_loss, fbeta_loss
from companion.losses.regions.focal_tversky import (
    BinaryFocalTverskyLoss,
    FocalTverskyLoss,
    binary_focal_tversky_loss,
    focal_tversky_loss,
)
from companion.losses.regions.generalized_dice import (
    BinaryGeneralizedDiceLoss,
    GeneralizedDiceLoss,
    binary_generalized_dice_loss,
    generalized_dice_loss,
)
from companion.losses.regions.jaccard import BinaryJaccardLoss, JaccardLoss, binary_jaccard_loss, jaccard_loss
from companion.losses.regions.lovasz_hinge import LovaszHingeLoss, lovasz_hinge_loss
from companion.losses.regions.lovasz_softmax import LovaszSoftmaxLoss, lovasz_softmax_loss
from companion.losses.regions.mcc import BinaryMCCLoss, MCCLoss, binary_mcc_loss, mcc_loss
from companion.losses.regions.tversky import BinaryTverskyLoss, TverskyLoss, binary_tversky_loss, tversky_loss
from companion.losses.regression.adaptive_barron import AdaptiveBarronLoss
from companion.losses.regression.barron import BarronLoss, barron_loss
from companion.losses.regression.cauchy import CauchyLoss, cauchy_loss
from companion.losses.regression.charbonnier import CharbonnierLoss, charbonnier_loss
from companion.losses.regression.expectile import ExpectileLoss, expectile_loss
from companion.losses.regression.gaussian_nll import GaussianNLLLoss, gaussian_nll_loss
from companion.losses.regression.geman_mcclure import GemanMcClureLoss, geman_mcclure_loss
from companion.losses.regression.huber import HuberLoss, huber_loss
from companion.losses.regression.linex import LinexLoss, linex_loss
from companion.losses.regression.log_cosh import LogCoshLoss, log_cosh_loss
from companion.losses.regression.poisson_nll import PoissonNLLLoss, poisson_nll_loss
from companion.losses.regression.quantile import QuantileLoss, quantile_loss
from companion.losses.regression.smooth_l1 import SmoothL1Loss, smooth_l1_loss
from companion.losses.regression.tukey import TukeyLoss, tukey_loss
from companion.losses.regression.tweedie import TweedieLoss, tweedie_loss
from companion.losses.regression.welsch import WelschLoss, welsch_loss
from companion.losses.regularization.elastic_net import elastic_net_penalty
from companion.losses.regularization.gradient_penalty import gradient_penalty
from companion.losses.regularization.l1 import l1_penalty, proximal_l1_
from companion.losses.regularization.l2 import l2_penalty
from companion.losses.regularization.sparsity_kl import sparsity_kl
from companion.losses.regularization.total_variation import total_variation
from companion.losses.structured.contrastive_divergence import ContrastiveDivergenceLoss, contrastive_divergence_loss
from companion.losses.structured.crf import CRFLoss, crf_decode, crf_loss
from companion.losses.structured.ctc import CTCLoss, ctc_feasible, ctc_loss
from companion.losses.structured.energy_nll import EnergyNLLLoss, energy_nll_loss
from companion.losses.structured.graph_contrastive import GraphContrastiveLoss, graph_contrastive_loss
from companion.losses.structured.info_nce import InfoNCELoss, info_nce_loss
from companion.losses.structured.laplacian_smoothness import LaplacianSmoothnessLoss, laplacian_smoothness_loss
from companion.losses.structured.link_prediction import LinkPredictionLoss, link_prediction_loss
from companion.losses.structured.nce import NCELoss, nce_loss
from companion.losses.structured.score_matching import ScoreMatchingLoss, score_matching_loss
from companion.losses.structured.sequence_cross_entropy import SequenceCrossEntropyLoss, sequence_cross_entropy
from companion.losses.structured.structured_hinge import StructuredHingeLoss, structured_hinge_loss

__all__ = [
    "ActivePassiveLoss",
    "AdaptiveBarronLoss",
    "BackwardCorrectionLoss",
    "BalancedSoftmaxLoss",
    "BarronLoss",
    "BiTemperedLoss",
    "BinaryBoundaryLoss",
    "BinaryDiceLoss",
    "BinaryFbetaLoss",
    "BinaryFocalLoss",
    "BinaryFocalTverskyLoss",
    "BinaryGeneralizedDiceLoss",
    "BinaryJaccardLoss",
    "BinaryMCCLoss",
    "BinaryTverskyLoss",
    "BootstrapLoss",
    "BoundaryLoss",
    "CRFLoss",
    "CTCLoss",
    "CauchyLoss",
    "CharbonnierLoss",
    "ClassBalancedLoss",
    "ConfidencePenaltyLoss",
    "ContrastiveDivergenceLoss",
    "ContrastiveLoss",
    "CostSensitiveLoss",
    "CrossEntropyLoss",
    "DiceLoss",
    "ELBOLoss",
    "ELRLoss",
    "EnergyNLLLoss",
    "ExpectileLoss",
    "FbetaLoss",
    "FocalLoss",
    "FocalTverskyLoss",
    "ForwardCorrectionLoss",
    "GaussianNLLLoss",
    "GemanMcClureLoss",
    "GeneralizedCrossEntropyLoss",
    "GeneralizedDiceLoss",
    "GeneralizedJSLoss",
    "GraphContrastiveLoss",
    "HuberLoss",
    "InfoNCELoss",
    "IntroVAELoss",
    "JaccardLoss",
    "LDAMLoss",
    "LaplacianSmoothnessLoss",
    "LinexLoss",
    "LinkPredictionLoss",
    "LogCoshLoss",
    "LogitAdjustedLoss",
    "LovaszHingeLoss",
    "LovaszSoftmaxLoss",
    "MAELoss",
    "MCCLoss",
    "MissedFalseLoss",
    "MixupLoss",
    "NCELoss",
    "NTXentLoss",
    "NegativeLearningLoss",
    "NormalizedCrossEntropyLoss",
    "PeerLoss",
    "PoissonNLLLoss",
    "PolyLoss",
    "QuantileLoss",
    "ReverseCrossEntropyLoss",
    "SSIMLoss",
    "ScoreMatchingLoss",
    "SequenceCrossEntropyLoss",
    "SmoothL1Loss",
    "StructuredHingeLoss",
    "SupervisedContrastiveLoss",
    "SymmetricCrossEntropyLoss",
    "TaylorCrossEntropyLoss",
    "TripletLoss",
    "TruncatedGCELoss",
    "TukeyLoss",
    "TverskyLoss",
    "TweedieLoss",
    "WelschLoss",
    "active_passive_loss",
    "backward_correction_loss",
    "balanced_softmax_loss",
    "barron_loss",
    "bi_tempered_loss",
    "binary_boundary_loss",
    "binary_dice_loss",
    "binary_fbeta_loss",
    "binary_focal_loss",
    "binary_focal_tversky_loss",
    "binary_generalized_dice_loss",
    "binary_jaccard_loss",
    "binary_mcc_loss",
    "binary_tversky_loss",
    "bootstrap_loss",
    "boundary_loss",
    "cauchy_loss",
    "charbonnier_loss",
    "class_balanced_loss",
    "class_weights",
    "confidence_penalty_loss",
    "contrastive_divergence_loss",
    "contrastive_loss",
    "cost_sensitive_loss",
    "crf_decode",
    "crf_loss",
    "cross_entropy",
    "ctc_feasible",
    "ctc_loss",
    "dice_loss",
    "elastic_net_penalty",
    "elbo_loss",
    "energy_nll_loss",
    "expectile_loss",
    "fbeta_loss",
    "focal_loss",
    "focal_tversky_loss",
    "forward_correction_loss",
    "gaussian_kl",
    "gaussian_nll_loss",
    "geman_mcclure_loss",
    "generalized_cross_entropy",
    "generalized_dice_loss",
    "generalized_js_loss",
    "gradient_penalty",
    "graph_contrastive_loss",
    "huber_loss",
    "info_nce_loss",
    "introvae_loss",
    "jaccard_loss",
    "l1_penalty",
    "l2_penalty",
    "laplacian_smoothness_loss",
    "ldam_loss",
    "linex_loss",
    "link_prediction_loss",
    "log_cosh_loss",
    "logit_adjusted_loss",
    "lovasz_hinge_loss",
    "lovasz_softmax_loss",
    "mae_loss",
    "mcc_loss",
    "missed_false_loss",
    "mixup_loss",
    "nce_loss",
    "negative_learning_loss",
    "normalized_cross_entropy",
    "nt_xent_loss",
    "peer_loss",
    "poisson_nll_loss",
    "poly_loss",
    "proximal_l1_",
    "quantile_loss",
    "reverse_cross_entropy",
    "score_matching_loss",
    "sequence_cross_entropy",
    "smooth_l1_loss",
    "sparsity_kl",
    "ssim_loss",
    "structured_hinge_loss",
    "supervised_contrastive_loss",
    "symmetric_cross_entropy",
    "taylor_cross_entropy",
    "total_variation",
    "triplet_loss",
    "truncated_gce_loss",
    "tukey_loss",
    "tversky_loss",
    "tweedie_loss",
    "welsch_loss",
]
