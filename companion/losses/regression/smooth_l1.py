"""Smooth L1 loss: absolute error with its corner rounded."""

import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._twin import Twin
from companion.losses.regression._residual import pair


def smooth_l1_loss(
    input: Float[Tensor, "*shape"],
    target: Shaped[Tensor, "*shape"],
    *,
    beta: float = 1.0,
    sample_weight: Float[Tensor, "..."] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Counts errors by their size, with the corner at 0 rounded off within ``beta``.

    With the residual :math:`r` = ``input`` - ``target``,

    .. math:: \ell = \begin{cases} r^2 / (2 \beta) & |r| < \beta \\ |r| - \beta / 2 & \text{otherwise.} \end{cases}

    No outlier pulls harder than 1, whatever ``beta``; the curvature at 0 is 1 / ``beta``, and ``beta=0`` is the
    absolute error. It is :func:`huber_loss` divided by ``beta``: a residual of 3 costs 2 at ``beta=2``, where Huber's
    loss at ``delta=2`` is 4, so the one cannot replace the other without another learning rate.

    Args:
        input: Predictions, any shape, in the unit of ``target``.
        target: What was observed, in the shape of ``input``.
        beta: Where the parabola meets the line, in the unit of ``target``, at least 0.
        sample_weight: One weight per element, the shape of ``input`` or its leading axes. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss: a scalar, or the shape of ``input`` under ``reduction="none"``.

    Raises:
        TypeError: If a tensor is not of real numbers, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> input, target = torch.tensor([0.5, 3.0, -1000.0]), torch.zeros(3)
        >>> smooth_l1_loss(input, target, beta=2.0, reduction="none")
        tensor([6.2500e-02, 2.0000e+00, 9.9900e+02])

    References:
        Girshick, *Fast R-CNN*, ICCV 2015, equation (3), which has ``beta=1``. https://arxiv.org/abs/1504.08083
    """
    check_options("smooth_l1_loss", beta=beta, reduction=reduction)
    x, y = pair(input, target)
    return reduce_rows(F.smooth_l1_loss(x, y, reduction="none", beta=beta), sample_weight, reduction)


class SmoothL1Loss(Twin, of=smooth_l1_loss): ...
