"""Geman-McClure loss: a bounded price, reached slowly."""

import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._options import check_options
from companion._twin import Twin
from companion.losses.regression._residual import residual_loss


def geman_mcclure_loss(
    input: Float[Tensor, "*shape"],
    target: Shaped[Tensor, "*shape"],
    *,
    c: float = 3.787,
    sample_weight: Float[Tensor, "..."] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Puts a ceiling on the price of an outlier, and lets its pull fade with the cube of the distance.

    With the residual :math:`r` = ``input`` - ``target``,

    .. math:: \ell = \frac{1}{2} \, \frac{r^2}{1 + r^2 / c^2} .

    About :math:`r^2 / 2` near 0 and never above :math:`c^2 / 2`. (Papers differ in the factor and in what they call c.)
    The pull :math:`r / (1 + r^2 / c^2)^2` is strongest at 0.577 ``c``, with 0.325 ``c``, and falls off like :math:`c^4
    / r^3`: by default a residual of 100 pulls with 0.0002, so a model that starts far away hardly learns. Not convex.
    ``c`` is in the unit of ``target``: the default loses 5 % of the efficiency of the mean under Gaussian noise of
    standard deviation 1.

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
        >>> input, target = torch.tensor([1.0, 3.0]), torch.zeros(2)
        >>> geman_mcclure_loss(input, target, c=1.0, reduction="none")
        tensor([0.2500, 0.4500])

    References:
        Black, Rangarajan, *On the Unification of Line Processes, Outlier Rejection, and Robust Statistics with
        Applications in Early Vision*, International Journal of Computer Vision 19, 1996.
        https://doi.org/10.1007/BF00131148

        Barron, *A General and Adaptive Robust Loss Function*, CVPR 2019. https://arxiv.org/abs/1701.03077
    """
    check_options("geman_mcclure_loss", c=c, reduction=reduction)

    def f(r: Tensor) -> Tensor:
        v = r * r / (c * c)
        # Far out the slope of v / (1 + v) is a difference of equals, near 0 the value of 1 - 1 / (1 + v) is: so in two
        # parts, of which the second is exactly 0 up to the seam.
        near, beyond = v.clamp_max(1), F.relu(v - 1)
        return 0.5 * c * c * (near / (1 + near) + (0.5 - 1 / (2 + beyond)))

    def slope(r: Tensor) -> Tensor:
        v = 1 + r * r / (c * c)
        return r / (v * v)

    return residual_loss(f, input, target, slope=slope, sample_weight=sample_weight, reduction=reduction)


class GemanMcClureLoss(Twin, of=geman_mcclure_loss): ...
