"""Active passive loss: two robust losses of which each does what the other neglects."""

import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_logits
from companion._margin import class_loss, sigmoid, upcast
from companion._options import check_options
from companion._twin import Twin
from companion.losses.noisy_labels._pieces import beside, total_cross_entropy


def active_passive_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    alpha: float | Tensor = 1.0,
    beta: float | Tensor = 1.0,
    A: float = -4.0,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Raises the labelled class and lowers the others by two bounded terms, so that wrong labels do bounded harm.

    .. math:: \ell = \alpha \frac{\log p_t}{\sum_c \log p_c} - \beta A (1 - p_t) .

    The active part is :func:`normalized_cross_entropy`, the passive part :func:`reverse_cross_entropy`: NCE + RCE in
    the paper. ``A=-2`` makes the passive part :func:`mae_loss`: NCE + MAE. At the defaults even odds among four classes
    cost 0.25 + 4 * 0.75 = 3.25.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`.
        alpha: Weight of the active part, at least 0. The paper uses 1 for 10 classes, 10 for 100.
        beta: Weight of the passive part, at least 0. The paper uses 1 for 10 classes, 0.1 for 100.
        A: What stands for :math:`\log 0` in the passive part, below 0. Code that clips labels at 1e-4, as the authors'
            does, has -9.21.
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
        >>> active_passive_loss(torch.zeros(1, 4), torch.tensor([0]))
        tensor(3.2500)

    References:
        Ma et al., *Normalized Loss Functions for Deep Learning with Noisy Labels*, ICML 2020.
        https://arxiv.org/abs/2006.13554
    """
    check_options(
        "active_passive_loss",
        alpha=alpha,
        beta=beta,
        A=A,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    check_logits(input)
    x = upcast(input)  # once: the gradients of two copies would be added in half precision
    total = total_cross_entropy(x)
    return class_loss(
        lambda m: -alpha * F.logsigmoid(m) / beside(total, m) - beta * A * sigmoid(-m),
        x,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class ActivePassiveLoss(Twin, of=active_passive_loss): ...
