"""Expectile loss: squared error with one price for too low and another for too high."""

import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._options import check_options
from companion._twin import Twin
from companion.losses.regression._residual import residual_loss


def expectile_loss(
    input: Float[Tensor, "*shape"],
    target: Shaped[Tensor, "*shape"],
    *,
    tau: float | Tensor = 0.5,
    sample_weight: Float[Tensor, "..."] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Charges squared error, at one price where the prediction is too low and at another where it is too high.

    With the residual :math:`r` = ``input`` - ``target``; the literature writes :math:`y - \hat y = -r`,

    .. math:: \ell = r^2 \cdot \begin{cases} \tau & r < 0 \text{ (too low)} \\ 1 - \tau & \text{otherwise.} \end{cases}

    There is no factor 1/2: ``tau=0.5`` is half the squared error. The best prediction is the ``tau``-expectile m, where
    :math:`\tau \, E (y - m)_+ = (1 - \tau) \, E (m - y)_+`; of 0 and 1, equally likely, it is ``tau``. An expectile is
    not a quantile: it looks at how far the values lie, so a single outlier can carry it anywhere (breakdown 0), as it
    does the mean. For a share of the cases use :func:`quantile_loss`.

    Args:
        input: Predictions, any shape, in the unit of ``target``.
        target: What was observed, in the shape of ``input``.
        tau: Price of a prediction that is too low, between 0 and 1; one that is too high has ``1 - tau``. A 0-d tensor
            may carry a gradient.
        sample_weight: One weight per element, the shape of ``input`` or its leading axes. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss: a scalar, or the shape of ``input`` under ``reduction="none"``.

    Raises:
        TypeError: If a tensor is not of real numbers, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> input, target = torch.tensor([-1.0, 1.0, 3.0]), torch.zeros(3)
        >>> expectile_loss(input, target, tau=0.75, reduction="none")
        tensor([0.7500, 0.2500, 2.2500])

    References:
        Newey, Powell, *Asymmetric Least Squares Estimation and Testing*, Econometrica 55, 1987.
        https://doi.org/10.2307/1911031
    """
    check_options("expectile_loss", tau=tau, reduction=reduction)
    return residual_loss(
        lambda r: tau * F.relu(-r) ** 2 + (1 - tau) * F.relu(r) ** 2,
        input,
        target,
        sample_weight=sample_weight,
        reduction=reduction,
    )


class ExpectileLoss(Twin, of=expectile_loss): ...
