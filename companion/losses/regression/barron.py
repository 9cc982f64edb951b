"""Barron's general robust loss: squared error, Cauchy, Geman-McClure, Welsch and all between, by one number."""

from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._options import check_options
from companion._twin import Twin
from companion.losses.regression._barron import pull, rho
from companion.losses.regression._residual import residual_loss


def barron_loss(
    input: Float[Tensor, "*shape"],
    target: Shaped[Tensor, "*shape"],
    *,
    alpha: float | Tensor = 1.0,
    c: float = 1.0,
    sample_weight: Float[Tensor, "..."] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Gives outliers as much to say as one number, ``alpha``, decides.

    With the residual :math:`r` = ``input`` - ``target`` and :math:`t = r / c`,

    .. math:: \ell = \frac{|\alpha - 2|}{\alpha}
       \left[ \left( \frac{t^2}{|\alpha - 2|} + 1 \right)^{\alpha / 2} - 1 \right] .

    Its limits are exact: ``alpha=2`` is :math:`t^2 / 2`, ``alpha=1`` :math:`\sqrt{t^2 + 1} - 1`, ``alpha=0``
    :math:`\log (1 + t^2 / 2)`, ``alpha=-2`` :math:`2 t^2 / (t^2 + 4)`, ``alpha=-inf`` :math:`1 - e^{-t^2 / 2}`. All are
    :math:`t^2 / 2` near 0. At t = 10 they cost 50, 9.05, 3.93, 1.92 and 1 and pull with 10, 0.995, 0.196, 0.0148 and
    2e-21. From ``alpha=1`` on the loss is convex; below, the pull comes back to 0 far out, and the lower ``alpha``, the
    less a model learns that starts there.

    A learned ``alpha`` with this loss alone runs off to minus infinity, because lower is always cheaper: learn it with
    :class:`AdaptiveBarronLoss`. At exactly 2 the derivative by ``alpha`` is infinite and is given as 0.

    Args:
        input: Predictions, any shape, in the unit of ``target``.
        target: What was observed, in the shape of ``input``.
        alpha: Shape, at most 2; ``-math.inf`` is allowed. A 0-d tensor may carry a gradient.
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
        >>> input, target = torch.tensor([1e-3, 1.0, 10.0]), torch.zeros(3)
        >>> barron_loss(input, target, alpha=0.0, reduction="none")
        tensor([5.0000e-07, 4.0547e-01, 3.9318e+00])

    References:
        Barron, *A General and Adaptive Robust Loss Function*, CVPR 2019. https://arxiv.org/abs/1701.03077
    """
    check_options("barron_loss", alpha=alpha, c=c, reduction=reduction)
    return residual_loss(
        lambda r: rho(r / c, alpha),
        input,
        target,
        slope=None if isinstance(alpha, Tensor) else lambda r: pull(r / c, alpha) / c,
        sample_weight=sample_weight,
        reduction=reduction,
    )


class BarronLoss(Twin, of=barron_loss): ...
