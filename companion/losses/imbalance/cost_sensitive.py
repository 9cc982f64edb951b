"""Cost-sensitive loss: the price of a decision drawn from the model's own probabilities."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from companion._checks import Reduction, check_logits, check_square
from companion._margin import full_precision, upcast
from companion._options import check_options
from companion._reduce import reduce_classes
from companion._twin import Twin


def cost_sensitive_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    cost: Shaped[Tensor, "classes classes"],
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Teaches the model to decide cheaply when mistakes have different prices.

    .. math:: \ell = \sum_j p_j \, \mathtt{cost}[t, j] ,

    the expected price of choosing class j with probability :math:`p_j` when t is true. With a cost of 1 for every
    mistake it is :math:`1 - p_t`. Like that loss it is bounded, so its gradient fades where the model is sure and
    wrong, and it drives probabilities to 0 and 1. Where probabilities are wanted, train with :func:`cross_entropy`
    and decide by the least expected cost instead.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`.
        cost: Price of each decision, ``(C, C)``: the row is the true class, the column the chosen one.
        weight: One weight per class, ``(C,)``. It enters the mean for indices.
        sample_weight: One weight per row or pixel, ``(N, *)`` or its leading axes. It enters the mean.
        ignore_index: Indices with this value add nothing to the loss, the gradient or the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss in the unit of ``cost``: a scalar, or ``(N, *)`` under ``reduction="none"``.

    Raises:
        TypeError: If ``target`` is neither integer nor floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> cost = torch.tensor([[0.0, 1.0], [20.0, 0.0]])  # a miss costs 20 false alarms
        >>> cost_sensitive_loss(torch.zeros(2, 2), torch.tensor([0, 1]), cost=cost, reduction="none")
        tensor([ 0.5000, 10.0000])

    References:
        Elkan, *The Foundations of Cost-Sensitive Learning*, IJCAI 2001, equation (1).
        https://www.ijcai.org/Proceedings/01/IJCAI-2001-k.pdf
    """
    check_options("cost_sensitive_loss", cost=cost, weight=weight, ignore_index=ignore_index, reduction=reduction)
    check_logits(input)
    check_square("cost", cost, input)
    p = torch.softmax(upcast(input), dim=1)
    cost = cost.to(p.dtype)

    def of_every_class(y: Tensor) -> Tensor:
        with full_precision(p):
            losses: Tensor = torch.tensordot(p, cost, dims=([1], [1]))
            return losses.movedim(-1, 1)

    return reduce_classes(
        lambda t: (p * F.embedding(t, cost).movedim(-1, 1)).sum(dim=1),
        of_every_class,
        input,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class CostSensitiveLoss(Twin, of=cost_sensitive_loss): ...
