"""Negative learning: what an example is not."""

import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_logits
from companion._margin import margins, plain_margin, upcast
from companion._options import check_options
from companion._reduce import reduce_classes
from companion._twin import Twin


def negative_learning_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Teaches from labels that say what an example is not, which are more often right than those that say what it is.

    .. math:: \ell = -\log (1 - p_t) ,

    where t is a complementary label: a class that the example does not belong to. Drawn at random from the classes
    other than the given label, it is wrong only with the noise rate divided by their number. A class with
    :math:`p_t = 0.1` costs 0.105, one with 0.9 costs 2.303. Each label says little, so learning is slow: draw a new one
    every time an example is seen.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Complementary labels: class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
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
        >>> logits = torch.tensor([[0.0, 0.0], [20.0, 0.0]])
        >>> negative_learning_loss(logits, torch.tensor([0, 1]), reduction="none")
        tensor([6.9315e-01, 2.0612e-09])

    References:
        Kim, Yim, Yun, Kim, *NLNL: Negative Learning for Noisy Labels*, ICCV 2019.
        https://arxiv.org/abs/1908.07387
    """
    check_options("negative_learning_loss", weight=weight, ignore_index=ignore_index, reduction=reduction)
    check_logits(input)
    x = upcast(input)

    def of_target(t: Tensor) -> Tensor:
        return -F.logsigmoid(-plain_margin(x, t))

    def of_every_class(y: Tensor) -> Tensor:
        # Only the top class can be so sure that `margin` reads as the largest float.
        top = x.detach().argmax(dim=1)
        return (-F.logsigmoid(-margins(x))).scatter(1, top.unsqueeze(1), of_target(top).unsqueeze(1))

    return reduce_classes(
        of_target,
        of_every_class,
        input,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class NegativeLearningLoss(Twin, of=negative_learning_loss): ...
