"""Gaussian negative log-likelihood: a mean and its uncertainty, from one model."""

import math

from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction, check_floating
from companion._margin import upcast
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._twin import Twin
from companion.losses.regression._residual import capped_exp, check_real


def gaussian_nll_loss(
    mean: Float[Tensor, "*shape"],
    log_var: Float[Tensor, "*shape"],
    target: Shaped[Tensor, "*shape"],
    *,
    beta: float = 0.0,
    full: bool = False,
    sample_weight: Float[Tensor, "..."] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Fits a mean and how far off it may be, so that noisy cases weigh less.

    With s = ``log_var``, the logarithm of the variance, and the residual r = ``mean`` - ``target``,

    .. math:: \ell = \lfloor e^{\beta s} \rfloor \cdot \tfrac12 \left( r^2 e^{-s} + s \right) ,

    where :math:`\lfloor \cdot \rfloor` gets no gradient. At s = 0 a residual of 2 costs 2; the best s for it is log 4,
    where it costs 1.193. With ``beta=0`` the gradient of the mean is :math:`r e^{-s}`: cases that fit badly at first
    get a large variance and are then hardly heard. ``beta=1`` pulls the mean as half the squared error does; the
    authors advise 0.5. For ``beta`` above 0 the value is no likelihood and only its gradient has a meaning. With
    ``beta=0`` the loss has no lower bound: a case fitted exactly drives s to minus infinity. Where -s or ``beta`` s
    passes 40, the exponential continues as its tangent. torch's own takes the variance itself, and takes it last: at
    its clamp, 1e-6, the slope for a residual of 1 is -5e11; by the logarithm of that variance it is -5e5.

    Args:
        mean: Predicted means, any shape, in the unit of ``target``.
        log_var: Logarithms of the predicted variances, in the shape of ``mean``.
        target: What was observed, in the shape of ``mean``.
        beta: How much of the variance is taken out of the weight of a case, from 0 to 1.
        full: Whether to add log(2 pi) / 2, to make the loss a negative log-likelihood.
        sample_weight: One weight per element, the shape of ``mean`` or its leading axes. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss: a scalar, or the shape of ``mean`` under ``reduction="none"``.

    Raises:
        TypeError: If a tensor is not of real numbers, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> mean, target = torch.tensor([2.0, 2.0]), torch.zeros(2)
        >>> log_var = torch.tensor([1.0, 4.0]).log()
        >>> gaussian_nll_loss(mean, log_var, target, reduction="none")
        tensor([2.0000, 1.1931])

    References:
        Kendall, Gal, *What Uncertainties Do We Need in Bayesian Deep Learning for Computer Vision?*, NeurIPS 2017.
        https://arxiv.org/abs/1703.04977

        Seitzer, Tavakoli, Antic, Martius, *On the Pitfalls of Heteroscedastic Uncertainty Estimation with Probabilistic
        Neural Networks*, ICLR 2022. https://arxiv.org/abs/2203.09168
    """
    check_options("gaussian_nll_loss", beta=beta, full=full, reduction=reduction)
    _check(mean, log_var, target)
    x = upcast(mean)
    s, r = log_var.to(x.dtype), x - target.to(x.dtype)
    loss = 0.5 * (capped_exp(-s) * r * r + s)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    if beta > 0:
        loss = loss * capped_exp(beta * s).detach()
    return reduce_rows(loss, sample_weight, reduction)


def _check(mean: Tensor, log_var: Tensor, target: Tensor) -> None:
    check_floating("mean", mean)
    check_floating("log_var", log_var)
    check_real("target", target)
    for name, value in (("log_var", log_var), ("target", target)):
        if value.shape != mean.shape:
            raise ValueError(
                f"`{name}` must have the shape of `mean`, {tuple(mean.shape)}, got {tuple(value.shape)}. "
                "Nothing is broadcast."
            )


class GaussianNLLLoss(Twin, of=gaussian_nll_loss): ...
