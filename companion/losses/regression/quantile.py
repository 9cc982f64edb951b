"""Quantile (pinball) loss: a level that a given share of the cases stays below."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction, check_floating
from companion._margin import upcast
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._twin import Twin
from companion.losses.regression._residual import check_real, pair


def quantile_loss(
    input: Float[Tensor, "..."],
    target: Shaped[Tensor, "..."],
    *,
    tau: float | Sequence[float] | Tensor = 0.5,
    crossing: float = 0.0,
    sample_weight: Float[Tensor, "..."] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Charges errors by their size, at one price where the prediction is too low and at another where it is too high.

    With the residual :math:`r` = ``input`` - ``target``; the literature writes :math:`y - \hat y = -r`,

    .. math:: \ell = |r| \cdot \begin{cases} \tau & r < 0 \text{ (too low)} \\ 1 - \tau & \text{otherwise.} \end{cases}

    The best prediction is the ``tau``-quantile: at ``tau=0.9`` too low by 1 costs 0.9 and too high by 1 costs 0.1, so
    nine in ten cases come to lie below it. ``tau=0.5`` is half the absolute error. The pull does not depend on the size
    of the error, so an outlier counts as any other case on its side; a tie pulls nowhere. Without curvature, a learning
    rate that does not shrink leaves the prediction jumping about the quantile, and a quantile further out than 1 / N of
    N cases is a guess.

    Several quantiles at once, ``tau=(0.1, 0.5, 0.9)``, want one prediction each on the last axis of ``input``. Fitted
    each for itself they may cross. ``crossing`` adds to the loss of each quantile that many times the distance by which
    the one before lies above it.

    Args:
        input: Predictions, in the shape of ``target``, for several quantiles with one more axis for them,
            ``(*target.shape, Q)``.
        target: What was observed, any shape.
        tau: The quantile, between 0 and 1; or several, rising, as a tuple or a tensor ``(Q,)``. A tensor may carry a
            gradient.
        crossing: Price of a crossing per unit of ``target``, at least 0; for several quantiles only.
        sample_weight: One weight per element, the shape of ``input`` or its leading axes. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss: a scalar, or the shape of ``input`` under ``reduction="none"``.

    Raises:
        TypeError: If a tensor is not of real numbers, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> quantile_loss(torch.tensor([-1.0, 1.0]), torch.zeros(2), tau=0.9, reduction="none")
        tensor([0.9000, 0.1000])
        >>> input, target = torch.tensor([[2.0, 1.0]]), torch.tensor([0.0])  # the lower quantile lies above the upper
        >>> quantile_loss(input, target, tau=(0.25, 0.75), crossing=10.0, reduction="none")
        tensor([[ 1.5000, 10.2500]])

    References:
        Koenker, Bassett, *Regression Quantiles*, Econometrica 46, 1978. https://doi.org/10.2307/1913643
    """
    check_options("quantile_loss", tau=tau, crossing=crossing, reduction=reduction)
    if isinstance(tau, (int, float)) or (isinstance(tau, Tensor) and tau.dim() == 0):
        if crossing > 0:
            raise ValueError(f"`crossing` must be 0 for a single `tau`, got {crossing}: one quantile cannot cross.")
        x, y = pair(input, target)
        return reduce_rows(_pinball(x - y, tau, 1 - tau), sample_weight, reduction)
    _check_several(input, target, len(tau))
    x = upcast(input)
    if isinstance(tau, Tensor):
        low, high = tau.to(x.dtype), 1 - tau.to(x.dtype)
    else:  # each number on the device by itself: a copy from the host would make it wait
        low, high = (torch.stack([x.new_full((), t) for t in ts]) for ts in (tau, [1 - t for t in tau]))
    loss = _pinball(x - target.to(x.dtype).unsqueeze(-1), low, high)
    if crossing > 0:
        loss = loss + crossing * F.pad(F.relu(x[..., :-1] - x[..., 1:]), (1, 0))
    return reduce_rows(loss, sample_weight, reduction)


def _pinball(r: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """The two prices of an error; relu has the slope 0 at a tie."""
    return low * F.relu(-r) + high * F.relu(r)


def _check_several(input: Tensor, target: Tensor, quantiles: int) -> None:
    check_floating("input", input)
    check_real("target", target)
    shape = (*target.shape, quantiles)
    if input.shape != shape:
        raise ValueError(
            f"`input` must have shape {shape}, that of `target` and an axis for the {quantiles} quantiles of `tau`, "
            f"got {tuple(input.shape)}.{_cure(input, target, quantiles)}"
        )


def _cure(input: Tensor, target: Tensor, quantiles: int) -> str:
    """A target with an axis of one too many, or quantiles on axis 1 as channels are."""
    if target.dim() > 0 and (*target.shape[:-1], quantiles) == input.shape and target.shape[-1] == 1:
        return " Did you mean `target.squeeze(-1)`?"
    if input.dim() > 2 and input.movedim(1, -1).shape == (*target.shape, quantiles):
        return " Did you mean `input.movedim(1, -1)`?"
    return ""


class QuantileLoss(Twin, of=quantile_loss): ...
