"""Reverse cross entropy: the label judged by the prediction."""

from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_logits
from companion._margin import class_loss, sigmoid
from companion._options import check_options
from companion._twin import Twin


def reverse_cross_entropy(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    A: float = -4.0,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Asks how surprising the label finds the prediction, so that a wrong label can only do so much harm.

    .. math:: \ell = -\sum_c p_c \log y_c = -A (1 - p_t) , \qquad \log 0 := A < 0 .

    It is :func:`mae_loss` times :math:`-A / 2`, so ``A=-2`` is that loss. At the default ``A=-4`` an example with
    :math:`p_t = 0.25` costs 3. The equation is the paper's; the authors' code clips labels at 1e-4 instead, which is
    ``A=-9.21``.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`.
        A: What stands for :math:`\log 0`, below 0.
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
        >>> logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [9.0, 0.0, 0.0, 0.0]])
        >>> reverse_cross_entropy(logits, torch.tensor([0, 1]), reduction="none")  # 4 * 0.75; sure and wrong
        tensor([3.0000, 3.9995])

    References:
        Wang et al., *Symmetric Cross Entropy for Robust Learning with Noisy Labels*, ICCV 2019.
        https://arxiv.org/abs/1908.06112
    """
    check_options("reverse_cross_entropy", A=A, weight=weight, ignore_index=ignore_index, reduction=reduction)
    check_logits(input)
    return class_loss(
        lambda m: -A * sigmoid(-m),
        input,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class ReverseCrossEntropyLoss(Twin, of=reverse_cross_entropy): ...
