"""Faulty losses that treat the rows of a batch wrongly, or that cost more than they need."""

from functools import partial

import torch
import torch.nn.functional as F

from companion import losses
from tests.diagnostics import zoo_data as data
from tests.diagnostics import zoo_healthy as healthy

ROWS, sick = data.ward()


@sick(data.NUMBERS, "broadcast", healthy=F.mse_loss)
def squares_of_any_shape(input, target):
    """pytorch/pytorch#16045: (N, 1) against (N,) is the mean over N x N differences."""
    return (input - target).square().mean()


@sick(data.COLUMN, "broadcast", healthy=lambda input, target: F.mse_loss(input.squeeze(1), target))
def squares_of_a_column(input, target):
    """pytorch/pytorch#4938: the same, where the example has these shapes already."""
    return (input - target).square().mean()


@sick(data.NUMBERS, "broadcast", healthy=healthy.huber)
def huber_of_any_shape(input, target):
    """pytorch/pytorch#16413: a pointwise loss of one's own has no check unless it is written."""
    r = (input - target).abs()
    return torch.where(r < 1, r.square() / 2, r - 0.5).mean()


@sick(data.NUMBERS, "broadcast", healthy=healthy.log_cosh)
def log_cosh_of_any_shape(input, target):
    """The stable form, and no word on shapes."""
    r = (input - target).abs()
    return (r + F.softplus(-2 * r) - 0.6931).mean()


@sick(data.BINARY, "broadcast", healthy=F.binary_cross_entropy_with_logits)
def logistic_of_any_shape(input, target):
    """pytorch/pytorch#19699: labels (N,) meet the output (N, 1) of a last layer."""
    return (F.softplus(input) - input * target).mean()


@sick(data.SOME_IGNORED, "reduction", healthy=F.cross_entropy)
def mean_over_ignored_rows(input, target):
    """qubvel-org/segmentation_models.pytorch#852, kornia/kornia#839: ignored rows count in the mean."""
    return F.cross_entropy(input, target, reduction="none").mean()


@sick(data.SOME_IGNORED, "reduction", healthy=losses.focal_loss)
def mean_that_forgets_the_classes(input, target):
    """Project-MONAI/MONAI, FocalLoss: N x C terms are divided by the rows kept, but by N x C if none is ignored."""
    kept = target != -100
    y = F.one_hot(target.clamp(min=0), 3).to(input)
    terms = F.binary_cross_entropy_with_logits(input, y, reduction="none") * kept.unsqueeze(1)
    rows = kept.sum()
    return terms.sum() / torch.where(rows < len(target), rows, terms.numel())


@sick(data.NUMBERS, "reduction", healthy=healthy.with_options)
def sum_that_is_a_mean(input, target, *, reduction="mean"):
    """Project-MONAI/MONAI, FocalLoss: `reduction="sum"` is not the sum of `reduction="none"`."""
    loss = F.mse_loss(input, target, reduction="none")
    return loss if reduction == "none" else loss.mean()


@sick(data.NUMBERS, "reduction", healthy=F.mse_loss)
def mean_divided_again(input, target):
    """A mean that is divided by the size of the batch once more."""
    return F.mse_loss(input, target) / len(input)


@sick(data.CODES, "reduction", healthy=healthy.two_errors)
def mean_plus_sum(input, target):
    """A variational autoencoder whose reconstruction is a mean and whose divergence is a sum over the batch."""
    return F.mse_loss(input, target) + 0.5 * (input - target).square().sum()


@sick(data.NUMBERS, "reduction", healthy=F.mse_loss)
def length_of_all_residuals(input, target):
    """A norm over the batch grows with the root of its size: neither a mean nor a sum."""
    healthy.same_shape(input, target)
    return torch.linalg.vector_norm(input - target)


@sick(data.CLASSES, "batch-coupling", healthy=F.cross_entropy)
def softmax_over_the_batch(input, target):
    """ctallec/world-models#10, perone/euclidesdb#2: axis 0 in place of axis 1."""
    return F.nll_loss(input.log_softmax(0), target)


@sick(data.NUMBERS, "batch-coupling", healthy=F.mse_loss)
def residuals_in_units_of_the_batch(input, target):
    """Predictions are standardised by the batch before they are compared."""
    healthy.same_shape(input, target)
    return F.mse_loss((input - input.mean()) / (input.std() + 1e-3), target)


@sick(data.CLASSES, "detached", healthy=losses.focal_loss)
def weights_relative_to_the_worst(input, target):
    """Rows weighed by their share of the largest loss in the batch."""
    ce = F.cross_entropy(input, target, reduction="none")
    return (ce.detach() / ce.detach().max() * ce).mean()


@sick(data.MASKS, "batch-coupling", healthy=losses.binary_dice_loss)
def dice_of_all_images_at_once(input, target):
    """kornia/kornia#2264, keras-team/keras#19637: pooled over the batch, and nobody is told."""
    p = input.sigmoid()
    return 1 - (2 * (p * target).sum() + 1) / ((p + target).sum() + 1)


@sick(data.CODES, "batch-coupling", healthy=healthy.distance)
def length_of_the_mean_residual(input, target):
    """A mean taken too early: errors of opposite sign cancel."""
    healthy.same_shape(input, target)
    return (input - target).mean(0).square().sum()


@sick(data.CODES, "memory-growth", healthy=healthy.cosine_distance)
def diagonal_of_all_products(input, target):
    """N products are wanted, N x N are made."""
    return 1 - (F.normalize(input, dim=1) @ F.normalize(target, dim=1).T).diagonal().mean()


@sick(data.CODES, "memory-growth", healthy=healthy.distance)
def diagonal_of_all_distances(input, target):
    """The distance of each row to every other, of which the diagonal is kept."""
    return torch.linalg.vector_norm(input[:, None] - target[None], dim=2).diagonal().mean()


@sick(data.EMBEDDINGS, "memory-growth", healthy=partial(losses.triplet_loss, mining="hard"))
def every_triplet_at_once(embeddings, labels):
    """KevinMusgrave/pytorch-metric-learning#547, #688: N x N x N differences."""
    d = torch.cdist(embeddings, embeddings)
    same = labels[:, None] == labels
    valid = same[:, :, None] & ~same[:, None, :]
    terms = F.relu(d[:, :, None] - d[:, None, :] + 0.2)
    return torch.where(valid, terms, 0.0).sum() / valid.sum()
