"""Logit adjustment: train against the prior, so that the bare logits answer for even classes."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from companion._checks import Reduction, check_logits, check_per_class
from companion._margin import class_loss, upcast
from companion._options import check_options
from companion._reduce import on_classes
from companion._twin import Twin


def logit_adjusted_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    prior: Shaped[Tensor, " classes"],
    tau: float | Tensor = 1.0,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Hands the class frequencies to the loss, so that the model's own logits learn what is left without them.

    .. math:: \ell = -\log \frac{e^{z_t + \tau \log \pi_t}}{\sum_c e^{z_c + \tau \log \pi_c}} .

    Train with it and predict with the bare logits: at ``tau=1`` their largest is the choice of least balanced error,
    and ``softmax(z + log prior)`` is the class probability. ``tau=0`` is cross entropy. The same correction may
    instead be subtracted from the logits of a model trained with cross entropy, which needs no training.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`.
        prior: Frequency of each class in training, ``(C,)``; counts do as well, since a common factor cancels. A
            class of frequency 0 is read as very rare.
        tau: Strength, at least 0. A 0-d tensor may carry a gradient.
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
        >>> prior = torch.tensor([0.9, 0.1])
        >>> logit_adjusted_loss(torch.zeros(2, 2), torch.tensor([0, 1]), prior=prior, reduction="none")
        tensor([0.1054, 2.3026])

    References:
        Menon et al., *Long-Tail Learning via Logit Adjustment*, ICLR 2021, section 4. https://arxiv.org/abs/2007.07314
    """
    check_options(
        "logit_adjusted_loss", prior=prior, tau=tau, weight=weight, ignore_index=ignore_index, reduction=reduction
    )
    check_logits(input)
    check_per_class("prior", prior, input)
    x = upcast(input)
    log_prior = prior.to(x.dtype).clamp_min(torch.finfo(x.dtype).tiny).log()
    x = x - x.detach().amax(dim=1, keepdim=True)  # else log prior is rounded away beside a large logit
    x = x + on_classes(tau * log_prior, x)
    return class_loss(
        lambda m: -F.logsigmoid(m),
        x,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class LogitAdjustedLoss(Twin, of=logit_adjusted_loss): ...
