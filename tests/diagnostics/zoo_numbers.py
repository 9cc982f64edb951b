"""Faulty losses whose numbers go wrong: not finite, without gradient, or wrong in half precision."""

from functools import partial

import torch
import torch.nn.functional as F

from companion import losses
from tests.diagnostics import zoo_data as data
from tests.diagnostics import zoo_healthy as healthy

NUMBERS, sick = data.ward()


@sick(data.CLASSES, "non-finite", healthy=partial(losses.focal_loss, gamma=0.5))
def focal_by_a_rounded_difference(input, target):
    """kornia/kornia#918: 1 - p rounds to 0, and the slope of its root is infinite."""
    p = input.softmax(1).gather(1, target.unsqueeze(1)).squeeze(1)
    return (-((1 - p) ** 0.5) * p.clamp(min=1e-30).log()).mean()


@sick(data.BINARY, "non-finite", healthy=partial(losses.binary_focal_loss, gamma=0.5))
def binary_focal_of_cross_entropy(input, target):
    """google-deepmind/optax#1267: a stable cross entropy times an unstable factor."""
    ce = F.binary_cross_entropy_with_logits(input, target, reduction="none")
    p = input.sigmoid()
    return ((1 - p * target - (1 - p) * (1 - target)) ** 0.5 * ce).mean()


@sick(data.BINARY, "non-finite", healthy=losses.binary_focal_loss)
def binary_focal_of_logarithms(input, target):
    """clcarwin/focal_loss_pytorch#13: the logarithm of a probability that is 0."""
    p = input.sigmoid()
    return -(target * (1 - p) ** 2 * p.log() + (1 - target) * p**2 * (1 - p).log()).mean()


@sick(data.NUMBERS, "non-finite", healthy=healthy.log_cosh)
def logarithm_of_cosh(input, target):
    """keras-team/keras#8524, Lightning-AI/torchmetrics#3488: cosh overflows at 90."""
    return (input - target).cosh().log().mean()


@sick(data.NUMBERS, "non-finite", healthy=F.mse_loss)
def root_of_mean_square(input, target):
    """keras-team/keras#1172: the slope of the root at 0, where the prediction is right."""
    return F.mse_loss(input, target).sqrt()


@sick(data.CODES, "non-finite", healthy=healthy.distance)
def distance_by_root(input, target):
    """pytorch/pytorch#37154, sentence-transformers#4033: equal vectors have a gradient of 0 / 0."""
    return (input - target).square().sum(1).sqrt().mean()


@sick(data.CODES, "non-finite", healthy=healthy.cosine_distance)
def angle_by_arc_cosine(input, target):
    """ronghuaiyang/arcface-pytorch#68: acos has an infinite slope at 1."""
    return F.cosine_similarity(input, target, dim=1).acos().mean()


@sick(data.WITH_ZERO_ROW, "non-finite", healthy=healthy.cosine_distance)
def cosine_by_lengths(input, target):
    """A direction that does not exist: a vector of zeros is divided by its length."""
    return 1 - ((input * target).sum(1) / (input.norm(dim=1) * target.norm(dim=1))).mean()


@sick(data.WITH_ZERO, "non-finite", healthy=healthy.relative_error)
def percentage_error(input, target):
    """dmlc/xgboost#7586: a target of 0 divides."""
    return ((input - target) / target).abs().mean()


@sick(data.WITH_ZERO, "non-finite", healthy=healthy.relative_error)
def symmetric_percentage_error(input, target):
    """uber/causalml#1050: 0 / 0 where prediction and target are both 0, and nowhere else."""
    return (2 * (input - target).abs() / (input.abs() + target.abs())).mean()


@sick(data.CLASSES, "non-finite", healthy=F.cross_entropy)
def softmax_without_its_maximum(input, target):
    """Lightning-Universe/lightning-bolts#811: exp of a logit of 100."""
    return (input.exp().sum(1).log() - input.gather(1, target.unsqueeze(1)).squeeze(1)).mean()


@sick(data.LONELY, "non-finite", healthy=losses.supervised_contrastive_loss)
def contrast_without_positives(embeddings, labels):
    """HobbitLong/SupContrast#141: an anchor that is alone in its class divides by 0."""
    z = F.normalize(embeddings, dim=1)
    others = 1 - torch.eye(len(z), dtype=z.dtype)
    same = (labels[:, None] == labels).to(z) * others
    logits = z @ z.T / 0.1
    log_p = logits - ((logits.exp() * others).sum(1, keepdim=True)).log()
    return -((same * log_p).sum(1) / same.sum(1)).mean()


@sick(data.VIEWS, "non-finite", healthy=losses.nt_xent_loss)
def contrast_at_low_temperature(input, target):
    """Project-MONAI/MONAI, ContrastiveLoss: exp(1 / 0.01) without the maximum taken out."""
    similar = F.normalize(input, dim=1) @ F.normalize(target, dim=1).T / 0.01
    return -(similar.exp().diagonal() / similar.exp().sum(1)).log().mean()


@sick(data.HIDDEN, "non-finite", healthy=losses.sparsity_kl)
def sparsity_of_sure_units(input):
    """Sparse autoencoders: log(rho / 0) where a unit is off for every row."""
    p = input.sigmoid().mean(0)
    return (0.05 * (0.05 / p).log() + 0.95 * (0.95 / (1 - p)).log()).sum()


@sick(data.ALONE, "non-finite", healthy=healthy.log_barrier)
def barrier_by_where(input):
    """The branch not taken has a gradient too: 0 times that of log(-1) is NaN."""
    return torch.where(input < -0.04, -(-input).log() / 5, 5 * input + 0.8438).mean()


@sick(data.BINARY, "non-finite", healthy=F.binary_cross_entropy_with_logits)
def logistic_by_exponential(input, target):
    """Optimization-AI/LibAUC, logistic surrogate: log(1 + exp(100))."""
    return (1 + (-input * (2 * target - 1)).exp()).log().mean()


@sick(data.ABSENT_CLASS, "non-finite", healthy=F.cross_entropy)
def class_balance_of_the_batch(input, target):
    """vandit15/Class-balanced-loss-pytorch#2 and balanced-loss 0.1.1: a class with no rows has an infinite weight."""
    counts = torch.bincount(target, minlength=4)
    weight = 0.001 / (1 - 0.999**counts)
    return F.cross_entropy(input, target, weight=(weight / weight.sum() * 4).to(input))


@sick(data.ABSENT_MAP, "non-finite", healthy=losses.generalized_dice_loss)
def generalized_dice_of_absent_class(input, target):
    """Sudre 2017 as often written: 1 / volume^2 of a class that does not occur, times 0."""
    y = F.one_hot(target, 3).movedim(-1, 1).to(input)
    p = input.softmax(1)
    w = 1 / y.sum((2, 3)).square()
    return (1 - 2 * (w * (p * y).sum((2, 3))).sum(1) / (w * (p + y).sum((2, 3))).sum(1)).mean()


@sick(data.MASKS, "non-finite", healthy=losses.binary_focal_tversky_loss)
def focal_tversky_at_the_truth(input, target):
    """qubvel-org/segmentation_models.pytorch, FocalTversky with gamma below 1: the slope of 0^0.75."""
    p, y = input.sigmoid().flatten(1), target.flatten(1)
    tp, fp, fn = (p * y).sum(1), (p * (1 - y)).sum(1), ((1 - p) * y).sum(1)
    return ((1 - tp / (tp + 0.5 * fp + 0.5 * fn)) ** 0.75).mean()


@sick(data.POSITIVE, "non-finite", healthy=healthy.relative_error)
def squared_logarithmic_error(input, target):
    """MSLE of a prediction below -1 is NaN."""
    return (input.log1p() - target.log1p()).square().mean()


@sick(data.NUMBERS, "non-finite", healthy=losses.linex_loss)
def linex_by_exponential(input, target):
    """LINEX overflows at a residual of 89."""
    r = input - target
    return (r.exp() - r - 1).mean()


@sick(data.ALL_IGNORED, "non-finite", healthy=losses.cross_entropy)
def mean_of_nothing(input, target):
    """pytorch/pytorch#70348, karpathy/nanochat#610: every target is ignored, 0 / 0."""
    return F.cross_entropy(input, target)


@sick(data.CLASSES, "saturation", healthy=losses.generalized_cross_entropy)
def clamped_probability(input, target):
    """HanxunH/Active-Passive-Losses: p is clamped at 1e-7, and below it nothing is learned."""
    p = input.softmax(1).clamp(1e-7, 1).gather(1, target.unsqueeze(1))
    return ((1 - p**0.7) / 0.7).mean()


@sick(data.CLASSES, "saturation", healthy=losses.generalized_cross_entropy)
def power_by_expm1(input, target):
    """The backward of expm1 is its result plus 1, which rounds to 0 for rows that are badly wrong."""
    log_p = -F.cross_entropy(input, target, reduction="none")
    return (-(0.7 * log_p).expm1() / 0.7).mean()


@sick(data.BINARY, "saturation", healthy=F.binary_cross_entropy_with_logits)
def sigmoid_then_cross_entropy(input, target):
    """Probabilities into a loss that has logits: sigmoid(20) is 1 in single precision."""
    return F.binary_cross_entropy(input.sigmoid(), target)


@sick(data.MASKS, "saturation", healthy=F.binary_cross_entropy_with_logits)
def logits_taken_for_probabilities(input, target):
    """Project-MONAI/MONAI#8603: a documented logit is clamped into [0, 1], without gradient outside."""
    p = input.clamp(1e-7, 1 - 1e-7)
    return -(target * p.log() + (1 - target) * (1 - p).log()).mean()


@sick(data.BINARY, "saturation", healthy=healthy.hinge)
def hinge_of_zero_and_one(input, target):
    """Labels 0 and 1 where -1 and 1 are meant: the negatives have no gradient at all."""
    healthy.same_shape(input, target)
    return F.relu(1 - target * input).mean()


@sick(data.CLASSES, "saturation", healthy=F.cross_entropy)
def clipped_loss(input, target):
    """Clipping the value, instead of the gradient, drops the worst rows."""
    return F.cross_entropy(input, target, reduction="none").clamp(max=8).mean()


@sick(data.LARGE_MASKS, "half-precision", healthy=losses.binary_dice_loss)
def dice_of_large_image(input, target):
    """qubvel-org/segmentation_models.pytorch#463: a sum over 74 000 pixels is inf in float16."""
    p = input.sigmoid()
    return (1 - (2 * (p * target).sum((1, 2, 3)) + 1) / ((p + target).sum((1, 2, 3)) + 1)).mean()


@sick(data.WIDE_MASKS, "half-precision", healthy=losses.binary_mcc_loss)
def correlation_of_four_counts(input, target):
    """qubvel-org/segmentation_models.pytorch, MCCLoss: the product of two counts of 500 overflows."""
    p, y = input.sigmoid().flatten(1), target.flatten(1)
    tp, tn, fp, fn = (p * y).sum(1), ((1 - p) * (1 - y)).sum(1), (p * (1 - y)).sum(1), ((1 - p) * y).sum(1)
    return (1 - (tp * tn - fp * fn + 1) / (((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn) + 1) ** 0.5 + 1)).mean()


@sick(data.FAR_APART, "half-precision", healthy=losses.charbonnier_loss)
def charbonnier_of_large_residual(input, target):
    """The square of 300 is inf in float16, the loss itself is 300."""
    return ((input - target).square() + 1e-6).sqrt().mean()


@sick(data.CLASSES, "half-precision", healthy=F.cross_entropy)
def logarithm_with_a_small_epsilon(input, target):
    """1e-8 is 0 in float16: what should keep the logarithm finite is lost."""
    return -(input.softmax(1) + 1e-8).log().gather(1, target.unsqueeze(1)).mean()


@sick(data.MANY, "half-precision", healthy=F.mse_loss)
def sum_before_the_division(input, target):
    """A mean of squares as a sum divided by the count: the sum is inf, the mean is not."""
    return (input - target).square().sum() / input.numel()
