"""Poly-1 loss: cross entropy with its first polynomial term turned up or down."""

import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_logits
from companion._margin import class_loss, sigmoid
from companion._options import check_options
from companion._twin import Twin


def poly_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    epsilon: float | Tensor = 2.0,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Keeps pulling at examples that cross entropy already counts as learned.

    Cross entropy is the series :math:`\sum_{j \ge 1} (1 - p_t)^j / j`. Poly-1 adds to its first term, the one whose
    slope in :math:`p_t` never fades:

    .. math:: \ell = -\log p_t + \epsilon \, (1 - p_t) .

    ``epsilon=0`` is cross entropy. At ``epsilon=2`` an example with :math:`p_t = 0.9` costs 0.305 instead of 0.105, one
    with :math:`p_t = 0.1` costs 4.10 instead of 2.30. Below ``epsilon=-1`` an example near :math:`p_t = 1` would be
    pushed away from its class.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`.
        epsilon: Added coefficient; the paper uses 2 for image classification and -1 for detection. A 0-d tensor may
            carry a gradient.
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
        >>> even = torch.zeros(1, 2)  # p = 1/2: log 2 + 2 * 1/2
        >>> poly_loss(even, torch.tensor([0]), epsilon=2.0)
        tensor(1.6931)

    References:
        Leng et al., *PolyLoss: A Polynomial Expansion Perspective of Classification Loss Functions*, ICLR 2022,
        section 4. https://arxiv.org/abs/2204.12511
    """
    check_options("poly_loss", epsilon=epsilon, weight=weight, ignore_index=ignore_index, reduction=reduction)
    check_logits(input)
    return class_loss(
        lambda m: epsilon * sigmoid(-m) - F.logsigmoid(m),
        input,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class PolyLoss(Twin, of=poly_loss): ...
