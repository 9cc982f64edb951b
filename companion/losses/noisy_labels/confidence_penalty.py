"""Confidence penalty: cross entropy that pays for doubt."""

from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_logits
from companion._margin import upcast
from companion._options import check_options
from companion._twin import Twin
from companion.losses.noisy_labels._pieces import entropy, penalised_cross_entropy


def confidence_penalty_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    beta: float | Tensor = 0.1,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Keeps the model from becoming surer than it need be, and so from learning wrong labels by heart.

    .. math:: \ell = -\log p_t - \beta H(p) , \qquad H(p) = -\sum_c p_c \log p_c .

    ``beta=0`` is cross entropy. The entropy is subtracted: added, it would reward a sure model, as soft
    :func:`bootstrap_loss` does. The loss can be negative. Of two classes the true one is best given the margin
    :math:`1 / (\beta p_t)`: 0.782 at ``beta=1``, 0.99995 at ``beta=0.1``. Label smoothing does much the same in the
    other direction of the Kullback-Leibler divergence.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`.
        beta: Weight of the entropy, at least 0. A 0-d tensor may carry a gradient.
        weight: One weight per class, ``(C,)``. It enters the mean for indices.
        sample_weight: One weight per row or pixel, ``(N, *)`` or its leading axes. It enters the mean.
        ignore_index: Indices with this value add nothing to the loss, the gradient or the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss in nats: a scalar, or ``(N, *)`` under ``reduction="none"``.

    Raises:
        TypeError: If ``target`` is neither integer nor floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> even = torch.zeros(1, 2)  # log 2 - 0.1 * log 2
        >>> confidence_penalty_loss(even, torch.tensor([0]))
        tensor(0.6238)

    References:
        Pereyra, Tucker, Chorowski, Kaiser, Hinton, *Regularizing Neural Networks by Penalizing Confident Output
        Distributions*, 2017. https://arxiv.org/abs/1701.06548
    """
    check_options("confidence_penalty_loss", beta=beta, weight=weight, ignore_index=ignore_index, reduction=reduction)
    check_logits(input)
    x = upcast(input)  # once: the gradients of two copies would be added in half precision
    return penalised_cross_entropy(
        -beta * entropy(x),
        x,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class ConfidencePenaltyLoss(Twin, of=confidence_penalty_loss): ...
