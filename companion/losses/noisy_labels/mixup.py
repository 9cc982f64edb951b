"""Mixup loss: an example blended of two answers to both labels."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, between, check_class_target, check_logits, check_sample_weight
from companion._margin import class_loss, upcast
from companion._options import check_options
from companion._twin import Twin

_cross_entropy = partial(class_loss, lambda m: -F.logsigmoid(m))


def mixup_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target_a: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    target_b: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    lam: float | Float[Tensor, "..."],
    *,
    loss: Callable[..., Tensor] | None = None,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Asks of a blend of two examples a blend of their two answers, which no wrong label fits alone.

    For an input :math:`\lambda x_a + (1 - \lambda) x_b`, or one cut from both as in CutMix,

    .. math:: \ell = \lambda \, \ell(z, t_a) + (1 - \lambda) \, \ell(z, t_b) .

    For cross entropy that is the loss of the probabilities with :math:`\lambda` at :math:`t_a` and :math:`1 - \lambda`
    at :math:`t_b`. ``lam=1`` is the loss itself. Even odds between two classes cost 0.693 whatever ``lam``. In the mean
    each label counts with its share, times its weight.

    Args:
        input: Logits of the blended examples, ``(N, C, *)`` with at least two classes.
        target_a: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, of the first examples.
        target_b: The same, of the second.
        lam: Share of the first, from 0 to 1: a number, or one per row, ``(N,)``. The paper draws it from
            Beta(a, a), with a between 0.1 and 0.4 on ImageNet and 1 on CIFAR.
        loss: A class loss with the keywords that follow, cross entropy by default; for one with options of its own,
            ``functools.partial(focal_loss, gamma=1.0)``.
        weight: One weight per class, ``(C,)``. It enters the mean for indices.
        sample_weight: One weight per row or pixel, ``(N, *)`` or its leading axes. It enters the mean.
        ignore_index: Indices with this value add nothing to the loss, the gradient or the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss: a scalar, or ``(N, *)`` under ``reduction="none"``.

    Raises:
        TypeError: If a target is neither integer nor floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[0.9, 0.1]]).log()
        >>> mixup_loss(logits, torch.tensor([0]), torch.tensor([1]), 0.75)  # 0.75 * 0.1054 + 0.25 * 2.3026
        tensor(0.6547)

    References:
        Zhang, Cisse, Dauphin, Lopez-Paz, *mixup: Beyond Empirical Risk Minimization*, ICLR 2018.
        https://arxiv.org/abs/1710.09412
    """
    check_options("mixup_loss", loss=loss, weight=weight, ignore_index=ignore_index, reduction=reduction)
    check_logits(input)
    indices = check_class_target(input, target_a, name="target_a")
    if indices != check_class_target(input, target_b, name="target_b"):
        raise ValueError(
            "`target_a` and `target_b` must both hold class indices or both probabilities, "
            f"got dtypes {target_a.dtype} and {target_b.dtype}."
        )
    rows = (input.shape[0], *input.shape[2:])
    check_sample_weight(sample_weight, rows)
    x = upcast(input)  # once: the gradients of two copies would be added in half precision
    share = _per_row(lam, x)
    shares = torch.cat([share, 1 - share]).view(-1, *[1] * (len(rows) - 1))
    if sample_weight is not None:
        missing = [1] * (len(rows) - sample_weight.dim())
        one = sample_weight.to(shares.dtype).view(*sample_weight.shape, *missing).expand(rows)
        shares = shares * torch.cat([one, one])
    both = (loss or _cross_entropy)(
        torch.cat([x, x]),
        torch.cat([target_a, target_b]),
        weight=weight,
        sample_weight=shares,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    return both[: len(input)] + both[len(input) :] if reduction == "none" else both


def _per_row(lam: float | Tensor, x: Tensor) -> Tensor:
    """``lam`` as one number per row."""
    n = x.shape[0]
    if isinstance(lam, Tensor) and lam.shape == (n,):
        return lam.to(x.dtype)
    if isinstance(lam, Tensor) and lam.dim() > 0:
        raise ValueError(f"`lam` must be a number or have shape ({n},), one share per row, got {tuple(lam.shape)}.")
    if not isinstance(lam, Tensor):
        between(0.0, 1.0)("lam", lam)
    return torch.as_tensor(lam, dtype=x.dtype, device=x.device).expand(n)


class MixupLoss(Twin, of=mixup_loss): ...
