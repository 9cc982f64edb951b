"""Generalized cross entropy: between cross entropy and the mean absolute error."""

import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_logits
from companion._margin import class_loss
from companion._options import check_options
from companion._twin import Twin
from companion.losses.noisy_labels._pieces import one_minus_exp


def _gce(m: Tensor, q: float | Tensor) -> Tensor:
    return one_minus_exp(-q * F.logsigmoid(m)) / q


def generalized_cross_entropy(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    q: float | Tensor = 0.7,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Hears a label the less, the less the model believes it, by a degree of your choice.

    .. math:: \ell = \frac{1 - p_t^q}{q} .

    Its gradient is that of cross entropy times :math:`p_t^q`. ``q`` towards 0 is cross entropy; ``q=1`` is
    :math:`1 - p_t`, half of :func:`mae_loss`. Smaller learns faster, larger bears more noise. At ``q=0.7`` an example
    with :math:`p_t = 0.01` costs 1.37 instead of 4.61, and pulls 25 times less.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`.
        q: Exponent, above 0 and at most 1. A 0-d tensor may carry a gradient.
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
        >>> even = torch.zeros(1, 2)  # p = 1/2
        >>> generalized_cross_entropy(even, torch.tensor([0]), q=1.0)
        tensor(0.5000)
        >>> generalized_cross_entropy(even, torch.tensor([0]))  # (1 - 0.5 ** 0.7) / 0.7
        tensor(0.5492)

    References:
        Zhang, Sabuncu, *Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels*,
        NeurIPS 2018. https://arxiv.org/abs/1805.07836
    """
    check_options("generalized_cross_entropy", q=q, weight=weight, ignore_index=ignore_index, reduction=reduction)
    check_logits(input)
    return class_loss(
        lambda m: _gce(m, q),
        input,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class GeneralizedCrossEntropyLoss(Twin, of=generalized_cross_entropy): ...
