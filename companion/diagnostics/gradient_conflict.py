"""Do the parts of a loss pull the same way, and does one of them drown the others?"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from companion._checks import between
from companion.diagnostics._findings import Finding, Report
from companion.diagnostics._gradients import Gradient, Parameters, check_scalar, gram_of, parameter_list


class GradientConflict(NamedTuple):
    """What :func:`gradient_conflict` returns."""

    names: tuple[str, ...]
    norms: Tensor
    cosines: Tensor
    gains: Tensor
    report: Report

    def table(self) -> Any:
        """Norms, gains and cosines as a DataFrame, a row for each part."""
        import pandas as pd

        columns = {"norm": self.norms.numpy(), "gain": self.gains.numpy()}
        cosines = {f"cosine with {name}": row.numpy() for name, row in zip(self.names, self.cosines, strict=True)}
        return pd.DataFrame(columns | cosines, index=pd.Index(self.names, name="part"))


def gradient_conflict(
    losses: Mapping[str, Float[Tensor, ""]] | Sequence[Float[Tensor, ""]],
    parameters: Parameters,
    *,
    below: float = -0.1,
    dominance: float = 0.9,
) -> GradientConflict:
    r"""Compares the gradients of the parts of a loss: which pairs pull against each other, and does one outweigh all.

    With :math:`g_k` the gradient of part k and :math:`g = \sum_k g_k` that of their sum,

    .. math:: \cos_{jk} = \frac{\langle g_j, g_k \rangle}{|g_j| \, |g_k|} , \qquad
              \mathrm{gain}_k = \langle g_k, g \rangle .

    Where the cosine is negative, a step for one part alone makes the other worse. Whether it does so in the sum is
    another matter: part k improves at the rate ``gain`` in a small step of gradient descent down the sum, and worsens
    where that is negative. A strong part can afford a conflict that a weak one loses.

    It sees one batch at one moment. Gradients of small batches are noisy, so repeat it before you act. Near the end of
    training the parts of a loss that cannot all be 0 pull against each other whatever was done, for there the sum of
    their gradients is 0: a cosine of -1 is then the balance that the weights have asked for. And it does not see
    what an optimizer makes of the gradients, nor parts that are at odds only far from here.

    Args:
        losses: The parts as they are added up, weights included: scalars by name, or in a sequence, whose names are
            their places. Pass the scalars themselves, not entries of a stack. Their graphs are kept.
        parameters: What they share: a module, or tensors that they were computed from. To a tensor that a part does
            not reach its gradient is 0.
        below: Cosine under which a pair is reported, in [-1, 0]. Gradients that have nothing to do with each other
            have cosines about 0, of either sign.
        dominance: Share in the sum of the norms from which on a part is said to dominate, in [0, 1].

    Returns:
        * ``names``: the parts, K of them;
        * ``norms``: length of the gradient of each ``(K,)``, float64, on the CPU as all of these;
        * ``cosines``: cosine of each pair ``(K, K)``, NaN for a part whose gradient is 0;
        * ``gains``: how fast each part improves down the sum ``(K,)``;
        * ``report``: the findings ``gradient-conflict``, ``gradient-dominance`` and ``non-finite``.

        Its ``table()`` is a DataFrame of the numbers.

    Raises:
        TypeError: If a part is not a floating point tensor, or ``losses`` is a tensor.
        ValueError: If there are fewer than two parts, one is no scalar or depends on none of the ``parameters``, or an
            option is out of range.

    Example:
        >>> weight = torch.tensor([1.0, 1.0], requires_grad=True)
        >>> parts = {"fit": (2 * weight[0] - 4).square(), "penalty": weight.square().sum()}
        >>> found = gradient_conflict(parts, weight)  # gradients (-8, 0) and (2, 2)
        >>> found.cosines[0, 1], found.gains, found.report.names
        (tensor(-0.7071, dtype=torch.float64), tensor([48., -8.], dtype=torch.float64), ['gradient-conflict'])

    References:
        Yu, Kumar, Gupta, Levine, Hausman, Finn, *Gradient Surgery for Multi-Task Learning*, NeurIPS 2020.
        https://arxiv.org/abs/2001.06782
    """
    between(-1.0, 0.0)("below", below)
    between(0.0, 1.0)("dominance", dominance)
    parts = _parts(losses)
    names, tensors = tuple(parts), parameter_list(parameters)

    def gradient(k: int) -> Gradient:
        # The original scalar: an entry of stacked losses would send each pass through the graphs of all of them.
        return _gradient(names[k], parts[names[k]], tensors)

    gram = gram_of(len(names), gradient, tensors)
    norms = gram.diagonal().sqrt()
    cosines = gram / (norms.unsqueeze(0) * norms.unsqueeze(1))
    gains = gram.sum(1)
    found = [*_not_finite(names, norms), *_conflicts(names, cosines, gains, below), *_dominant(names, norms, dominance)]
    checked = ("non-finite", "gradient-conflict", "gradient-dominance")
    return GradientConflict(names, norms, cosines, gains, Report("gradients of " + ", ".join(names), found, checked))


def _parts(losses: Mapping[str, Tensor] | Sequence[Tensor]) -> dict[str, Tensor]:
    if isinstance(losses, Tensor):
        raise TypeError(
            "`losses` must be a mapping or a sequence of scalars, got a tensor. Pass the scalars it was made of."
        )
    named = losses if isinstance(losses, Mapping) else dict(enumerate(losses))
    if len(named) < 2:
        raise ValueError(f"`losses` must hold at least two parts to compare, got {len(named)}.")
    parts = {str(name): check_scalar(f"losses[{name!r}]", part) for name, part in named.items()}
    if len(parts) < len(named):
        raise ValueError(f"`losses` must have names that differ as text, got {list(named)}.")
    return parts


def _gradient(name: str, part: Tensor, tensors: Sequence[Tensor]) -> Gradient:
    found: Gradient = [None]
    if part.requires_grad:
        found = torch.autograd.grad(part, tensors, retain_graph=True, allow_unused=True)
    if all(gradient is None for gradient in found):
        raise ValueError(
            f"`losses[{name!r}]` must depend on `parameters`, got none of them in its graph. Was it detached, or are "
            "these the parameters of another model?"
        )
    return found


def _not_finite(names: Sequence[str], norms: Tensor) -> list[Finding]:
    return [
        Finding(
            "non-finite",
            "error",
            f"The gradient of {name} is not finite.",
            f"its norm is {float(norm)}",
            "Look at the loss itself with `check_loss`, and at the rows of this batch.",
        )
        for name, norm in zip(names, norms, strict=True)
        if not torch.isfinite(norm)
    ]


def _conflicts(names: Sequence[str], cosines: Tensor, gains: Tensor, below: float) -> list[Finding]:
    found = []
    for j, k in combinations(range(len(names)), 2):
        if cosines[j, k] < below:
            losers = [names[i] for i in (j, k) if gains[i] < 0]
            step = f"a step down the sum makes {losers[0]} worse" if losers else "a step down the sum still helps both"
            found.append(
                Finding(
                    "gradient-conflict",
                    "warning",
                    f"{names[j]} and {names[k]} pull against each other; {step}.",
                    f"cosine {float(cosines[j, k]):.2f}",
                    "Repeat it on other batches. If it stays and a part suffers, change the weights, give the parts "
                    "parameters of their own, or use a weighter that reconciles gradients, such as `PCGrad`.",
                )
            )
    return found


def _dominant(names: Sequence[str], norms: Tensor, dominance: float) -> list[Finding]:
    shares = norms / norms.sum()
    return [
        Finding(
            "gradient-dominance",
            "warning",
            f"{name} has nearly all of the gradient: the other parts hardly change where the model goes.",
            f"{float(share):.1%} of the sum of the norms",
            "If that is not wanted, weigh the parts so that their gradients are of like size, by hand or with a "
            "weighter such as `GradientScale`.",
        )
        for name, share in zip(names, shares, strict=True)
        if share >= dominance
    ]
