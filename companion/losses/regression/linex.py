"""LINEX loss: exponential on one side, linear on the other."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._exp import exp_excess
from companion._options import check_options
from companion._twin import Twin
from companion.losses.regression._residual import CAP, residual_loss


def _capped_excess(u: Tensor) -> Tensor:
    """exp(u) - 1 - u, from CAP on its tangent."""
    return exp_excess(u.clamp_max(CAP)) + math.expm1(CAP) * F.relu(u - CAP)


def linex_loss(
    input: Float[Tensor, "*shape"],
    target: Shaped[Tensor, "*shape"],
    *,
    a: float = 1.0,
    sample_weight: Float[Tensor, "..."] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Charges one direction of error exponentially and the other in proportion.

    With the residual :math:`r` = ``input`` - ``target``,

    .. math:: \ell = e^{a r} - a r - 1 .

    With ``a`` above 0 it is too high a prediction that is dear, with ``a`` below 0 too low a one: at ``a=1`` a residual
    of 3 costs 16.1 and one of -3 costs 2.05. Near 0 the loss is :math:`a^2 r^2 / 2`. The best prediction is
    :math:`-\log E \, e^{-a y} / a`; for Gaussian targets of standard deviation s the mean less :math:`a s^2 / 2`. Where
    :math:`a r > 40` the exponential continues as its tangent, so that the loss stays finite; there a single outlier
    decides the whole batch all the same, and its influence has no bound.

    Args:
        input: Predictions, any shape, in the unit of ``target``.
        target: What was observed, in the shape of ``input``.
        a: Steepness, per unit of ``target``; not 0. Its sign says which direction is dear.
        sample_weight: One weight per element, the shape of ``input`` or its leading axes. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss: a scalar, or the shape of ``input`` under ``reduction="none"``.

    Raises:
        TypeError: If a tensor is not of real numbers, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> input, target = torch.tensor([3.0, -3.0, 1e-4]), torch.zeros(3)
        >>> linex_loss(input, target, reduction="none")
        tensor([1.6086e+01, 2.0498e+00, 5.0002e-09])

    References:
        Zellner, *Bayesian Estimation and Prediction Using Asymmetric Loss Functions*, Journal of the American
        Statistical Association 81, 1986, after a proposal of Varian, 1975.
        https://doi.org/10.1080/01621459.1986.10478289
    """
    check_options("linex_loss", a=a, reduction=reduction)
    return residual_loss(
        lambda r: _capped_excess(a * r),
        input,
        target,
        slope=lambda r: a * torch.expm1((a * r).clamp_max(CAP)),
        sample_weight=sample_weight,
        reduction=reduction,
    )


class LinexLoss(Twin, of=linex_loss): ...
