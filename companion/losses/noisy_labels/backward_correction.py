"""Backward correction: the losses of all labels, combined so that the noise cancels on average."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_logits, check_square
from companion._margin import full_precision, upcast
from companion._options import check_options
from companion._reduce import reduce_classes
from companion._twin import Twin
from companion.losses.noisy_labels._pieces import log_probabilities


def backward_correction_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    transition: Float[Tensor, "classes classes"],
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Estimates without bias, from noisy labels, the cross entropy that clean ones would give.

    .. math::

        \ell = -\sum_j (T^{-1})_{tj} \log p_j , \qquad T_{ij} = P(\text{observed } j \mid \text{true } i) .

    The average over the noise, :math:`T \ell`, is cross entropy of the true label. The identity is cross entropy. The
    inverse has negative entries: a single loss may be negative, and the sum has no lower bound, so a flexible model can
    drive it down for ever on the labels it has seen. Prefer :func:`forward_correction_loss` unless the lack of bias is
    the point. With 20 % of two classes swapped the inverse is (4/3, -1/3): even odds cost 0.693, a class held at
    :math:`p_t = 0.1` 3.035.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Observed class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`.
        transition: Probability of each observed label, ``(C, C)``: the row is the true class, the column the observed
            one; rows sum to 1. It must be invertible, or the loss is not finite. It may carry a gradient.
        weight: One weight per observed class, ``(C,)``. It enters the mean for indices.
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
        >>> transition = torch.tensor([[0.8, 0.2], [0.2, 0.8]])
        >>> logits = torch.tensor([[0.1, 0.9]]).log().repeat(2, 1)
        >>> backward_correction_loss(logits, torch.tensor([0, 1]), transition=transition, reduction="none")
        tensor([ 3.0350, -0.6270])

    References:
        Patrini, Rozza, Menon, Nock, Qu, *Making Deep Neural Networks Robust to Label Noise: a Loss Correction
        Approach*, CVPR 2017. https://arxiv.org/abs/1609.03683
    """
    check_options(
        "backward_correction_loss", transition=transition, weight=weight, ignore_index=ignore_index, reduction=reduction
    )
    check_logits(input)
    check_square("transition", transition, input)
    x = upcast(input)
    inverse = torch.linalg.inv_ex(transition.to(x.dtype)).inverse  # inv would wait for the device, to check
    clean = -log_probabilities(x)

    def of_every_class(y: Tensor) -> Tensor:
        with full_precision(x):
            losses: Tensor = torch.tensordot(clean, inverse, dims=([1], [1]))
            return losses.movedim(-1, 1)

    return reduce_classes(
        lambda t: (F.embedding(t, inverse).movedim(-1, 1) * clean).sum(dim=1),
        of_every_class,
        input,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class BackwardCorrectionLoss(Twin, of=backward_correction_loss): ...
