"""Contrastive divergence: an energy falls where the data are and rises where the model thinks that they are."""

from jaxtyping import Float
from torch import Tensor

from companion._checks import Reduction
from companion._margin import upcast
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._twin import Twin
from companion.losses.structured._pieces import check_pair, check_per_row


def contrastive_divergence_loss(
    positive_energy: Float[Tensor, " batch"],
    negative_energy: Float[Tensor, " batch"],
    *,
    strength: float = 0.0,
    sample_weight: Float[Tensor, " batch"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Lowers the energy of data and raises that of samples from the model itself, until neither can be told apart.

    .. math:: \ell = E(x^+) - E(x^-) + \lambda \bigl( E(x^+)^2 + E(x^-)^2 \bigr) .

    With negatives drawn from the model, by a Markov chain run to its end, the gradient is that of the negative
    log-likelihood, in which the sum over all x never has to be taken. Chains of k steps from the data make it
    contrastive divergence CD-k, which is biased; chains that go on from step to step, persistent contrastive
    divergence. Draw the negatives outside of the graph (``x.detach()``), for the gradient is that of E alone. The value
    is no measure of progress: it is 0 for a model that is perfect and for one that knows nothing, and below 0 without
    bound for one whose samples fell behind. ``strength`` keeps it from there: energies of 1 and 3 cost 1 - 3 = -2 at
    0, and 1 - 3 + 0.1 (1 + 9) = -1 at 0.1.

    Args:
        positive_energy: Energy of each example, ``(N,)``.
        negative_energy: Energy of a sample from the model for each example, ``(N,)``.
        strength: :math:`\lambda`, at least 0, the price of squared energies, which fixes their level and bounds their
            gap.
        sample_weight: One weight per example and its sample, ``(N,)``. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss in nats, of which the gradient counts: a scalar, or ``(N,)`` under ``reduction="none"``.

    Raises:
        TypeError: If an energy is not floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> contrastive_divergence_loss(torch.tensor([1.0]), torch.tensor([3.0]), strength=0.1)
        tensor(-1.)

    References:
        Hinton, *Training Products of Experts by Minimizing Contrastive Divergence*, Neural Computation 14(8), 2002.
        https://doi.org/10.1162/089976602760128018

        Du, Mordatch, *Implicit Generation and Modeling with Energy Based Models*, NeurIPS 2019 (the squared energies).
        https://arxiv.org/abs/1903.08689
    """
    check_options("contrastive_divergence_loss", strength=strength, reduction=reduction)
    check_per_row("positive_energy", positive_energy)
    check_pair("positive_energy", positive_energy, "negative_energy", negative_energy)
    high, low = upcast(negative_energy), upcast(positive_energy)
    return reduce_rows(low - high + strength * (low.square() + high.square()), sample_weight, reduction)


class ContrastiveDivergenceLoss(Twin, of=contrastive_divergence_loss): ...
