"""Introspective variational autoencoder: the encoder tells real from made, and the generator answers."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor

from companion._checks import Reduction, check_floating
from companion._margin import upcast
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._twin import Twin
from companion.losses.generative._rows import check_per_row


def introvae_loss(
    reconstruction: Float[Tensor, " batch"],
    real: Float[Tensor, " batch"],
    made: Float[Tensor, "batch sources"],
    *,
    player: Literal["encoder", "generator"] = "encoder",
    margin: float = 10.0,
    alpha: float | Tensor = 0.5,
    beta: float | Tensor = 1.0,
    sample_weight: Float[Tensor, " batch"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Lets the encoder of a variational autoencoder act as the critic of its own generator.

    With :math:`R` the error of the restored row, :math:`D` the divergence of the code of the real row from the prior,
    and :math:`D_s` those of the codes of what the generator made, restored (:math:`s = r`) and invented
    (:math:`s = p`),

    .. math::
       \ell_E = D + \alpha \sum_s [m - D_s]_+ + \beta R , \qquad
       \ell_G = \alpha \sum_s D_s + \beta R .

    The encoder wants made rows at least the margin :math:`m` nats away from the prior, the generator wants them near.
    The two have opposite signs on :math:`D_s`, so each needs an optimiser of its own, and what the encoder judges must
    be detached: ``encoder(images.detach())`` in its turn, ``encoder(images)`` in the generator's. At margin 10 a made
    row 4 nats away costs the encoder ``alpha * 6``, one 12 away nothing. The margin must exceed the divergence of real
    rows, or the encoder has no room.

    The hinge is per row, as in the paper's energies; the authors' program takes it of the mean of the batch, for which
    pass means as a batch of one row. Its margin is 100 by default, for codes of 512 numbers; for faces of 256 by 256
    pixels they took 120 beside ``beta=0.05`` and ``alpha=0.25``, 0.5 for the generator. The defaults here suit codes of
    some ten numbers.

    Args:
        reconstruction: Error of the restored rows, ``(N,)``, summed over the pixels of a row.
        real: Divergence of the codes of real rows, ``(N,)``, from :func:`gaussian_kl`. Not used by the generator.
        made: Divergence of the codes of made rows, ``(N, S)``: one column per source, restored and invented.
        player: Whose loss: ``"encoder"`` or ``"generator"``.
        margin: How far, in nats, the encoder wants made rows to be from the prior, at least 0.
        alpha: Weight of the made rows, at least 0. A 0-d tensor may carry a gradient.
        beta: Weight of the reconstruction, at least 0. A 0-d tensor may carry a gradient.
        sample_weight: One weight per row, ``(N,)``. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss in nats: a scalar, or ``(N,)`` under ``reduction="none"``.

    Raises:
        TypeError: If an argument is not floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> error, real, made = torch.tensor([5.0]), torch.tensor([2.0]), torch.tensor([[4.0, 12.0]])
        >>> introvae_loss(error, real, made)  # 2 + 0.5 * (6 + 0) + 5
        tensor(10.)
        >>> introvae_loss(error, real, made, player="generator")  # 0.5 * (4 + 12) + 5
        tensor(13.)

    References:
        Huang, Li, He, Sun, Tan, *IntroVAE: Introspective Variational Autoencoders for Photographic Image Synthesis*,
        NeurIPS 2018. https://arxiv.org/abs/1807.06358

        Daniel, Tamar, *Soft-IntroVAE: Analyzing and Improving the Introspective Variational Autoencoder*, CVPR 2021
        (why the hinge is hard to train). https://arxiv.org/abs/2012.13253
    """
    check_options("introvae_loss", player=player, margin=margin, alpha=alpha, beta=beta, reduction=reduction)
    check_floating("made", made)
    if made.dim() != 2:
        raise ValueError(
            f"`made` must have shape (N, S), one column per source of made rows, got {tuple(made.shape)}. "
            "Did you mean `torch.stack([restored, invented], dim=1)`?"
        )
    rows = made.shape[0]
    check_per_row("reconstruction", reconstruction, rows)
    check_per_row("real", real, rows)
    away = upcast(made)
    loss = beta * upcast(reconstruction)
    if player == "encoder":
        loss = loss + upcast(real) + alpha * (margin - away).clamp_min(0.0).sum(dim=1)
    else:
        loss = loss + alpha * away.sum(dim=1)
    return reduce_rows(loss, sample_weight, reduction)


class IntroVAELoss(Twin, of=introvae_loss): ...
