"""Welsch loss (Leclerc, correntropy): outliers are forgotten at the speed of a Gaussian."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._exp import one_minus_exp
from companion._options import check_options
from companion._twin import Twin
from companion.losses.regression._residual import residual_loss


def welsch_loss(
    input: Float[Tensor, "*shape"],
    target: Shaped[Tensor, "*shape"],
    *,
    c: float = 2.985,
    sample_weight: Float[Tensor, "..."] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Puts a ceiling on the price of an outlier, and forgets it at the speed of a Gaussian.

    With the residual :math:`r` = ``input`` - ``target``,

    .. math:: \ell = \frac{c^2}{2} \left( 1 - e^{-r^2 / c^2} \right) .

    About :math:`r^2 / 2` near 0 and never above :math:`c^2 / 2`. The pull :math:`r \, e^{-r^2 / c^2}` is strongest at
    0.707 ``c``, with 0.429 ``c``; by default a residual of 10 pulls with 0.0001, and from 31 on the pull is 0 in
    float32: a model whose residuals all start there does not learn at all. Not convex: start from a fit by
    :func:`huber_loss`. ``c`` is in the unit of ``target``: the default loses 5 % of the efficiency of the mean under
    Gaussian noise of standard deviation 1. Its other names are Leclerc's loss and the correntropy loss.

    Args:
        input: Predictions, any shape, in the unit of ``target``.
        target: What was observed, in the shape of ``input``.
        c: Scale, in the unit of ``target``, above 0.
        sample_weight: One weight per element, the shape of ``input`` or its leading axes. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss: a scalar, or the shape of ``input`` under ``reduction="none"``.

    Raises:
        TypeError: If a tensor is not of real numbers, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> input, target = torch.tensor([1.0, 100.0]), torch.zeros(2)
        >>> welsch_loss(input, target, c=1.0, reduction="none")
        tensor([0.3161, 0.5000])

    References:
        Dennis, Welsch, *Techniques for Nonlinear Least Squares and Robust Regression*, Communications in Statistics:
        Simulation and Computation 7, 1978. https://doi.org/10.1080/03610917808812083

        Barron, *A General and Adaptive Robust Loss Function*, CVPR 2019. https://arxiv.org/abs/1701.03077
    """
    check_options("welsch_loss", c=c, reduction=reduction)

    def f(r: Tensor) -> Tensor:
        return 0.5 * c * c * one_minus_exp(r * r / (c * c))

    def slope(r: Tensor) -> Tensor:
        return r * torch.exp(-r * r / (c * c))

    return residual_loss(f, input, target, slope=slope, sample_weight=sample_weight, reduction=reduction)


class WelschLoss(Twin, of=welsch_loss): ...
