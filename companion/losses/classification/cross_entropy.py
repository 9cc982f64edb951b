"""Cross entropy, exact where the model is sure and where it is sure and wrong."""

import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_logits
from companion._margin import class_loss
from companion._options import check_options
from companion._twin import Twin


def cross_entropy(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Pays for the surprise at the true class: the model learns the probabilities themselves.

    With :math:`p_t` the probability given to the true class,

    .. math:: \ell = -\log p_t .

    Even odds between two classes cost :math:`\log 2 = 0.693`; :math:`p_t = 0.9` costs 0.105; a class held impossible
    costs without bound. The results are those of ``torch.nn.functional.cross_entropy``, to which this adds exactness:
    for the logits (20, 0, 0) and target 0 it returns 4.1e-9, where torch returns 0 in float32.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which
            :math:`\ell = -\sum_c y_c \log p_c`.
        weight: One weight per class, ``(C,)``. It enters the mean for indices, not for probabilities, as in torch.
        sample_weight: One weight per row or pixel, ``(N, *)`` or its leading axes. It enters the mean.
        ignore_index: Indices with this value add nothing to the loss, the gradient or the mean.
        label_smoothing: Share of the target, from 0 to 1, that is spread evenly over the classes.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss in nats: a scalar, or ``(N, *)`` under ``reduction="none"``.

    Raises:
        TypeError: If ``target`` is neither integer nor floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[20.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
        >>> cross_entropy(logits, torch.tensor([0, 0]), reduction="none")
        tensor([4.1223e-09, 1.0986e+00])

    References:
        Good, *Rational Decisions*, Journal of the Royal Statistical Society B 14(1), 1952, section 8.
        https://doi.org/10.1111/j.2517-6161.1952.tb00104.x
    """
    check_options(
        "cross_entropy",
        weight=weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    check_logits(input, sibling="torch.nn.functional.binary_cross_entropy_with_logits")

    return class_loss(
        lambda m: -F.logsigmoid(m),
        input,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )


class CrossEntropyLoss(Twin, of=cross_entropy): ...
