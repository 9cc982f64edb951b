"""Focal loss: easy examples fade, so that the hard ones are heard."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from companion._checks import Reduction, check_logits
from companion._margin import binary_loss, class_loss
from companion._options import check_options
from companion._twin import Twin


def _focal(m: Tensor, gamma: float | Tensor) -> Tensor:
    """(1 - p)^gamma (-log p) with log(1 - p) = logsigmoid(-m): no power of a rounded difference."""
    return -torch.exp(gamma * F.logsigmoid(-m)) * F.logsigmoid(m)


def focal_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    gamma: float | Tensor = 2.0,
    alpha: float | Tensor | None = None,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Cross entropy that fades as the model grows sure of the true class.

    With :math:`p_t` the probability given to the true class,

    .. math:: \ell = -\alpha_t \, (1 - p_t)^\gamma \log p_t .

    ``gamma=0`` is cross entropy. At ``gamma=2`` an example with :math:`p_t = 0.9` counts 100 times less than under
    cross entropy, one with :math:`p_t = 0.5` only 4 times less. The factor is never above 1: the loss of hard examples
    gains only in comparison, though their gradient grows by up to 1.22. The minimiser is not the class probability but
    a flatter one, so recalibrate before reading probabilities off the model.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`.
        gamma: Focusing exponent, at least 0. A 0-d tensor may carry a gradient.
        alpha: One factor per class, ``(C,)``; for two classes also a number in [0, 1], the factor of class 1, class 0
            having ``1 - alpha``. It scales the loss and does not enter the mean. The paper uses 0.25 with ``gamma=2``.
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
        >>> logits = torch.tensor([[2.2, 0.0], [0.0, 0.1]])  # sure and right; unsure
        >>> target = torch.tensor([0, 0])
        >>> focal_loss(logits, target, gamma=0.0, reduction="none")
        tensor([0.1051, 0.7444])
        >>> focal_loss(logits, target, gamma=2.0, reduction="none")
        tensor([0.0010, 0.2052])

    References:
        Lin, Goyal, Girshick, He, Dollár, *Focal Loss for Dense Object Detection*, ICCV 2017, equations (4) and (5).
        https://arxiv.org/abs/1708.02002

        Charoenphakdee et al., *On Focal Loss for Class-Posterior Probability Estimation: A Theoretical Perspective*,
        CVPR 2021. https://arxiv.org/abs/2011.09172
    """
    check_options("focal_loss", gamma=gamma, alpha=alpha, weight=weight, ignore_index=ignore_index, reduction=reduction)
    check_logits(input, sibling="binary_focal_loss")
    return class_loss(
        lambda m: _focal(m, gamma),
        input,
        target,
        alpha=_alpha_per_class(alpha, input),
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


def _alpha_per_class(alpha: float | Tensor | None, input: Tensor) -> Tensor | None:
    if alpha is None or (isinstance(alpha, Tensor) and alpha.dim() == 1):
        return alpha
    classes = input.shape[1]
    if classes != 2:
        raise ValueError(
            f"`alpha` must be a tensor of shape ({classes},), one factor per class of `input`, got the number {alpha}. "
            "A number is the factor of class 1 of two."
        )
    return torch.where(torch.arange(2, device=input.device) == 1, alpha, 1 - alpha)


def binary_focal_loss(
    input: Float[Tensor, "batch *shape"],
    target: Shaped[Tensor, "batch *shape"],
    *,
    gamma: float | Tensor = 2.0,
    alpha: float | Tensor | None = None,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Focal loss for one logit per element: one yes-or-no question, or several labels at once.

    With :math:`p = \sigma(x)`,

    .. math:: \ell = -\alpha \, y \, (1 - p)^\gamma \log p - (1 - \alpha) \, (1 - y) \, p^\gamma \log (1 - p) .

    It is :func:`focal_loss` of the two logits (0, x). ``gamma=0`` without ``alpha`` is binary cross entropy.

    Args:
        input: Logits of any shape; the classes of a multi-label problem are axis 1.
        target: 0 or 1, or anything between, in the shape of ``input``.
        gamma: Focusing exponent, at least 0. A 0-d tensor may carry a gradient.
        alpha: Factor of the positive class, in [0, 1]; the negative class has ``1 - alpha``. Without it both have 1.
            It does not enter the mean. The paper uses 0.25 with ``gamma=2``.
        weight: One weight per class of a multi-label problem, ``(C,)``. It enters the mean.
        sample_weight: One weight per element, the shape of ``input`` or its leading axes. It enters the mean.
        ignore_index: Targets with this value add nothing to the loss, the gradient or the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss in nats: a scalar, or the shape of ``input`` under ``reduction="none"``.

    Raises:
        TypeError: If ``input`` is not floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> logits, target = torch.tensor([2.2, -0.1]), torch.tensor([1.0, 1.0])
        >>> binary_focal_loss(logits, target, reduction="none")
        tensor([0.0010, 0.2052])

    References:
        Lin, Goyal, Girshick, He, Dollár, *Focal Loss for Dense Object Detection*, ICCV 2017, equations (4) and (5).
        https://arxiv.org/abs/1708.02002
    """
    check_options(
        "binary_focal_loss", gamma=gamma, alpha=alpha, weight=weight, ignore_index=ignore_index, reduction=reduction
    )
    return binary_loss(
        lambda m: _focal(m, gamma),
        input,
        target,
        alpha=alpha,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class FocalLoss(Twin, of=focal_loss): ...


class BinaryFocalLoss(Twin, of=binary_focal_loss): ...
