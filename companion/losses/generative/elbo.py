"""The negative evidence lower bound: reconstruction plus what the code says beyond the prior."""

import torch
from jaxtyping import Float
from torch import Tensor

from companion._checks import Reduction, check_sample_weight
from companion._margin import upcast
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._twin import Twin
from companion.losses.generative._latents import kl_of_latents
from companion.losses.generative._rows import check_per_row


def elbo_loss(
    reconstruction: Float[Tensor, " batch"],
    mean: Float[Tensor, "batch *latent"],
    log_var: Float[Tensor, "batch *latent"],
    *,
    beta: float | Tensor = 1.0,
    free_bits: float = 0.0,
    sample_weight: Float[Tensor, " batch"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Trains a variational autoencoder: rows must be restored from codes that stay near the prior.

    With :math:`R_i` minus the log-likelihood of row :math:`i` and :math:`D_{ij}` the divergence of its latent
    :math:`j`, as in :func:`gaussian_kl`,

    .. math:: \ell_i = R_i + \beta \sum_j D_{ij} .

    **Sums over pixels and latents, a mean over rows.** ``reconstruction`` must be summed over the pixels of a row: a
    mean over 784 pixels beside a sum over latents is the same as ``beta=784``, and the model ignores its code. For
    squared errors :math:`R_i` is half their sum over the pixels divided by the variance of the noise; the unit of the
    pixels thus acts like ``beta``. ``beta=1`` bounds the likelihood; a larger one wants plainer codes.

    With ``free_bits`` :math:`= \lambda` a latent whose mean divergence over the batch is below :math:`\lambda` costs
    :math:`\lambda` and gets no gradient: it may say that much for nothing, so that it does not fall silent early.

    Args:
        reconstruction: Minus the log-likelihood of each row, ``(N,)``, summed over its pixels.
        mean: Means of the codes, ``(N, *)``.
        log_var: Logarithms of the variances of the codes, in the shape of ``mean``. Linear beyond 20.
        beta: Weight of the divergence, at least 0. A 0-d tensor may carry a gradient.
        free_bits: Divergence of a latent that is not charged for, in nats whatever its name, at least 0. The mean over
            the batch is weighed by ``sample_weight``.
        sample_weight: One weight per row, ``(N,)``. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss in nats: a scalar, or ``(N,)`` under ``reduction="none"``.

    Raises:
        TypeError: If an argument is not floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> error = torch.tensor([3.0, 4.0])  # summed over pixels, one per row
        >>> mean, log_var = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.zeros(2, 2)
        >>> elbo_loss(error, mean, log_var, reduction="none")
        tensor([3.5000, 6.0000])
        >>> elbo_loss(error, mean, log_var, beta=4.0)
        tensor(8.5000)

    References:
        Kingma, Welling, *Auto-Encoding Variational Bayes*, ICLR 2014. https://arxiv.org/abs/1312.6114

        Higgins et al., *beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework*, ICLR 2017.
        https://openreview.net/forum?id=Sy2fzU9gl

        Kingma, Salimans, Jozefowicz, Chen, Sutskever, Welling, *Improving Variational Inference with Inverse
        Autoregressive Flow*, NeurIPS 2016 (free bits). https://arxiv.org/abs/1606.04934
    """
    check_options("elbo_loss", beta=beta, free_bits=free_bits, reduction=reduction)
    kl = kl_of_latents(mean, log_var)
    check_per_row("reconstruction", reconstruction, kl.shape[0])
    check_sample_weight(sample_weight, (kl.shape[0],))
    if free_bits > 0:
        typical = _mean_over_rows(kl.detach(), sample_weight)
        kl = torch.where(typical < free_bits, free_bits, kl)
    return reduce_rows(upcast(reconstruction) + beta * kl.sum(dim=1), sample_weight, reduction)


def _mean_over_rows(kl: Tensor, sample_weight: Tensor | None) -> Tensor:
    """(N, L) to (L,)."""
    if sample_weight is None:
        return kl.sum(dim=0) / max(kl.shape[0], 1)
    weight = sample_weight.expand(kl.shape[0]).to(kl.dtype)
    return (weight.unsqueeze(1) * kl).sum(dim=0) / weight.sum().clamp_min(torch.finfo(kl.dtype).tiny)


class ELBOLoss(Twin, of=elbo_loss): ...
