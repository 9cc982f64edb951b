"""Probabilities of the wrong classes, summed over an image: the one pass over the logits that its regions share.

Down the pixels they add up to false positives, across the classes to what the true class misses. 1 - p_t, as their
sum, keeps its digits.
"""

from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from companion._margin import _flat_index, transformed


def wrong_probabilities(x: Tensor, t: Tensor, valid: Tensor) -> Tensor:
    """Softmax (N, C, *), with 0 for the class t (N, 1, *) and for all classes where not ``valid``."""
    return torch.softmax(x, dim=1).scatter(1, t, 0.0).masked_fill(~valid, 0.0)


def sum_of_wrong(x: Tensor, t: Tensor, valid: Tensor, scale: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Their sums over the pixels (N, C) and over the classes (N, 1, *), for logits (N, C, *) with spatial axes.

    ``scale`` (N, C, *), which gets no gradient, multiplies those that are summed over the pixels.
    """
    if transformed(x):
        wrong = wrong_probabilities(x, t, valid)
        scaled = wrong if scale is None else wrong * scale
        return scaled.flatten(2).sum(dim=2), wrong.sum(dim=1, keepdim=True)
    flat = (v if v is None else v.flatten(2) for v in (x, t, valid, scale))
    total, missed = _SumOfWrong.apply(*flat)  # type: ignore[no-untyped-call]
    return total, missed.view_as(t)


class _SumOfWrong(torch.autograd.Function):
    """Both sums in one softmax, and a backward that turns that softmax into the gradient where it stands."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, t: Tensor, valid: Tensor, scale: Tensor | None) -> tuple[Tensor, Tensor]:
        at = _flat_index(x, t.squeeze(1))
        wrong = torch.softmax(x.contiguous(), dim=1)
        pt = wrong.view(-1).index_select(0, at).view_as(valid).masked_fill_(~valid, 0.0)
        wrong.view(-1).index_fill_(0, at, 0.0)
        bits = torch.int64 if x.dtype == torch.float64 else torch.int32
        wrong.view(bits).bitwise_and_(valid.to(bits).neg_())  # not a product: 0 * NaN is NaN
        missed = wrong.sum(dim=1, keepdim=True)
        ctx.save_for_backward(x, t, valid, missed)
        ctx.at, ctx.pt, ctx.wrong, ctx.scale = at, pt, wrong, scale
        return (wrong if scale is None else wrong * scale).sum(dim=2), missed

    @staticmethod
    def backward(ctx: Any, g: Tensor, gm: Tensor) -> tuple[Tensor, None, None, None]:
        # With h_j the slope of the loss in p_j, dL/dz_j = p_j (h_j - s), and -p_t s for the target, s = sum p_j h_j.
        x, t, valid, missed = ctx.saved_tensors
        wrong, ctx.wrong = ctx.wrong, None
        h = g.unsqueeze(2) if ctx.scale is None else g.unsqueeze(2) * ctx.scale
        if wrong is not None and not torch.is_grad_enabled():
            with suppress(RuntimeError):  # vmap refuses to write a batch of gradients in place
                s = _mean_slope(g, h, wrong, ctx.scale).add_(gm * missed)
                gx = wrong.mul_((gm - s) + h)
                gx.view(-1).index_copy_(0, ctx.at, s.mul_(ctx.pt).neg_().view(-1))
                return gx, None, None, None
        # A second pass, one to be differentiated itself, or many at once: from x again, which is left alone.
        p = torch.softmax(x.contiguous(), dim=1)
        wrong = p.scatter(1, t, 0.0).masked_fill(~valid, 0.0)
        pt = p.gather(1, t).masked_fill(~valid, 0.0)
        s = _mean_slope(g, h, wrong, ctx.scale) + gm * wrong.sum(dim=1, keepdim=True)
        return (wrong * ((gm - s) + h)).scatter(1, t, -(s * pt)), None, None, None


def _mean_slope(g: Tensor, h: Tensor, wrong: Tensor, scale: Tensor | None) -> Tensor:
    """The sum of h over the classes, each with its probability (N, 1, P)."""
    return torch.bmm(g.unsqueeze(1), wrong) if scale is None else (h * wrong).sum(dim=1, keepdim=True)
