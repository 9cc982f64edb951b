"""Bi-tempered logistic loss: a logarithm that is bounded and a softmax with heavy tails."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_logits
from companion._margin import transformed, upcast
from companion._options import check_options
from companion._reduce import reduce_classes
from companion._twin import Twin
from companion.losses.noisy_labels._pieces import below_top, one_minus_exp

# Below this share of the other classes the loss is summed as a series, of terms down to 0.05 ** 12 = 2e-16.
SMALL, TERMS = 0.05, 12


def bi_tempered_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"] | Float[Tensor, "batch classes *spatial"],
    *,
    t1: float = 0.8,
    t2: float = 1.2,
    weight: Float[Tensor, " classes"] | None = None,
    sample_weight: Float[Tensor, "..."] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Bounds what an outlier can cost, and lets labels near the boundary be wrong without bending it.

    With :math:`\log_t x = (x^{1 - t} - 1) / (1 - t)` and :math:`\exp_t` its inverse,

    .. math::

        \ell = -\log_{t_1} p_t - \frac{1 - \sum_c p_c^{2 - t_1}}{2 - t_1} ,
        \qquad p_c = \exp_{t_2} (z_c - \lambda) , \quad \sum_c p_c = 1 .

    ``t1`` below 1 bounds the loss, by :math:`1 / (1 - t_1)`: a far outlier loses its pull. ``t2`` above 1 gives the
    probabilities heavy tails: a label a little on the wrong side is taken for noise. ``t1 = t2 = 1`` is cross entropy.
    At the defaults even odds between two classes cost 0.539, and the logits (-20, 0) with target 0 4.00 instead of 20.
    The gradient is that of the equation for :math:`\lambda`, not of the steps that solve it.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``, or probabilities ``(N, C, *)``, for which the loss is
            :math:`\sum_c y_c \ell_c`; the paper's differs from it by a constant.
        t1: Temperature of the logarithm, from 0 to 1.
        t2: Temperature of the softmax, from 1 to 5; the paper uses up to 4.
        weight: One weight per class, ``(C,)``. It enters the mean for indices.
        sample_weight: One weight per row or pixel, ``(N, *)`` or its leading axes. It enters the mean.
        ignore_index: Indices with this value add nothing to the loss, the gradient or the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss: a scalar, or ``(N, *)`` under ``reduction="none"``.

    Raises:
        TypeError: If ``target`` is neither integer nor floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[0.0, 0.0], [-20.0, 0.0]])
        >>> bi_tempered_loss(logits, torch.tensor([0, 0]), reduction="none")
        tensor([0.5394, 3.9997])

    References:
        Amid, Warmuth, Anil, Koren, *Robust Bi-Tempered Logistic Loss Based on Bregman Divergences*, NeurIPS 2019.
        https://arxiv.org/abs/1906.03361
    """
    check_options("bi_tempered_loss", t1=t1, t2=t2, weight=weight, ignore_index=ignore_index, reduction=reduction)
    check_logits(input)
    log_p = _log_tempered_softmax(upcast(input), t2)

    def of_every_class(y: Tensor) -> Tensor:
        impossible = (y == 0) & (log_p == float("-inf"))
        powers = torch.exp((2 - t1) * log_p)
        others = powers.sum(dim=1, keepdim=True) - powers
        losses = _from_log(log_p.masked_fill(impossible, 0.0), t1) + others / (2 - t1)
        # Of the top class what is left over would be a small difference.
        top = log_p.detach().argmax(dim=1)
        return losses.scatter(1, top.unsqueeze(1), _of_target(log_p, top, t1).unsqueeze(1))

    return reduce_classes(
        lambda t: _of_target(log_p, t, t1),
        of_every_class,
        input,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


def _log_tempered_softmax(x: Tensor, t: float) -> Tensor:
    """The logarithms of exp_t(x - lambda), lambda being such that they are those of probabilities."""
    if t == 1:
        return F.log_softmax(below_top(x)[0], dim=1)
    if not transformed(x):
        log_p: Tensor = _LogTemperedSoftmax.apply(x, t)  # type: ignore[no-untyped-call]
        return log_p
    x, _ = below_top(x)
    # Autograd does not see the solver. Two more steps from the root, where they change nothing, give lambda(x) its
    # derivatives by the implicit function theorem: the first step that of order 1, the second all up to order 3.
    root = _newton(x, _newton(x, _normaliser(x.detach(), t), t), t)
    return _log_exp_t(x - root, t)


class _LogTemperedSoftmax(torch.autograd.Function):
    """The same with its derivative in closed form, which needs lambda no more: cheaper, and exact where logits tie."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, t: float) -> Tensor:
        z = x - x.amax(dim=1, keepdim=True)
        log_p = _log_exp_t(z.sub_(_normaliser(z, t)), t)
        ctx.t = t
        ctx.save_for_backward(log_p)
        return log_p

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        # d log p_i / dz_j = p_i^(t - 1) (delta_ij - e_j), where e = p^t / sum p^t is the escort distribution.
        (log_p,) = ctx.saved_tensors
        escort = torch.exp(ctx.t * log_p)
        escort = escort / escort.sum(dim=1, keepdim=True)
        pull = torch.exp((ctx.t - 1) * log_p) * grad
        # A multiple of e changes nothing. Taken off so that the top class, and those that tie with it, are at 0, no
        # small difference remains.
        top = log_p.detach().argmax(dim=1, keepdim=True)
        pull = pull - escort * (pull.gather(1, top) / escort.gather(1, top))
        return pull - escort * pull.sum(dim=1, keepdim=True), None


def _log_exp_t(v: Tensor, t: float) -> Tensor:
    return torch.log1p((1 - t) * v) / (1 - t)


def _normaliser(z: Tensor, t: float) -> Tensor:
    """The lambda (N, 1, *) of logits whose largest is 0."""
    root = torch.zeros_like(z[:, :1])  # from the left, where the sum is above 1: every step stays there
    # As many as were needed for 2 to 10,000 classes.
    steps = (4 if t <= 1.5 else 7) + (2 if z.dtype == torch.float64 else 0)
    for _ in range(steps):
        root = _newton(z, root, t)
    return root


def _newton(z: Tensor, root: Tensor, t: float) -> Tensor:
    """A step for (sum of p)^(1 - t) = 1: concave in lambda, and linear where all logits are equal."""
    k = t - 1
    v = (root - z).mul_(k)
    p = v.log1p().div_(-k).exp_()
    total = p.sum(dim=1, keepdim=True)
    slope = (p / (1 + v)).sum(dim=1, keepdim=True) / total
    return root + torch.expm1(k * total.log()) / (k * slope)


def _of_target(log_p: Tensor, target: Tensor, t1: float) -> Tensor:
    """The loss (N, *) of one class, exact where its probability is near 1: by what the others have."""
    at = target.unsqueeze(1)
    others = log_p.scatter(1, at, float("-inf"))
    missed = others.exp().sum(dim=1)
    near = missed < SMALL
    loss = torch.where(
        near, _from_missed(torch.where(near, missed, 0.0), t1), _from_log(log_p.gather(1, at).squeeze(1), t1)
    )
    return loss + torch.exp((2 - t1) * others).sum(dim=1) / (2 - t1)


def _from_log(log_p: Tensor, t1: float) -> Tensor:
    """-log_t1(p) - (1 - p^(2 - t1)) / (2 - t1)."""
    tempered = -log_p if t1 == 1 else one_minus_exp((t1 - 1) * log_p) / (1 - t1)
    return tempered - one_minus_exp((t1 - 2) * log_p) / (2 - t1)


def _from_missed(s: Tensor, t1: float) -> Tensor:
    """The same for p = 1 - s, as the integral from 0 to s of x (1 - x)^(-t1): a sum of positive terms."""
    coefficients = [1.0]
    for j in range(1, TERMS):
        coefficients.append(coefficients[-1] * (t1 + j - 1) / j)
    total = torch.zeros_like(s)
    for j in reversed(range(TERMS)):
        total = coefficients[j] / (j + 2) + s * total
    return s.square() * total


class BiTemperedLoss(Twin, of=bi_tempered_loss): ...
