"""Log-cosh loss: a smooth passage from squared to absolute error."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._options import check_options
from companion._twin import Twin
from companion.losses.regression._residual import residual_loss


def _log_cosh(r: Tensor) -> Tensor:
    """Up to |r| = 1 by cosh^2 = 1 + sinh^2; beyond by the log of cosh r / cosh 1, which is exactly 0 before."""
    s = torch.sinh(r.clamp(-1, 1))
    beyond = F.relu(torch.abs(r) - 1)
    q = 1 / (1 + math.exp(2))
    return 0.5 * torch.log1p(s * s) + beyond + torch.log1p(q * torch.expm1(-2 * beyond))


def log_cosh_loss(
    input: Float[Tensor, "*shape"],
    target: Shaped[Tensor, "*shape"],
    *,
    sample_weight: Float[Tensor, "..."] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Counts small errors squared and large ones by their size, without a seam between the two.

    With the residual :math:`r` = ``input`` - ``target``,

    .. math:: \ell = \log \cosh r .

    It is about :math:`r^2 / 2` near 0 and :math:`|r| - \log 2` far out; its slope, tanh r, is never above 1. A residual
    of 100 costs 99.307. Of ten values, six at 0 and four far above, the best constant is artanh(2/3) = 0.805, wherever
    the four are. The passage lies at 1 in the unit of ``target``, with nothing to move it: divide both arguments by the
    scale of the noise first.

    Args:
        input: Predictions, any shape, in the unit of ``target``.
        target: What was observed, in the shape of ``input``.
        sample_weight: One weight per element, the shape of ``input`` or its leading axes. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss: a scalar, or the shape of ``input`` under ``reduction="none"``.

    Raises:
        TypeError: If a tensor is not of real numbers, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> input, target = torch.tensor([1e-4, 1.0, 100.0]), torch.zeros(3)
        >>> log_cosh_loss(input, target, reduction="none")
        tensor([5.0000e-09, 4.3378e-01, 9.9307e+01])

    References:
        Saleh, Saleh, *Statistical Properties of the log-cosh Loss Function Used in Machine Learning*, 2022.
        https://arxiv.org/abs/2208.04564
    """
    check_options("log_cosh_loss", reduction=reduction)
    return residual_loss(_log_cosh, input, target, slope=torch.tanh, sample_weight=sample_weight, reduction=reduction)


class LogCoshLoss(Twin, of=log_cosh_loss): ...
