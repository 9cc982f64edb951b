"""Normalized cross entropy: the share of the true class in the cross entropy of all."""

import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_logits
from companion._margin import class_loss, upcast
from companion._options import check_options
from companion._twin import Twin
from companion.losses.noisy_labels._pieces import beside, total_cross_entropy


def normalized_cross_entropy(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Measures the surprise at the label against the surprise at all labels, which makes it bounded.

    .. math:: \ell = \frac{\log p_t}{\sum_c \log p_c} .

    It runs from 0 to 1, and the losses of all labels of one example add up to 1: that makes it robust to evenly flipped
    labels. Even odds cost 1 over the number of classes. Alone it tends to underfit, because the denominator can be
    raised as well by making the wrong classes absurd; :func:`active_passive_loss` adds what is missing.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`.
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
        >>> logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [4.0, 0.0, 0.0, 0.0]])
        >>> normalized_cross_entropy(logits, torch.tensor([0, 0]), reduction="none")
        tensor([0.2500, 0.0044])

    References:
        Ma et al., *Normalized Loss Functions for Deep Learning with Noisy Labels*, ICML 2020.
        https://arxiv.org/abs/2006.13554
    """
    check_options("normalized_cross_entropy", weight=weight, ignore_index=ignore_index, reduction=reduction)
    check_logits(input)
    x = upcast(input)  # once: the gradients of two copies would be added in half precision
    total = total_cross_entropy(x)
    return class_loss(
        lambda m: -F.logsigmoid(m) / beside(total, m),
        x,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class NormalizedCrossEntropyLoss(Twin, of=normalized_cross_entropy): ...
