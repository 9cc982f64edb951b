"""Charbonnier loss: absolute error made smooth by a hyperbola."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._options import check_options
from companion._twin import Twin
from companion.losses.regression._residual import residual_loss


def charbonnier_loss(
    input: Float[Tensor, "*shape"],
    target: Shaped[Tensor, "*shape"],
    *,
    eps: float = 1e-3,
    sample_weight: Float[Tensor, "..."] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Counts errors by their size, on a hyperbola that is smooth at 0.

    With the residual :math:`r` = ``input`` - ``target``,

    .. math:: \ell = \sqrt{r^2 + \varepsilon^2} - \varepsilon .

    The slope :math:`r / \sqrt{r^2 + \varepsilon^2}` is never above 1 and is 0.707 at ``eps``. The best constant lies
    within about ``eps`` of the median: of six values at 0 and four far above it is 0.894 ``eps``. The curvature at 0 is
    1 / ``eps``, 1000 by default, so a small ``eps`` wants a small learning rate near the end. Times ``eps`` it is the
    pseudo-Huber loss with ``delta=eps``.

    Args:
        input: Predictions, any shape, in the unit of ``target``.
        target: What was observed, in the shape of ``input``.
        eps: Half-width of the rounded corner, in the unit of ``target``, above 0.
        sample_weight: One weight per element, the shape of ``input`` or its leading axes. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss: a scalar, or the shape of ``input`` under ``reduction="none"``.

    Raises:
        TypeError: If a tensor is not of real numbers, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> input, target = torch.tensor([0.0, 1e-3, 3.0]), torch.zeros(3)
        >>> charbonnier_loss(input, target, reduction="none")
        tensor([0.0000e+00, 4.1421e-04, 2.9990e+00])

    References:
        Charbonnier, Blanc-Féraud, Aubert, Barlaud, *Two Deterministic Half-Quadratic Regularization Algorithms for
        Computed Imaging*, ICIP 1994. https://doi.org/10.1109/ICIP.1994.413553
    """
    check_options("charbonnier_loss", eps=eps, reduction=reduction)

    def hypotenuse(r: Tensor) -> Tensor:
        return torch.hypot(r, r.new_full((), eps))

    return residual_loss(
        lambda r: r * (r / (hypotenuse(r) + eps)),  # as a difference it would cancel near 0
        input,
        target,
        slope=lambda r: r / hypotenuse(r),
        sample_weight=sample_weight,
        reduction=reduction,
    )


class CharbonnierLoss(Twin, of=charbonnier_loss): ...
