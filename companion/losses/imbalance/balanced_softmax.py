"""Balanced softmax: logit adjustment by the class counts."""

from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from companion._checks import Reduction, check_logits, check_per_class
from companion._options import check_options
from companion._twin import Twin
from companion.losses.imbalance.logit_adjusted import logit_adjusted_loss


def balanced_softmax_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    counts: Shaped[Tensor, " classes"],
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Cross entropy through a softmax that knows the class counts, so that the model's logits need not.

    .. math:: \ell = -\log \frac{n_t e^{z_t}}{\sum_c n_c e^{z_c}} .

    It is :func:`logit_adjusted_loss` at ``tau=1``, found independently. Predict with the bare logits.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`.
        counts: Training examples per class, ``(C,)``.
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
        >>> counts = torch.tensor([90, 10])
        >>> balanced_softmax_loss(torch.zeros(2, 2), torch.tensor([0, 1]), counts=counts, reduction="none")
        tensor([0.1054, 2.3026])

    References:
        Ren et al., *Balanced Meta-Softmax for Long-Tailed Visual Recognition*, NeurIPS 2020, section 3.
        https://arxiv.org/abs/2007.10740
    """
    check_options("balanced_softmax_loss", counts=counts)
    check_logits(input)
    check_per_class("counts", counts, input)
    return logit_adjusted_loss(
        input,
        target,
        prior=counts,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class BalancedSoftmaxLoss(Twin, of=balanced_softmax_loss): ...
