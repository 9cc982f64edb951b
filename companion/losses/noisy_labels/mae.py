"""Mean absolute error of the probabilities: every mistake weighs the same."""

from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_logits
from companion._margin import class_loss, sigmoid
from companion._options import check_options
from companion._twin import Twin


def mae_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Trusts no single label: the further a label is from the prediction, the less it pulls.

    .. math:: \ell = \sum_c |p_c - y_c| = 2 (1 - p_t) .

    It runs from 0 to 2. Its minimiser is unharmed by labels flipped evenly to the other classes as long as the true one
    stays the most frequent. The price: the gradient, :math:`-2 p_t (1 - p_t)` in the margin, is small wherever
    :math:`p_t` is, so with many classes it may hardly learn at all. At :math:`p_t = 0.1` it is 0.18, where cross
    entropy has 0.9. Its minimiser is the most frequent class, not the probabilities. Many implementations drop the
    factor 2.

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
        >>> logits = torch.tensor([[0.0, 0.0], [-30.0, 0.0]])  # unsure; sure and wrong
        >>> mae_loss(logits, torch.tensor([0, 0]), reduction="none")
        tensor([1., 2.])

    References:
        Ghosh, Kumar, Sastry, *Robust Loss Functions under Label Noise for Deep Neural Networks*, AAAI 2017.
        https://arxiv.org/abs/1712.09482
    """
    check_options("mae_loss", weight=weight, ignore_index=ignore_index, reduction=reduction)
    check_logits(input)
    return class_loss(
        lambda m: 2 * sigmoid(-m),
        input,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class MAELoss(Twin, of=mae_loss): ...
