"""Taylor cross entropy: the first terms of the series of cross entropy."""

from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_logits
from companion._margin import class_loss, sigmoid
from companion._options import check_options
from companion._twin import Twin


def _series(s: Tensor, order: int) -> Tensor:
    """Sum s + s^2 / 2 + ... + s^order / order, from the last term inwards."""
    total = s / order
    for j in range(order - 1, 0, -1):
        total = s * (total + 1 / j)
    return total


def taylor_cross_entropy(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    order: int = 2,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Cuts cross entropy off before the terms that let a single wrong label outweigh the rest.

    .. math:: \ell = \sum_{j=1}^{\mathtt{order}} \frac{(1 - p_t)^j}{j} .

    ``order=1`` is half of :func:`mae_loss`; cross entropy is the limit of many terms. The loss is at most
    1 + 1/2 + ... + 1/order: at the default 1.5. Fewer terms bear more noise, more learn faster.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`.
        order: Number of terms, at least 1; the paper chooses among 2 to 6.
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
        >>> even = torch.zeros(1, 2)  # p = 1/2: 1/2 + 1/8
        >>> taylor_cross_entropy(even, torch.tensor([0]))
        tensor(0.6250)

    References:
        Feng et al., *Can Cross Entropy Loss Be Robust to Label Noise?*, IJCAI 2020.
        https://doi.org/10.24963/ijcai.2020/305
    """
    check_options("taylor_cross_entropy", order=order, weight=weight, ignore_index=ignore_index, reduction=reduction)
    check_logits(input)
    return class_loss(
        lambda m: _series(sigmoid(-m), order),
        input,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class TaylorCrossEntropyLoss(Twin, of=taylor_cross_entropy): ...
