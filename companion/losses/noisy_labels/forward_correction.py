"""Forward correction: the prediction is passed through the noise before it meets the label."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_logits, check_square
from companion._margin import upcast
from companion._options import check_options
from companion._reduce import reduce_classes
from companion._twin import Twin
from companion.losses.noisy_labels._pieces import below_top


def forward_correction_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    transition: Float[Tensor, "classes classes"],
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Explains wrong labels by the noise that makes them, so that the model need not.

    .. math:: \ell = -\log \sum_i p_i T_{it} , \qquad T_{ij} = P(\text{observed } j \mid \text{true } i) .

    Its minimiser on the noisy labels is that of cross entropy on the clean ones, if ``transition`` is right and
    invertible. The identity is cross entropy. With 20 % of two classes swapped even odds cost 0.693 as before, but a
    class held impossible only :math:`-\log 0.2 = 1.609`. Predict with the bare logits.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Observed class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`, at C times the memory.
        transition: Probability of each observed label, ``(C, C)``: the row is the true class, the column the observed
            one; rows sum to 1. It may carry a gradient.
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
        >>> logits = torch.tensor([[0.0, 0.0], [-100.0, 0.0]])
        >>> forward_correction_loss(logits, torch.tensor([0, 0]), transition=transition, reduction="none")
        tensor([0.6931, 1.6094])

    References:
        Patrini, Rozza, Menon, Nock, Qu, *Making Deep Neural Networks Robust to Label Noise: a Loss Correction
        Approach*, CVPR 2017. https://arxiv.org/abs/1609.03683
    """
    check_options(
        "forward_correction_loss", transition=transition, weight=weight, ignore_index=ignore_index, reduction=reduction
    )
    check_logits(input)
    check_square("transition", transition, input)
    x, _ = below_top(upcast(input))
    noise = transition.to(x.dtype)

    def surprise(logits: Tensor, seen: Tensor) -> Tensor:
        """-log of the probability of a label, by its margin: exact where the probability is all but 1."""
        return -F.logsigmoid(_log_mixture(logits, seen) - _log_mixture(logits, 1 - seen))

    return reduce_classes(
        lambda t: surprise(x, F.embedding(t, noise.t()).movedim(-1, 1)),
        lambda y: surprise(x.unsqueeze(2), noise.view(1, *noise.shape, *[1] * (x.dim() - 2))),
        input,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


def _log_mixture(x: Tensor, share: Tensor) -> Tensor:
    """The logarithm of the sum over axis 1 of share e^x, about the largest x that has a share."""
    info = torch.finfo(x.dtype)
    top = x.detach().masked_fill(share <= 0, info.min / 4).amax(dim=1, keepdim=True)
    total = (share * (x - top).clamp_max(0.0).exp()).sum(dim=1)
    return total.clamp_min(info.tiny).log() + top.squeeze(1)  # no share at all: very low, with a gradient of 0


class ForwardCorrectionLoss(Twin, of=forward_correction_loss): ...
