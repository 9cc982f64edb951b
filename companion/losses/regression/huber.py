"""Huber loss: squared error near the target, absolute error far from it."""

import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._twin import Twin
from companion.losses.regression._residual import pair


def huber_loss(
    input: Float[Tensor, "*shape"],
    target: Shaped[Tensor, "*shape"],
    *,
    delta: float = 1.0,
    sample_weight: Float[Tensor, "..."] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Counts small errors squared and large ones by their size, so that no outlier pulls harder than ``delta``.

    With the residual :math:`r` = ``input`` - ``target``,

    .. math:: \ell =
       \begin{cases} r^2 / 2 & |r| \le \delta \\ \delta \, (|r| - \delta / 2) & \text{otherwise.} \end{cases}

    A residual of 3 costs 2.5 at ``delta=1`` and pulls with 1, as one of 1000 does. Of ten values, six at 0 and four
    anywhere above 2, the best constant is 2/3, where the mean goes wherever the four go. The pull never ends, though:
    an outlier counts as long as it exists, and one in the features (leverage) is not held back at all. ``delta`` is in
    the unit of ``target``: for Gaussian noise of standard deviation s, 1.345 s loses 5 % of the efficiency of the mean.
    The loss is ``delta`` times :func:`smooth_l1_loss` with ``beta=delta``.

    Args:
        input: Predictions, any shape, in the unit of ``target``.
        target: What was observed, in the shape of ``input``.
        delta: Where the parabola meets the line, in the unit of ``target``, above 0.
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
        >>> huber_loss(input, target, reduction="none")
        tensor([1.2500e-01, 2.5000e+00, 9.9950e+02])

    References:
        Huber, *Robust Estimation of a Location Parameter*, Annals of Mathematical Statistics 35, 1964.
        https://doi.org/10.1214/aoms/1177703732
    """
    check_options("huber_loss", delta=delta, reduction=reduction)
    x, y = pair(input, target)
    return reduce_rows(F.huber_loss(x, y, reduction="none", delta=delta), sample_weight, reduction)


class HuberLoss(Twin, of=huber_loss): ...
