"""Poisson negative log-likelihood: counts, from the logarithm of their rate."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._twin import Twin
from companion.losses.regression._residual import capped_exp, pair


def poisson_nll_loss(
    input: Float[Tensor, "*shape"],
    target: Shaped[Tensor, "*shape"],
    *,
    full: bool = False,
    sample_weight: Float[Tensor, "..."] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Fits the rate of a count, predicting its logarithm.

    With z = ``input``, the logarithm of the rate, and the count y = ``target``,

    .. math:: \ell = e^z - y z \quad (+ \log y! \text{ with } \texttt{full}) .

    The gradient is the predicted count less the observed one, :math:`e^z - y`, so a surplus of 10 pulls as hard at a
    rate of 20 as at one of 2000. At z = log 3 a count of 3 costs 3 - 3 log 3 = -0.296, its least. The model says that
    the variance is the mean; counts that scatter more still give the right mean, with too much confidence. Beyond z =
    40 the exponential continues as its tangent. An outlier pulls with its whole size: the loss is not robust. With
    ``full``, large terms cancel: at counts of 10,000 float32 is right to about 0.01.

    Args:
        input: Logarithms of the rate, any shape.
        target: Counts, at least 0, in the shape of ``input``; fractions are allowed.
        full: Whether to add log y!, which depends on the data alone and makes the loss a negative log-likelihood.
        sample_weight: One weight per element, the shape of ``input`` or its leading axes. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss: a scalar, or the shape of ``input`` under ``reduction="none"``.

    Raises:
        TypeError: If a tensor is not of real numbers, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> log_rate, count = torch.tensor([3.0, 3.0]).log(), torch.tensor([3, 0])
        >>> poisson_nll_loss(log_rate, count, reduction="none")
        tensor([-0.2958,  3.0000])
        >>> poisson_nll_loss(log_rate, count, full=True, reduction="none")  # the probabilities are 0.2240 and 0.0498
        tensor([1.4959, 3.0000])

    References:
        Nelder, Wedderburn, *Generalized Linear Models*, Journal of the Royal Statistical Society A 135, 1972.
        https://doi.org/10.2307/2344614
    """
    check_options("poisson_nll_loss", full=full, reduction=reduction)
    z, y = pair(input, target)
    loss = capped_exp(z) - y * z
    if full:
        loss = loss + torch.lgamma(y + 1)
    return reduce_rows(loss, sample_weight, reduction)


class PoissonNLLLoss(Twin, of=poisson_nll_loss): ...
