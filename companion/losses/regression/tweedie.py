"""Tweedie loss: sums that are often exactly 0 and otherwise positive."""

from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._twin import Twin
from companion.losses.regression._residual import capped_exp, pair


def tweedie_loss(
    input: Float[Tensor, "*shape"],
    target: Shaped[Tensor, "*shape"],
    *,
    power: float = 1.5,
    sample_weight: Float[Tensor, "..."] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Fits the mean of amounts that are often exactly 0 and otherwise positive, such as claims, rain or sales.

    With z = ``input``, the logarithm of the mean, y = ``target`` and p = ``power``,

    .. math:: \ell = \frac{e^{(2 - p) z}}{2 - p} + y \, \frac{e^{-(p - 1) z}}{p - 1} .

    It is the negative log-likelihood of a Poisson number of gamma-distributed amounts, with variance proportional to
    :math:`\mu^p`, without the terms that depend on the data alone: half the deviance plus :math:`y^{2 - p} / ((p - 1)(2
    - p))`. The gradient is :math:`(\mu - y) \, \mu^{1 - p}`: the nearer p comes to 2, the more it is relative errors
    that count. At ``power=1.5`` a mean of 4 costs 4 for an amount of 0 and 8 for one of 4. Where an exponent passes 40
    its exponential continues as its tangent.

    Args:
        input: Logarithms of the mean, any shape.
        target: Amounts, at least 0, in the shape of ``input``.
        power: p, between 1 (Poisson) and 2 (gamma), both excluded.
        sample_weight: One weight per element, the shape of ``input`` or its leading axes. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss: a scalar, or the shape of ``input`` under ``reduction="none"``.

    Raises:
        TypeError: If a tensor is not of real numbers, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> log_mean, amount = torch.tensor([4.0, 4.0]).log(), torch.tensor([0.0, 4.0])
        >>> tweedie_loss(log_mean, amount, reduction="none")
        tensor([4., 8.])

    References:
        Yang, Qian, Zou, *Insurance Premium Prediction via Gradient Tree-Boosted Tweedie Compound Poisson Models*,
        Journal of Business & Economic Statistics 36, 2018. https://arxiv.org/abs/1508.06378
    """
    check_options("tweedie_loss", power=power, reduction=reduction)
    z, y = pair(input, target)
    to_two, from_one = 2 - power, power - 1
    loss = capped_exp(to_two * z) / to_two + y * capped_exp(-from_one * z) / from_one
    return reduce_rows(loss, sample_weight, reduction)


class TweedieLoss(Twin, of=tweedie_loss): ...
