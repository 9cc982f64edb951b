"""Peer loss: to agree with a label earns only what agreeing with a label drawn blindly would not."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from companion._checks import Reduction, check_logits, check_per_class
from companion._margin import margin, margins, upcast
from companion._options import check_options
from companion._reduce import on_classes, reduce_classes
from companion._twin import Twin
from companion.losses.noisy_labels._pieces import beside


def peer_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    prior: Shaped[Tensor, " classes"],
    alpha: float | Tensor = 1.0,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Rewards the model for knowing a label better than blind agreement would, without knowing the noise rates.

    The paper subtracts from the loss of every example that of a peer, one example's prediction with another's label. As
    the two are drawn independently, the expected peer is the label's frequency times its loss, which is what this
    computes, without the luck of the draw:

    .. math:: \ell = -\log p_t + \alpha \sum_c \pi_c \log p_c .

    ``alpha=0`` is cross entropy. Above that the loss has no lower bound, since the peer pays for making other labels
    absurd: stop early, or decay the weights. At ``alpha=1`` the normaliser cancels and the loss is
    :math:`-z_t + \sum_c \pi_c z_c`, linear in the logits; beyond 1 it rewards sure predictions whatever the label. For
    the logits (1, 0), target 0 and even frequencies it is -0.5.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`.
        prior: Frequency of each label in training, noise included, ``(C,)``; counts do as well.
        alpha: Weight of the peer, at least 0. A 0-d tensor may carry a gradient.
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
        >>> logits, counts = torch.tensor([[1.0, 0.0]]), torch.tensor([50, 50])
        >>> peer_loss(logits, torch.tensor([0]), prior=counts)
        tensor(-0.5000)

    References:
        Liu, Guo, *Peer Loss Functions: Learning from Noisy Labels without Knowing Noise Rates*, ICML 2020.
        https://arxiv.org/abs/1910.03231

        Cheng et al., *Learning with Instance-Dependent Label Noise: A Sample Sieve Approach*, ICLR 2021 (the expected
        peer). https://arxiv.org/abs/2010.02347
    """
    check_options("peer_loss", prior=prior, alpha=alpha, weight=weight, ignore_index=ignore_index, reduction=reduction)
    check_logits(input)
    check_per_class("prior", prior, input)
    x = upcast(input)  # once: the gradients of two copies would be added in half precision
    x = x - x.detach().amax(dim=1, keepdim=True)  # only differences count: keep their digits
    share = on_classes(prior.to(x.dtype) / prior.sum(), x)
    expected = torch.where(share > 0, share * x, 0.0).sum(dim=1)

    # The normaliser stands in both terms. What is left of it is (1 - alpha) times that of cross entropy.
    def loss(m: Tensor, z: Tensor) -> Tensor:
        return (alpha - 1) * F.logsigmoid(m) + alpha * (beside(expected, z) - z)

    return reduce_classes(
        lambda t: loss(margin(x, t), x.gather(1, t.unsqueeze(1)).squeeze(1)),
        lambda y: loss(margins(x), x),
        input,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class PeerLoss(Twin, of=peer_loss): ...
