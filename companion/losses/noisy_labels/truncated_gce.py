"""Truncated generalized cross entropy: labels that the model finds unlikely are left out."""

import math

import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_logits
from companion._margin import class_loss
from companion._options import check_options
from companion._twin import Twin
from companion.losses.noisy_labels._pieces import one_minus_exp


def truncated_gce_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    q: float | Tensor = 0.7,
    k: float = 0.5,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Learns nothing from a label the model gives less than ``k``, as from one that is probably wrong.

    .. math:: \ell = \frac{1 - \max(p_t, k)^q}{q} .

    Above ``k`` it is :func:`generalized_cross_entropy`; below, it is constant and its gradient is 0. Start from a model
    that knows something, for instance one trained with the untruncated loss: at the outset nearly every label is below
    ``k``, with more than two classes. ``k=0`` truncates nothing. With ``q=0.7`` and ``k=0.5`` the loss is at most
    0.549. The paper decides now and then which examples to leave out, and keeps to it in between; here every call
    decides anew.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`.
        q: Exponent, above 0 and at most 1. A 0-d tensor may carry a gradient.
        k: Probability below which a label is ignored, at least 0 and below 1.
        weight: One weight per class, ``(C,)``. It enters the mean for indices.
        sample_weight: One weight per row or pixel, ``(N, *)`` or its leading axes. It enters the mean.
        ignore_index: Indices with this value add nothing to the loss, the gradient or the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss: a scalar, or ``(N, *)`` under ``reduction="none"``.

    Raises:
        TypeError: If ``target`` is neither integer nor floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [0.0, 9.0]])  # p = 0.88, 0.12, 0.0001
        >>> truncated_gce_loss(logits, torch.tensor([0, 0, 0]), reduction="none")
        tensor([0.1215, 0.5492, 0.5492])

    References:
        Zhang, Sabuncu, *Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels*,
        NeurIPS 2018. https://arxiv.org/abs/1805.07836
    """
    check_options("truncated_gce_loss", q=q, k=k, weight=weight, ignore_index=ignore_index, reduction=reduction)
    check_logits(input)
    lowest = math.log(k / (1 - k)) if k > 0 else -math.inf  # the margin at which p = k
    return class_loss(
        lambda m: one_minus_exp(-q * F.logsigmoid(m.clamp_min(lowest))) / q,
        input,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class TruncatedGCELoss(Twin, of=truncated_gce_loss): ...
