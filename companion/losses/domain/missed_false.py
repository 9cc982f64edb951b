"""Missed-and-false loss: what a miss costs, and what a false alarm costs."""

import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._margin import binary_loss
from companion._options import check_options
from companion._twin import Twin


def missed_false_loss(
    input: Float[Tensor, "batch *shape"],
    target: Shaped[Tensor, "batch *shape"],
    *,
    miss_weight: float = 1.0,
    false_weight: float = 1.0,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Weighs what is missed against what is a false alarm, at the prices of the field.

    With :math:`p = \sigma(x)`,

    .. math:: \ell = -w_{\mathrm{miss}} \, y \log p - w_{\mathrm{false}} \, (1 - y) \log (1 - p) .

    The prices do not enter the mean, which is over all cases. The best p is
    :math:`w_{\mathrm{miss}} \, \pi / (w_{\mathrm{miss}} \, \pi + w_{\mathrm{false}} \, (1 - \pi))`, where :math:`\pi`
    is the true chance: with a miss ten times as dear, p = 0.5 stands for a chance of 1 in 11. So decide at p = 0.5,
    and do not read p as a chance. Prices at the threshold of a well calibrated model come to the same decisions and can
    be changed without training; and prices on top of class weights count twice. Equal prices of 1 are binary cross
    entropy.

    Args:
        input: Logits of any shape; the classes of a multi-label problem are axis 1.
        target: 0 or 1, or anything between, in the shape of ``input``.
        miss_weight: Price of a miss (a positive case), at least 0.
        false_weight: Price of a false alarm (a negative case), at least 0; not both prices are 0.
        weight: One weight per class of a multi-label problem, ``(C,)``. It enters the mean.
        sample_weight: One weight per element, the shape of ``input`` or its leading axes. It enters the mean.
        ignore_index: Targets with this value add nothing to the loss, the gradient or the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss in units of the prices: a scalar, or the shape of ``input`` under ``reduction="none"``.

    Raises:
        TypeError: If ``input`` is not floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> logits, target = torch.tensor([-2.0, 2.0]), torch.tensor([1.0, 0.0])  # a miss and a false alarm
        >>> missed_false_loss(logits, target, miss_weight=10.0, reduction="none")
        tensor([21.2693,  2.1269])

    References:
        Elkan, *The Foundations of Cost-Sensitive Learning*, IJCAI 2001.
        https://www.ijcai.org/Proceedings/01/IJCAI-2001-k.pdf
    """
    check_options(
        "missed_false_loss",
        miss_weight=miss_weight,
        false_weight=false_weight,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    both = miss_weight + false_weight
    if both == 0:
        raise ValueError("`miss_weight` must be above 0 where `false_weight` is 0, got 0: then nothing costs anything.")
    return binary_loss(
        lambda m: -both * F.logsigmoid(m),
        input,
        target,
        alpha=miss_weight / both,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class MissedFalseLoss(Twin, of=missed_false_loss): ...
