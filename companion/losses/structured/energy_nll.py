"""Energy-based models whose candidates can be listed, trained exactly."""

import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_floating, check_sample_weight
from companion._margin import class_loss
from companion._options import check_options
from companion._twin import Twin
from companion.losses.structured._pieces import check_integers


def energy_nll_loss(
    energies: Float[Tensor, "batch candidates"],
    target: Integer[Tensor, " batch"],
    *,
    sample_weight: Float[Tensor, " batch"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Lowers the energy of the true candidate and raises that of the others, by the probability each has.

    .. math:: \ell = E(y) + \log \sum_{y'} e^{-E(y')} = -\log p(y) , \qquad p(y) = e^{-E(y)} / \sum_{y'} e^{-E(y')} .

    It is the cross entropy of the logits -E, and never below 0. Both signs matter: with a minus before the logarithm
    the loss would fall for ever as the energies of the wrong candidates fall too. Two candidates with energies 0 and
    log 3 have the probabilities 3/4 and 1/4, and cost 0.288 and 1.386. Where the candidates cannot be listed, see
    :func:`crf_loss` for chains, :func:`contrastive_divergence_loss`, :func:`nce_loss` and :func:`score_matching_loss`.

    Args:
        energies: The energy of every candidate, ``(N, K)``: low is likely.
        target: Index of the true candidate, ``(N,)``; -100 leaves a row out.
        sample_weight: One weight per row, ``(N,)``. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss in nats: a scalar, or ``(N,)`` under ``reduction="none"``.

    Raises:
        TypeError: If ``target`` is not integer, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> energies = torch.tensor([[1.0, 3.0], [1.0, 3.0]]).log()
        >>> energy_nll_loss(energies, torch.tensor([0, 1]), reduction="none")
        tensor([0.2877, 1.3863])

    References:
        LeCun, Chopra, Hadsell, Ranzato, Huang, *A Tutorial on Energy-Based Learning*, in Predicting Structured Data,
        MIT Press, 2006, section 2.2.4. https://cs.nyu.edu/~yann/research/ebm/
    """
    check_options("energy_nll_loss", reduction=reduction)
    check_floating("energies", energies)
    if energies.dim() != 2 or energies.shape[1] < 2:
        raise ValueError(
            "`energies` must have shape (N, K), one energy per candidate, at least two candidates, "
            f"got {tuple(energies.shape)}."
        )
    check_integers("target", target, tuple(energies.shape[:1]), "the true candidate of each row of `energies`")
    check_sample_weight(sample_weight, tuple(energies.shape[:1]))
    return class_loss(lambda m: -F.logsigmoid(m), -energies, target, sample_weight=sample_weight, reduction=reduction)


class EnergyNLLLoss(Twin, of=energy_nll_loss): ...
