"""Cross entropy of an anchor with several right answers, exact where they have all of the probability."""

from contextlib import suppress
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from companion._margin import transformed


def mean_cross_entropy(logits: Tensor, positive: Tensor) -> Tensor:
    """Mean over the positives p of logsumexp_j z_j - z_p, (M,) from (M, N); 0 is what a row without positives gets.

    Written as L_p - mean z_p + softplus(L_n - L_p), L_p and L_n being logsumexp over the positives and over the rest:
    for a single positive the first difference is 0 and the second is its margin.
    """
    if transformed(logits):
        return plain_mean_cross_entropy(logits, positive)
    loss: Tensor = _MeanCrossEntropy.apply(logits, positive)  # type: ignore[no-untyped-call]
    return loss


def plain_mean_cross_entropy(logits: Tensor, positive: Tensor) -> Tensor:
    """The same in plain differentiable operations, for compile, export, torch.func and chunks."""
    count = positive.sum(dim=1)
    mean = logits.masked_fill(~positive, 0.0).sum(dim=1) / count.clamp_min(1)
    # Centred first, so that the gradient of this difference is 0, and no rounded 1 - 1, for a single positive.
    spread = _logsumexp((logits - mean.unsqueeze(1)).masked_fill(~positive, float("-inf")))
    rest = _logsumexp(logits.masked_fill(positive, float("-inf")))
    return (spread - F.logsigmoid(mean + spread - rest)).masked_fill(count == 0, 0.0)


def _logsumexp(x: Tensor) -> Tensor:
    """Over axis 1; of nothing but -inf a large negative number, with a gradient of 0."""
    top = x.detach().amax(dim=1, keepdim=True).clamp_min(torch.finfo(x.dtype).min)
    s = (x - top).exp().sum(dim=1)
    nothing = s == 0
    return (top.squeeze(1) + s.masked_fill(nothing, 1.0).log()).masked_fill(nothing, torch.finfo(x.dtype).min / 4)


class _MeanCrossEntropy(torch.autograd.Function):
    """One exponential per pair, and a backward that turns it into the gradient where it stands."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, positive: Tensor) -> Tensor:
        ctx.save_for_backward(x, positive)
        ctx.parts, loss = _exponentials(x, positive)
        return loss

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        x, positive = ctx.saved_tensors
        if torch.is_grad_enabled():  # to be differentiated itself
            loss = plain_mean_cross_entropy(x, positive)
            return torch.autograd.grad(loss, x, g, create_graph=True)[0], None
        parts, ctx.parts = ctx.parts, None
        e, p, q, miss, count = parts or _exponentials(x, positive)[0]  # again, for a second pass
        g = g.unsqueeze(1).masked_fill(count == 0, 0.0)
        share, hit = 1 / count.clamp_min(1).to(e.dtype), g * (1 - miss)
        wrong = g * miss
        zero, one = e.new_zeros(()), e.new_ones(())
        # (1 - miss) (e / p - share) - miss share for the positives, miss e / q for the rest: where e / p is the share,
        # as for a single positive, it must go before anything small is added.
        factor = torch.where(positive, 1 / p, wrong / q)
        with suppress(RuntimeError):  # vmap refuses to write a batch of gradients in place
            e.mul_(factor).sub_(torch.where(positive, share, zero, out=factor))
            e.mul_(torch.where(positive, hit, one, out=factor))
            return e.sub_(torch.where(positive, wrong * share, zero, out=factor)), None
        gx = (e * factor - torch.where(positive, share, zero)) * torch.where(positive, hit, one)
        return gx - torch.where(positive, wrong * share, zero), None


def _exponentials(x: Tensor, positive: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
    """exp(x - top), the tops of positives and rest being their own; what the gradient needs beside; and the losses."""
    lowest, tiny = torch.finfo(x.dtype).min, torch.finfo(x.dtype).tiny
    zero, nothing = x.new_zeros(()), x.new_full((), float("-inf"))
    count = positive.sum(dim=1, keepdim=True)
    buffer = x.masked_fill(positive, float("-inf"))
    top_q = buffer.amax(dim=1, keepdim=True).clamp_min_(lowest)
    top_p = torch.where(positive, x, nothing, out=buffer).amax(dim=1, keepdim=True).clamp_min_(lowest)
    e = x - torch.where(positive, top_p, top_q, out=buffer)
    mean = torch.where(positive, e, zero, out=buffer).sum(dim=1, keepdim=True) / count.clamp_min(1)
    e.exp_()
    p = torch.where(positive, e, zero, out=buffer).sum(dim=1, keepdim=True).clamp_min_(tiny)
    q = torch.where(positive, zero, e, out=buffer).sum(dim=1, keepdim=True)
    # Of nothing, the sum is 0 and the top `lowest`: a margin so large that nothing is left to learn.
    m = (top_p + p.log()) - torch.where(q == 0, lowest / 4, top_q + q.clamp_min(tiny).log())
    loss = (p.log() - mean - F.logsigmoid(m)).masked_fill_(count == 0, 0.0).squeeze(1)
    return (e, p, q.clamp_min_(tiny), torch.sigmoid(-m), count), loss
