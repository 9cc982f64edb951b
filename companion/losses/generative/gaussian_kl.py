"""Divergence of a Gaussian code from the standard normal prior."""

from jaxtyping import Float
from torch import Tensor

from companion.losses.generative._latents import kl_of_latents


def gaussian_kl(
    mean: Float[Tensor, "batch *latent"], log_var: Float[Tensor, "batch *latent"]
) -> Float[Tensor, " batch"]:
    r"""How far the code of each row is from the prior, in nats: what a variational autoencoder pays to say something.

    For a normal distribution with independent components, against the standard normal one,

    .. math:: D = \frac{1}{2} \sum_j \mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2 , \qquad \log \sigma_j^2 = s_j .

    It is 0 for the prior itself and 0.5 for each mean that is one standard deviation away. Beyond
    :math:`s = 20`, a standard deviation of 22026, the exponential goes on linearly, so that value and slope stay
    finite. A sum over the latents and no mean over anything.

    Args:
        mean: Means of the codes, ``(N, *)``.
        log_var: Logarithms of the variances, in the shape of ``mean``: not of the standard deviations.

    Returns:
        The divergence in nats, ``(N,)``.

    Raises:
        TypeError: If ``mean`` or ``log_var`` is not floating point.
        ValueError: If the shapes disagree or there is no latent axis.

    Example:
        >>> import torch
        >>> mean, log_var = torch.tensor([[0.0, 0.0], [1.0, 2.0]]), torch.zeros(2, 2)
        >>> gaussian_kl(mean, log_var)
        tensor([0.0000, 2.5000])

    References:
        Kingma, Welling, *Auto-Encoding Variational Bayes*, ICLR 2014, appendix B. https://arxiv.org/abs/1312.6114
    """
    return kl_of_latents(mean, log_var).sum(dim=1)
