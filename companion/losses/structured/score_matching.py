"""Denoising score matching: the slope of a log density, learned without its constant and without samples."""

import torch
from jaxtyping import Float
from torch import Tensor

from companion._checks import Reduction, check_floating
from companion._margin import upcast
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._twin import Twin
from companion.losses.structured._pieces import check_pair


def score_matching_loss(
    score: Float[Tensor, "batch *features"],
    noise: Float[Tensor, "batch *features"],
    sigma: float | Float[Tensor, ""] | Float[Tensor, " batch"],
    *,
    sample_weight: Float[Tensor, " batch"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Denoising score matching: teaches a model the slope of the log density, from examples with noise added.

    .. math:: \ell = \tfrac12 \bigl\| \sigma \, s(x + \sigma z) + z \bigr\|^2 , \qquad z \sim N(0, I) .

    The best guess of -z from the noisy example alone is :math:`\sigma \nabla \log p_\sigma`, with :math:`p_\sigma` the
    density of the data blurred by the noise. So s learns :math:`\nabla \log p_\sigma`, and for a small sigma nearly
    that of the data; the constant of the density drops out. The factor :math:`\sigma^2` of the squared error lets
    losses of several sigmas be averaged. It does not fall to 0: a model that says 0 costs half a unit per feature on
    average. With sigma = 0.5, z = 1 and a score of -3 it is (0.5 * -3 + 1)^2 / 2 = 0.125.

    For an energy the score is minus its slope, which must keep its graph:
    ``score = -torch.autograd.grad(energy(noisy).sum(), noisy, create_graph=True)[0]``.

    Args:
        score: What the model says at ``x + sigma * noise``, ``(N, *)``.
        noise: The standard normal noise z that was added, ``(N, *)``.
        sigma: Size of the noise in units of the data, above 0: a number, or one per row, ``(N,)``.
        sample_weight: One weight per row, ``(N,)``. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss, added up over features: a scalar, or ``(N,)`` under ``reduction="none"``.

    Raises:
        TypeError: If an argument is not floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> score_matching_loss(torch.tensor([[-3.0]]), torch.tensor([[1.0]]), 0.5)
        tensor(0.1250)

    References:
        Vincent, *A Connection Between Score Matching and Denoising Autoencoders*, Neural Computation 23(7), 2011,
        section 4. https://doi.org/10.1162/NECO_a_00142

        Song, Ermon, *Generative Modeling by Estimating Gradients of the Data Distribution*, NeurIPS 2019, equations (5)
        and (6). https://arxiv.org/abs/1907.05600
    """
    check_options("score_matching_loss", reduction=reduction)
    check_floating("score", score)
    if score.dim() == 0:
        raise ValueError("`score` must have shape (N, *), one row per example, got ().")
    check_pair("score", score, "noise", noise)
    if isinstance(sigma, int | float):
        check_options("score_matching_loss", sigma=sigma)
    else:
        check_floating("sigma", sigma)
        if sigma.shape not in ((), score.shape[:1]):
            raise ValueError(
                f"`sigma` must be a number or have shape {tuple(score.shape[:1])}, one per row of `score`, "
                f"got {tuple(sigma.shape)}."
            )
    x = upcast(score)
    scale = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).reshape(-1, *[1] * (x.dim() - 1))
    missed = (scale * x + upcast(noise)).unsqueeze(-1).flatten(1)
    return reduce_rows(missed.square().sum(dim=1) / 2, sample_weight, reduction)


class ScoreMatchingLoss(Twin, of=score_matching_loss): ...
