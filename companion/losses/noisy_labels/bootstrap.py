"""Bootstrapping: the label is mixed with what the model itself believes."""

from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_logits
from companion._margin import margin, upcast
from companion._options import check_options
from companion._twin import Twin
from companion.losses.noisy_labels._pieces import entropy, penalised_cross_entropy


def bootstrap_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    beta: float | Tensor | None = None,
    mode: Literal["soft", "hard"] = "soft",
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Lets the model's own belief overrule part of the label.

    .. math:: \ell = -\sum_c \bigl( \beta y_c + (1 - \beta) q_c \bigr) \log p_c ,

    where q is p itself (``"soft"``), or 1 at its largest and 0 elsewhere (``"hard"``). ``beta`` is the share of the
    given label: ``beta=1`` is cross entropy, ``beta=0`` ignores the labels. In the soft form the second part is the
    entropy of p, which rewards a sure model; a prediction of (0.7, 0.2, 0.1) costs 0.80 against itself, not 0.

    The soft form differentiates q as well, as the paper does. With q held constant nothing would remain but
    :math:`\beta` times the gradient of cross entropy.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``.
        beta: Share of the given label, from 0 to 1; by default the paper's, 0.95 for soft and 0.8 for hard. A 0-d
            tensor may carry a gradient.
        mode: ``"soft"`` or ``"hard"``.
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
        >>> logits, target = torch.tensor([[0.7, 0.2, 0.1]]).log(), torch.tensor([2])
        >>> bootstrap_loss(logits, target)  # 0.95 * 2.3026 + 0.05 * 0.8018
        tensor(2.2275)
        >>> bootstrap_loss(logits, target, mode="hard")  # 0.8 * 2.3026 + 0.2 * 0.3567
        tensor(1.9134)

    References:
        Reed et al., *Training Deep Neural Networks on Noisy Labels with Bootstrapping*, ICLR 2015 workshop.
        https://arxiv.org/abs/1412.6596
    """
    check_options(
        "bootstrap_loss",
        beta=beta,
        mode=mode,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    check_logits(input)
    x = upcast(input)  # once: the gradients of two copies would be added in half precision
    if beta is None:
        beta = 0.95 if mode == "soft" else 0.8
    against_itself = entropy(x) if mode == "soft" else _against_best(x)
    return penalised_cross_entropy(
        (1 - beta) * against_itself,
        x,
        target,
        share=beta,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


def _against_best(x: Tensor) -> Tensor:
    """The cross entropy of the class with the largest logit."""
    return -F.logsigmoid(margin(x, x.detach().argmax(dim=1)))


class BootstrapLoss(Twin, of=bootstrap_loss): ...
