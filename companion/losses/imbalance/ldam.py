"""LDAM: rarer classes must win by more."""

import torch.nn.functional as F
from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from companion._checks import Reduction, check_class_target, check_logits, check_per_class
from companion._margin import class_loss, upcast
from companion._options import check_options
from companion._twin import Twin


def ldam_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"],
    *,
    counts: Shaped[Tensor, " classes"],
    max_margin: float = 0.5,
    scale: float = 30.0,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Asks the model for a lead that is the larger, the rarer the true class.

    .. math::

        \ell = -\log \frac{e^{s (z_t - \Delta_t)}}{e^{s (z_t - \Delta_t)} + \sum_{c \ne t} e^{s z_c}} ,
        \qquad \Delta_c \propto n_c^{-1/4}, \quad \max_c \Delta_c = \mathtt{max\_margin} .

    The logits are meant to be cosines: the products of a normalised feature with normalised class weights, which
    ``scale`` then stretches. For ordinary logits set ``scale=1``, and ``max_margin`` in logits. A class 16 times
    smaller gets twice the margin. ``max_margin=0`` is cross entropy of the scaled logits. The paper adds ``weight``
    only in the last epochs (deferred re-weighting).

    Args:
        input: Cosines or logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``; the margin belongs to one class, so probabilities are refused.
        counts: Training examples per class, ``(C,)``. A count of 0 is read as 1.
        max_margin: Margin of the smallest class, in units of ``input``, at least 0.
        scale: Factor on the logits, above 0.
        weight: One weight per class, ``(C,)``. It enters the mean.
        sample_weight: One weight per row or pixel, ``(N, *)`` or its leading axes. It enters the mean.
        ignore_index: Indices with this value add nothing to the loss, the gradient or the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss in nats: a scalar, or ``(N, *)`` under ``reduction="none"``.

    Raises:
        TypeError: If ``target`` is not integer, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> logits, counts = torch.zeros(2, 2), torch.tensor([16, 1])  # margins 0.25 and 0.5
        >>> ldam_loss(logits, torch.tensor([0, 1]), counts=counts, scale=1.0, reduction="none")
        tensor([0.8259, 0.9741])

    References:
        Cao, Wei, Gaidon, Arechiga, Ma, *Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss*,
        NeurIPS 2019, section 3. https://arxiv.org/abs/1906.07413
    """
    check_options(
        "ldam_loss",
        counts=counts,
        max_margin=max_margin,
        scale=scale,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    check_logits(input)
    check_per_class("counts", counts, input)
    if not check_class_target(input, target):
        raise TypeError(f"`target` must hold integer class indices, got dtype {target.dtype}. See `target.argmax(1)`.")
    x = upcast(input)
    n = counts.to(x.dtype).clamp_min(1)
    delta = max_margin * (n / n.min()).pow(-0.25)
    t = target.long()
    lead = delta[t * (t != ignore_index)]
    return class_loss(
        lambda m: -F.logsigmoid(m - scale * lead),
        scale * x,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class LDAMLoss(Twin, of=ldam_loss): ...
