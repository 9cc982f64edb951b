"""Generalized Jensen-Shannon loss: the label and one or two predictions of an example are drawn together."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_floating, check_logits
from companion._margin import margin, margins, sigmoid, upcast
from companion._options import check_options
from companion._reduce import reduce_classes
from companion._twin import Twin
from companion.losses.noisy_labels._pieces import beside


def generalized_js_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    other: Float[Tensor, "batch classes *spatial"] | None = None,
    *,
    pi: float = 0.5,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Pulls prediction and label towards their mixture, and two views of one example towards each other.

    With H the entropy and :math:`e_t` the label as a distribution,

    .. math::

        \ell = \frac{H(\pi e_t + (1 - \pi) \bar p) - (1 - \pi) \frac{H(p) + H(p')}{2}}{-(1 - \pi) \log (1 - \pi)} ,
        \qquad \bar p = \frac{p + p'}{2} ,

    p and p' being the predictions for two augmentations of the same example. Without ``other``, p' = p: the
    Jensen-Shannon divergence from the label, which depends on :math:`p_t` alone. ``pi`` towards 0 is cross entropy,
    towards 1 half of :func:`mae_loss`. At ``pi=0.5`` even odds between two classes cost 0.623, a class held impossible
    costs 2. With ``other``, a disagreement of the two predictions costs whatever the label says: the term that keeps
    the model from learning wrong labels by heart.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`.
        other: Logits for a second augmentation of the same examples, in the shape of ``input``.
        pi: Weight of the label in the mixture, above 0 and below 1. The authors tune it between 0.1
            and 0.9.
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
        >>> here, there = torch.tensor([[1.0, 0.0]]), torch.tensor([[-1.0, 0.0]])
        >>> target = torch.tensor([0])
        >>> generalized_js_loss(torch.zeros(1, 2), target)
        tensor(0.6226)
        >>> generalized_js_loss(here, target, there)  # even odds on average, but the two disagree
        tensor(0.7826)

    References:
        Englesson, Azizpour, *Generalized Jensen-Shannon Divergence Loss for Learning with Noisy Labels*, NeurIPS 2021.
        https://arxiv.org/abs/2105.04522
    """
    check_options("generalized_js_loss", pi=pi, weight=weight, ignore_index=ignore_index, reduction=reduction)
    check_logits(input)
    views = [upcast(input)]  # once: the gradients of two copies would be added in half precision
    disagreement = None
    if other is not None:
        check_floating("other", other)
        if other.shape != input.shape:
            raise ValueError(
                f"`other` must have the shape of `input`, {tuple(input.shape)}, got {tuple(other.shape)}. "
                "It holds the logits for a second augmentation of the same examples."
            )
        views.append(upcast(other))
        disagreement = _jensen_shannon(*views) / -math.log(1 - pi)

    def loss(m: Tensor) -> Tensor:
        to_label = _to_label(m, pi)
        return to_label if disagreement is None else to_label + beside(disagreement, m)

    return reduce_classes(
        lambda t: loss(_of_average([margin(view, t) for view in views])),
        lambda y: loss(_of_average([margins(view) for view in views])),
        input,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


def _to_label(m: Tensor, pi: float) -> Tensor:
    """The divergence of the label from a prediction with margin m, over its scale.

    Written as pi KL(label, mixture) + (1 - pi) KL(p, mixture): no entropies of nearly the same size are subtracted.
    """
    m = m.clamp_min(torch.finfo(m.dtype).min)  # 0 log 0 = 0
    log_p, missed = F.logsigmoid(m), sigmoid(-m)
    log_mixed = torch.log1p(-(1 - pi) * missed)
    rest = -math.log(1 - pi)
    kl_label, kl_p = -log_mixed, log_p.exp() * (log_p - log_mixed) + missed * rest
    return (pi * kl_label + (1 - pi) * kl_p) / ((1 - pi) * rest)


def _of_average(m: list[Tensor]) -> Tensor:
    """The margin of the average of two probabilities; of one, itself."""
    if len(m) == 1:
        return m[0]
    a, b = (v.clamp(torch.finfo(v.dtype).min, torch.finfo(v.dtype).max) for v in m)
    return _log_sum(F.logsigmoid(a), F.logsigmoid(b)) - _log_sum(F.logsigmoid(-a), F.logsigmoid(-b))


def _jensen_shannon(x: Tensor, other: Tensor) -> Tensor:
    """The divergence (N, *) between two predictions, from their logits."""
    lowest = torch.finfo(x.dtype).min / 4  # 0 log 0 = 0
    log_p, log_q = (F.log_softmax(v, dim=1).clamp_min(lowest) for v in (x, other))
    log_mixed = _log_sum(log_p, log_q) - math.log(2)
    return (log_p.exp() * (log_p - log_mixed) + log_q.exp() * (log_q - log_mixed)).sum(dim=1) / 2


def _log_sum(a: Tensor, b: Tensor) -> Tensor:
    """log(e^a + e^b); torch's logaddexp has no second derivative far from a = b."""
    top = torch.maximum(a, b).detach()
    return ((a - top).exp() + (b - top).exp()).log() + top


class GeneralizedJSLoss(Twin, of=generalized_js_loss): ...
