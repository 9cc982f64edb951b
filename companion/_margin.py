"""The margin m = z_t - logsumexp of the other logits: the one pass over the logits that every class loss shares.

With p_t the probability of the target, p_t = sigmoid(m) and 1 - p_t = sigmoid(-m), so a loss that depends on p_t alone
is a function of m: exact where p_t rounds to 0 or to 1, and the same code for two classes as for a single logit.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, Unpack

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import forward_ad

from companion._checks import Reduction, check_per_class, check_same_shape, check_sample_weight
from companion._reduce import ClassOptions, reduce_classes, reduce_elements

# Private to torch, so guarded: without it every call takes the plain path, slower and as right.
_in_transform: Callable[[], bool] = getattr(torch._C, "_are_functorch_transforms_active", lambda: True)


def margin(input: Tensor, target: Tensor) -> Tensor:
    """Logits (N, C, *) and indices (N, *) in [0, C) to margins (N, *), in float32 or float64.

    Where 1 - p_t underflows (m above 87 in float32, 708 in float64) the margin may read as the largest float.
    """
    x = upcast(input)
    if transformed(x):
        return plain_margin(x, target)
    m: Tensor = _Margin.apply(x, _flat_index(x, target))  # type: ignore[no-untyped-call]
    return m


def transformed(x: Tensor) -> bool:
    """Whether a compiler or a transform looks on, which must see operations that it knows, and no kernel."""
    if torch.compiler.is_compiling() or _in_transform():
        return True
    return forward_ad.unpack_dual(x).tangent is not None  # type: ignore[no-untyped-call]


def margins(input: Tensor) -> Tensor:
    """Logits (N, C, *) to the margins (N, C, *) that each class would have as the target."""
    x = upcast(input)
    log_p = F.log_softmax(x, dim=1)
    # Only the top class can have p > 1/2, where log p - log(1 - p) loses its digits.
    top = x.detach().argmax(dim=1, keepdim=True)
    others = log_p.scatter(1, top, -1.0)
    m = others - torch.log1p(-others.exp())
    return m.scatter(1, top, margin(x, top.squeeze(1)).unsqueeze(1))


def sigmoid(x: Tensor) -> Tensor:
    """The sigmoid, with a gradient that is right at both ends; torch's own y * (1 - y) is 0 from x = 17 on."""
    return F.logsigmoid(x).exp()


def upcast(x: Tensor) -> Tensor:
    """Half precision to float32; float32 and float64 as they are."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def full_precision(x: Tensor) -> AbstractContextManager[None]:
    """Where a matrix product is to stay in the precision of ``x``: autocast off, on devices that have it."""
    kind = x.device.type
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()


def class_loss(f: Callable[[Tensor], Tensor], input: Tensor, target: Tensor, **options: Unpack[ClassOptions]) -> Tensor:
    """The loss f(m) of a softmax classifier, weighed, masked and reduced."""

    def of_every_class(y: Tensor) -> Tensor:
        m = margins(input)
        # A class that is neither possible nor wanted, 0 * f(-inf), costs nothing.
        return f(m.masked_fill((y == 0) & (m == float("-inf")), 0.0))

    return reduce_classes(lambda t: f(margin(input, t)), of_every_class, input, target, **options)


def binary_loss(
    f: Callable[[Tensor], Tensor],
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor | None = None,
    weight: Tensor | None = None,
    sample_weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Tensor:
    """The loss y f(x) + (1 - y) f(-x) of one logit each; ``alpha`` weighs the first term, 1 - alpha the second."""
    check_same_shape(input, target)
    check_per_class("weight", weight, input)
    check_sample_weight(sample_weight, tuple(input.shape))
    x = upcast(input)
    y = target.to(x.dtype)
    valid = y != ignore_index
    y = y.masked_fill(~valid, 0.0)
    positive, negative = f(x), f(-x)
    if alpha is not None:
        positive, negative = alpha * positive, (1 - alpha) * negative
    loss = torch.lerp(negative, positive, y)
    return reduce_elements(loss, weight=weight, sample_weight=sample_weight, valid=valid, reduction=reduction)


def plain_margin(x: Tensor, target: Tensor) -> Tensor:
    """The margin in plain differentiable operations, for compile, export and torch.func; never cut off."""
    t = target.unsqueeze(1)
    classes = torch.arange(x.shape[1], device=x.device).view(-1, *[1] * (x.dim() - 2))
    others = torch.where(classes == t, float("-inf"), x)
    top = others.detach().amax(dim=1, keepdim=True).clamp_min(torch.finfo(x.dtype).min)
    s = (others - top).exp().sum(dim=1)
    alone = s == 0  # every other logit is -inf: log(0) would poison the gradient
    m = x.gather(1, t).squeeze(1) - top.squeeze(1) - torch.where(alone, 1.0, s).log()
    return torch.where(alone, torch.finfo(x.dtype).max, m)


def _flat_index(x: Tensor, target: Tensor) -> Tensor:
    """Position of x[n, t, ...] in the flattened logits; index_select refuses an index out of range."""
    n, classes = x.shape[:2]
    pixels = x[0, 0].numel() if n else 1
    step = max(pixels, 1)
    start = torch.arange(0, classes * step, step, device=x.device).index_select(0, target.reshape(-1))
    at = start.view(n, pixels) + torch.arange(0, n * classes * step, classes * step, device=x.device).unsqueeze(1)
    return (at if pixels == 1 else at.add_(torch.arange(pixels, device=x.device))).view(-1)


class _Margin(torch.autograd.Function):
    """m in one softmax, and a backward that turns that softmax into the gradient where it stands."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, at: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        x = x.contiguous()
        e = torch.softmax(x, dim=1)
        # The largest p is exp(0) over the sum, so log_softmax = x - max x + log(max p): exact where p_t underflows.
        log_pt = x.view(-1).index_select(0, at).view_as(e[:, 0]).sub_(x.amax(dim=1)).add_(e.amax(dim=1).log_())
        e.view(-1).index_fill_(0, at, 0.0)
        s = e.sum(dim=1)  # 1 - p_t, from the terms that make it up
        m = log_pt.sub_(s.log()).clamp_max_(torch.finfo(x.dtype).max)
        ctx.at, ctx.s, ctx.e = at, s.clamp_min_(torch.finfo(x.dtype).tiny), e
        return m

    @staticmethod
    def backward(ctx: Any, gm: Tensor) -> tuple[Tensor, None]:
        e, ctx.e = ctx.e, None
        if e is not None and not torch.is_grad_enabled():
            with suppress(RuntimeError):  # vmap refuses to write a batch of gradients in place
                gx = e.mul_((gm / ctx.s).neg_().unsqueeze(1))  # dm/dz_j = -e_j / s
                gx.view(-1).index_copy_(0, ctx.at, gm.reshape(-1))
                return gx, None
        # A second pass, one to be differentiated itself, or many at once: e from x again, and left alone.
        (x,) = ctx.saved_tensors
        e = torch.softmax(x.contiguous(), dim=1).view(-1).index_fill(0, ctx.at, 0.0).view(x.shape)
        s = e.sum(dim=1).clamp_min(torch.finfo(x.dtype).tiny)
        gx = e * (gm / s).neg().unsqueeze(1)
        return gx.view(-1).index_copy(0, ctx.at, gm.reshape(-1)).view(x.shape), None
