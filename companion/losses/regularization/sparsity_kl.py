"""Sparsity by divergence: every unit is to be active as often as a small rate says."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from companion._checks import check_floating
from companion._exp import exp_excess
from companion._margin import upcast
from companion._options import check_options


def sparsity_kl(logits: Float[Tensor, "batch units"], *, rho: float = 0.05) -> Float[Tensor, ""]:
    r"""Keeps each hidden unit silent most of the time, without saying for which rows it may speak.

    With :math:`\hat\rho_j` the mean over the rows of the activation :math:`\sigma(z_{ij})` of unit :math:`j`,

    .. math:: \Omega = \sum_j \rho \log \frac{\rho}{\hat\rho_j} + (1 - \rho) \log \frac{1 - \rho}{1 - \hat\rho_j} .

    It takes the logits :math:`z`, before the sigmoid: so it is finite, with a slope that does not vanish, for units
    that are always or never active, where the formula on activations is infinite. A unit with the mean ``rho`` costs
    nothing; at ``rho=0.05`` one with the mean 0.5 costs 0.495. A sum over the units, not a mean: the strength that
    suits it depends on the number of units. The mean over the rows is inside the divergence, so a batch and the mean of
    its halves differ, and a small batch makes it noisy.

    Args:
        logits: Logits of the hidden units, ``(N, units)``, one row per example.
        rho: The mean activation wanted of every unit, above 0 and below 1.

    Returns:
        The divergence in nats, a scalar; 0 for a batch without rows.

    Raises:
        TypeError: If ``logits`` is not floating point, or ``rho`` is no number.
        ValueError: If ``logits`` has not two axes or ``rho`` is out of range.

    Example:
        >>> import torch
        >>> logits = torch.zeros(4, 3)  # three units, active half of the time
        >>> sparsity_kl(logits)
        tensor(1.4839)

    References:
        Ng, *Sparse Autoencoder*, CS294A lecture notes, Stanford University, 2011.
        https://web.stanford.edu/class/cs294a/sparseAutoencoder.pdf
    """
    check_options("sparsity_kl", rho=rho)
    check_floating("logits", logits)
    if logits.dim() != 2:
        raise ValueError(
            f"`logits` must have shape (N, units), one row per example, got {tuple(logits.shape)}."
            + (" Did you mean `logits.flatten(1)`?" if logits.dim() > 2 else "")
        )
    z = upcast(logits)
    if z.shape[0] == 0:
        return z.sum()
    # Logs of mean / rho and (1 - mean) / (1 - rho): rho e^a + (1 - rho) e^b = 1, so that the divergence
    # -rho a - (1 - rho) b is this sum of two terms that are never negative, and nothing cancels near rho.
    a = _log_mean_exp(F.logsigmoid(z)) - math.log(rho)
    b = _log_mean_exp(F.logsigmoid(-z)) - math.log1p(-rho)
    return (rho * exp_excess(a) + (1 - rho) * exp_excess(b)).sum()


def _log_mean_exp(x: Tensor) -> Tensor:
    """Down the rows; with a slope that is a ratio of sums, where that of logsumexp has the rounding of its result."""
    top = x.detach().amax(dim=0).clamp_min(torch.finfo(x.dtype).min)
    return top + (x - top).exp().mean(dim=0).log()
