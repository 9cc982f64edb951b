"""What several losses for noisy labels are made of."""

from typing import Unpack

import torch
import torch.nn.functional as F
from torch import Tensor

from companion._margin import class_loss
from companion._reduce import ClassOptions


def one_minus_exp(u: Tensor) -> Tensor:
    """1 - exp(-u) for u >= 0; expm1 is right near 0, but its backward is result + 1, which rounds to 0 far from it."""
    return torch.where(u < 0.5, -torch.expm1(-u), 1 - torch.exp(-u))


def below_top(x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits less the largest of their row, and where (N, 1, *) that is.

    The largest is 0 for good: its gradient is minus the sum of the others', where adding its own would round them away.
    """
    top = x.detach().argmax(dim=1, keepdim=True)
    return (x - x.gather(1, top)).scatter(1, top, 0.0), top


def beside(row: Tensor, m: Tensor) -> Tensor:
    """A number per row (N, *) to stand beside the margins of its target (N, *) or of every class (N, C, *)."""
    return row if row.dim() == m.dim() else row.unsqueeze(1)


def log_probabilities(x: Tensor) -> Tensor:
    """The logarithms of p (N, C, *), exact where p rounds to 1: of the top class, -log1p of what the others have."""
    below, top = below_top(x)
    others = below.exp().scatter(1, top, 0.0).sum(dim=1, keepdim=True)
    return below - torch.log1p(others)


def entropy(x: Tensor) -> Tensor:
    """The entropy (N, *) of the prediction with logits x, as a sum of positive terms: no logarithm of p is near 0."""
    below, top = below_top(x)
    below = below.clamp_min(torch.finfo(x.dtype).min)  # an impossible class adds 0, not 0 * inf
    others = below.exp().scatter(1, top, 0.0)
    total = others.sum(dim=1)
    return torch.log1p(total) - (others * below).sum(dim=1) / (1 + total)


def total_cross_entropy(x: Tensor) -> Tensor:
    """The cross entropies that each class would have as the target, added up."""
    return -F.log_softmax(x, dim=1).sum(dim=1)


def penalised_cross_entropy(
    penalty: Tensor, input: Tensor, target: Tensor, *, share: float | Tensor = 1.0, **options: Unpack[ClassOptions]
) -> Tensor:
    """``share`` times the cross entropy, plus a penalty per row that does not depend on the label."""
    return class_loss(lambda m: beside(penalty, m) - share * F.logsigmoid(m), input, target, **options)
