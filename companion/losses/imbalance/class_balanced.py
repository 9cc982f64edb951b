"""Class-balanced loss: weights from the effective number of examples."""

from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from companion._checks import Reduction, check_logits, check_per_class
from companion._margin import upcast
from companion._options import check_options
from companion._twin import Twin
from companion.losses.imbalance.class_weights import class_weights
from companion.losses.imbalance.focal import focal_loss


def class_balanced_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    counts: Shaped[Tensor, " classes"],
    beta: float = 0.999,
    gamma: float | Tensor = 0.0,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Makes the model attend to rare classes, less than in proportion: new examples of a class repeat the old ones.

    .. math:: \ell = -\frac{1 - \beta}{1 - \beta^{n_t}} \, (1 - p_t)^\gamma \log p_t ,

    the weights scaled to mean 1, with :math:`n_t` training examples of the true class. ``beta=0`` gives no weights,
    ``beta`` near 1 weights by inverse frequency. At ``beta=0.999`` a class of 10 weighs 63.5 times as much as one of
    1000, and one of 1000 only 1.6 times as much as one of 10 000.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`.
        counts: Training examples per class, ``(C,)``, such as ``torch.bincount(target)``.
        beta: How much each further example adds, in [0, 1).
        gamma: Focusing exponent of :func:`focal_loss`; 0 is cross entropy.
        sample_weight: One weight per row or pixel, ``(N, *)`` or its leading axes. It enters the mean.
        ignore_index: Indices with this value add nothing to the loss, the gradient or the mean.
        reduction: ``"mean"`` (over the weights), ``"sum"`` or ``"none"``.

    Returns:
        The loss: a scalar, or ``(N, *)`` under ``reduction="none"``.

    Raises:
        TypeError: If ``target`` is neither integer nor floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> even, target = torch.zeros(2, 2), torch.tensor([0, 1])  # p = 1/2 for one frequent and one rare example
        >>> class_balanced_loss(even, target, counts=torch.tensor([1000, 10]), reduction="none")
        tensor([0.0215, 1.3648])

    References:
        Cui, Jia, Lin, Song, Belongie, *Class-Balanced Loss Based on Effective Number of Samples*, CVPR 2019, section 4.
        https://arxiv.org/abs/1901.05555
    """
    check_options("class_balanced_loss", counts=counts, beta=beta)
    check_logits(input, sibling="binary_focal_loss")
    check_per_class("counts", counts, input)
    n = counts.to(upcast(input).dtype)
    return focal_loss(
        input,
        target,
        gamma=gamma,
        weight=class_weights(n, scheme="effective", beta=beta),
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class ClassBalancedLoss(Twin, of=class_balanced_loss): ...
