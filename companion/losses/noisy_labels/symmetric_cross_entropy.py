"""Symmetric cross entropy: cross entropy both ways."""

import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_logits
from companion._margin import class_loss, sigmoid
from companion._options import check_options
from companion._twin import Twin


def symmetric_cross_entropy(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    alpha: float | Tensor = 0.1,
    beta: float | Tensor = 1.0,
    A: float = -4.0,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Adds to cross entropy a term that wrong labels can hardly move, and that still teaches the hard classes.

    .. math:: \ell = -\alpha \log p_t - \beta A (1 - p_t) .

    The first term is :func:`cross_entropy`, the second :func:`reverse_cross_entropy`. The smaller ``alpha``, the later
    the model begins to learn wrong labels by heart. At the defaults even odds between two classes cost
    0.1 * 0.693 + 4 * 0.5 = 2.07.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`.
        alpha: Weight of cross entropy, at least 0. The paper uses 0.1 for 10 classes, 6 for 100.
        beta: Weight of the reverse cross entropy, at least 0. The paper uses 1 for 10 classes, 0.1 for 100.
        A: What stands for :math:`\log 0` in the second term, below 0. Code that clips labels at 1e-4, as the authors'
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
        >>> symmetric_cross_entropy(torch.zeros(1, 2), torch.tensor([0]))
        tensor(2.0693)

    References:
        Wang et al., *Symmetric Cross Entropy for Robust Learning with Noisy Labels*, ICCV 2019.
        https://arxiv.org/abs/1908.06112
    """
    check_options(
        "symmetric_cross_entropy",
        alpha=alpha,
        beta=beta,
        A=A,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    check_logits(input)
    return class_loss(
        lambda m: -alpha * F.logsigmoid(m) - beta * A * sigmoid(-m),
        input,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class SymmetricCrossEntropyLoss(Twin, of=symmetric_cross_entropy): ...
