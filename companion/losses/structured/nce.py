"""Noise-contrastive estimation: a model of a density learns by telling data from noise."""

import math

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from companion._checks import Reduction, check_floating
from companion._margin import upcast
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._twin import Twin
from companion.losses.structured._pieces import check_pair, check_per_row


def nce_loss(
    data_log_density: Float[Tensor, " batch"],
    data_log_noise: Float[Tensor, " batch"],
    noise_log_density: Float[Tensor, "batch noise"],
    noise_log_noise: Float[Tensor, "batch noise"],
    *,
    sample_weight: Float[Tensor, " batch"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Learns an unnormalised density, its constant included, by telling each example from k draws of known noise.

    .. math:: \ell = -\log \sigma\bigl(g(x)\bigr) - \sum_{j=1}^k \log \bigl(1 - \sigma(g(u_j))\bigr) ,
       \qquad g(u) = \log p(u) - \log \bigl(k \, p_n(u)\bigr) ,

    the logistic loss of data against noise, which come 1 to k. At its minimum p is the density of the data and sums to
    1, though nothing forces it to: its constant may be one more parameter. The nearer the noise is to the data, and the
    larger k, the less data it wants. Where model and noise agree and k = 1, g is 0 and the loss 2 log 2 = 1.386; a loss
    of 0 means that the noise is too easy to tell, and teaches nothing.

    Args:
        data_log_density: log p of the model at each example, ``(N,)``, or minus its energy.
        data_log_noise: log of the noise's density there, ``(N,)``.
        noise_log_density: log p of the model at the noise drawn for each example, ``(N, k)``.
        noise_log_noise: log of the noise's density there, ``(N, k)``.
        sample_weight: One weight per example, ``(N,)``. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss in nats per example: a scalar, or ``(N,)`` under ``reduction="none"``.

    Raises:
        TypeError: If a log density is not floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> log_p, log_noise = torch.zeros(1), torch.zeros(1)
        >>> nce_loss(log_p, log_noise, torch.zeros(1, 3), torch.zeros(1, 3))  # log 4 + 3 log(4 / 3)
        tensor(2.2493)

    References:
        Gutmann, Hyvärinen, *Noise-Contrastive Estimation of Unnormalized Statistical Models, with Applications to
        Natural Image Statistics*, Journal of Machine Learning Research 13, 2012, section 2.
        https://www.jmlr.org/papers/v13/gutmann12a.html
    """
    check_options("nce_loss", reduction=reduction)
    for name, value, other, to in (
        ("data_log_density", data_log_density, "data_log_noise", data_log_noise),
        ("noise_log_density", noise_log_density, "noise_log_noise", noise_log_noise),
    ):
        check_floating(name, value)
        check_pair(name, value, other, to)
    check_per_row("data_log_density", data_log_density)
    rows = data_log_density.shape[0]
    if noise_log_density.dim() != 2 or noise_log_density.shape[0] != rows or noise_log_density.shape[1] < 1:
        raise ValueError(
            f"`noise_log_density` must have shape ({rows}, k), k >= 1 draws of noise for each example, "
            f"got {tuple(noise_log_density.shape)}. Draws for all at once may be stretched: `.expand({rows}, -1)`."
        )
    odds = math.log(noise_log_density.shape[1])
    data = upcast(data_log_density) - upcast(data_log_noise) - odds
    noise = upcast(noise_log_density) - upcast(noise_log_noise) - odds
    return reduce_rows(-F.logsigmoid(data) - F.logsigmoid(-noise).sum(dim=1), sample_weight, reduction)


class NCELoss(Twin, of=nce_loss): ...
