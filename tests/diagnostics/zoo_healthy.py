"""Losses without fault, written as users write them: of these a doctor must say nothing."""

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.diagnostics import zoo_data as data
from tests.diagnostics.zoo_data import Example, same_shape

CLASS_WEIGHT = torch.tensor([0.5, 1.0, 3.0])


def weighted_cross_entropy(input: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(input, target, weight=CLASS_WEIGHT.to(input))


def soft_cross_entropy(input: Tensor, target: Tensor) -> Tensor:
    same_shape(input, target)
    return -(target * input.log_softmax(1)).sum(1).mean()


def sequence_cross_entropy(input: Tensor, target: Tensor) -> Tensor:
    """Over the tokens that are not padding."""
    ce = F.cross_entropy(input, target, ignore_index=-100, reduction="none")
    kept = (target != -100).to(ce)
    return (ce * kept).sum() / kept.sum().clamp(min=1)


def binary_focal(input: Tensor, target: Tensor, gamma: float = 2.0) -> Tensor:
    same_shape(input, target)
    yes, no = F.logsigmoid(input), F.logsigmoid(-input)
    return -(target * (gamma * no).exp() * yes + (1 - target) * (gamma * yes).exp() * no).mean()


def huber(input: Tensor, target: Tensor, delta: float = 1.5) -> Tensor:
    same_shape(input, target)
    r = (input - target).abs()
    return torch.where(r < delta, r.square() / 2, delta * (r - delta / 2)).mean()


def log_cosh(input: Tensor, target: Tensor) -> Tensor:
    """In single precision at least: close to zero the two terms cancel."""
    same_shape(input, target)
    r = (input - target).to(torch.promote_types(input.dtype, torch.float32)).abs()
    near, far = 0.5 * r.clamp(max=1).sinh().square().log1p(), r + (-2 * r).exp().log1p() - math.log(2)
    return torch.where(r < 1, near, far).mean()


def pinball(input: Tensor, target: Tensor, tau: float = 0.9) -> Tensor:
    same_shape(input, target)
    e = target - input
    return torch.maximum(tau * e, (tau - 1) * e).mean()


def expectile(input: Tensor, target: Tensor, tau: float = 0.8) -> Tensor:
    same_shape(input, target)
    e = target - input
    return (torch.where(e > 0, tau, 1 - tau) * e.square()).mean()


def relative_error(input: Tensor, target: Tensor) -> Tensor:
    same_shape(input, target)
    return ((input - target).abs() / target.abs().clamp(min=0.5)).mean()


def laplace_nll(input: Tensor, target: Tensor) -> Tensor:
    """Columns of `input` are the location and, before softplus, the scale."""
    if input.shape != (*target.shape, 2):
        raise ValueError("two columns, and a target for each row")
    location, scale = input[:, 0], F.softplus(input[:, 1]) + 0.1
    return ((location - target).abs() / scale + scale.log()).mean()


def hinge(input: Tensor, target: Tensor) -> Tensor:
    same_shape(input, target)
    return F.relu(1 - (2 * target - 1) * input).mean()


def one_against_the_rest(input: Tensor, target: Tensor) -> Tensor:
    """A yes-or-no question for each class; the labels are made a table."""
    same_shape(input[:, 0], target)
    return F.binary_cross_entropy_with_logits(input, F.one_hot(target, input.shape[1]).to(input))


def brier(input: Tensor, target: Tensor) -> Tensor:
    """Of probabilities."""
    same_shape(input, target)
    return (input - target).square().sum(1).mean()


def cosine_distance(input: Tensor, target: Tensor) -> Tensor:
    """In single precision at least: the epsilon of `cosine_similarity` is 0 in half precision."""
    same_shape(input, target)
    single = torch.promote_types(input.dtype, torch.float32)
    return (1 - F.cosine_similarity(input.to(single), target.to(single), dim=1)).mean()


def distance(input: Tensor, target: Tensor) -> Tensor:
    same_shape(input, target)
    return torch.linalg.vector_norm(input - target, dim=1).mean()


def distillation(input: Tensor, target: Tensor, temperature: float = 4.0) -> Tensor:
    same_shape(input, target)
    student, teacher = (input / temperature).log_softmax(1), (target.detach() / temperature).softmax(1)
    return temperature**2 * F.kl_div(student, teacher, reduction="batchmean")


def two_errors(input: Tensor, target: Tensor) -> Tensor:
    return F.mse_loss(input, target) + 0.5 * F.l1_loss(input, target)


def with_options(input: Tensor, target: Tensor, *, scale: float = 2.0, reduction: str = "mean") -> Tensor:
    return scale * F.smooth_l1_loss(input, target, reduction=reduction)


def log_barrier(input: Tensor, t: float = 5.0) -> Tensor:
    """Kervadec 2019: a logarithm up to -1/t^2, its tangent beyond."""
    edge = -1 / t**2
    inside = -input.clamp(max=edge).neg().log() / t
    return torch.where(input <= edge, inside, t * input - torch.tensor(1 / t**2).log() / t + 1 / t).mean()


def gradient_norm(input: Tensor) -> Tensor:
    """One norm for each sample."""
    return (torch.linalg.vector_norm(input.flatten(1), dim=1) - 1).square().mean()


class MultiTask(nn.Module):
    """Three logits and a number for each row, with a fixed weight."""

    def __init__(self, weight: float = 0.3) -> None:
        super().__init__()
        self.classify = nn.CrossEntropyLoss()
        self.register_buffer("weight", torch.tensor(weight))

    def forward(self, input: Tensor, labels: Tensor, numbers: Tensor) -> Tensor:
        return self.classify(input[:, :3], labels) + self.weight * F.mse_loss(input[:, 3], numbers)


class Pipeline(nn.Module):
    """Steps in a row, as of nn.Sequential, before a criterion."""

    def __init__(self, *steps: nn.Module, criterion: nn.Module) -> None:
        super().__init__()
        self.steps, self.criterion = nn.Sequential(*steps), criterion

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return self.criterion(self.steps(input), target)


PADDED = Example(data.TOKENS.input, torch.where(torch.arange(5) > 2, -100, data.TOKENS.target))
LOCATION_AND_SCALE = Example(data.CODES.input[:, :2], data.NUMBERS.target)
PROBABILITIES = Example(data.SOFT.input.softmax(1), data.SOFT.target)
TASKS = Example(data.CODES.input, (data.CLASSES.target, data.NUMBERS.target))
LIKE_TARGET = Example(data.CODES.input, (data.CODES.target, data.CODES.target.flip(0)))

HEALTHY = [
    (weighted_cross_entropy, data.CLASSES),
    (nn.CrossEntropyLoss(), data.CLASSES),
    (soft_cross_entropy, data.SOFT),
    (soft_cross_entropy, data.SOFT._replace(truth=None)),
    (sequence_cross_entropy, PADDED),
    (binary_focal, data.BINARY),
    (binary_focal, data.MULTI_LABEL),
    (partial(F.binary_cross_entropy_with_logits, pos_weight=torch.tensor(3.0)), data.MULTI_LABEL),
    (huber, data.NUMBERS),
    (log_cosh, data.NUMBERS),
    (pinball, data.NUMBERS),
    (expectile, data.NUMBERS),
    (relative_error, data.WITH_ZERO),
    (laplace_nll, LOCATION_AND_SCALE),
    (hinge, data.BINARY),
    (cosine_distance, data.CODES),
    (distance, data.CODES),
    (distillation, data.TEACHER),
    (two_errors, data.NUMBERS),
    (with_options, data.NUMBERS),
    (partial(with_options, reduction="sum"), data.NUMBERS),
    (log_barrier, data.ALONE),
    (gradient_norm, data.GRADIENTS),
    (MultiTask(), TASKS),
    (Pipeline(nn.Flatten(), criterion=nn.MSELoss()), data.CODES),
    (nn.TripletMarginLoss(), LIKE_TARGET),
    (F.multi_margin_loss, data.CLASSES),
    (one_against_the_rest, data.CLASSES),
    (brier, PROBABILITIES),
]
