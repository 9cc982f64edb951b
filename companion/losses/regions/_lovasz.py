"""The Lovász extension of the Jaccard loss: what each error costs, by its rank among the errors of its region."""

import torch
from torch import Tensor

from companion._margin import transformed
from companion.losses.regions._wrong import wrong_probabilities

BY_RADIX = 2**15  # elements from which torch sorts a single row of integers by radix on the CPU, about ten times faster


def slopes(error: Tensor, there: Tensor) -> Tensor:
    """Slope (R, C, P) of the loss of each region in each of its errors (R, C, P), at least 0 and without gradient.

    The errors are taken from the largest to the smallest; the slope of one is what the Jaccard loss gains when its
    element joins the mistakes. ``there`` marks the elements of the region. The loss is the sum of slope times error.
    """
    error = error.detach()
    if transformed(error) or error.device.type != "cpu" or error.shape[2] < BY_RADIX:
        return _slopes(error, there)
    found = torch.empty_like(error)
    for row, e, y in zip(found.flatten(0, 1), error.flatten(0, 1), there.flatten(0, 1), strict=True):
        row.copy_(_slopes(e, y))
    return found


def _slopes(error: Tensor, there: Tensor) -> Tensor:
    """The same along the last axis."""
    bits = torch.int64 if error.dtype == torch.float64 else torch.int32
    order = error.view(bits).sort(dim=-1).indices  # as integers: positive floats are in the same order
    hit = there.gather(-1, order).to(bits)
    count = error.shape[-1]
    size = hit.sum(dim=-1, keepdim=True, dtype=bits)
    before = hit.cumsum(dim=-1, dtype=bits) - hit  # elements of the region whose error is smaller
    rank = torch.arange(count, 0, -1, device=error.device, dtype=bits)  # from the top, itself included
    union = rank + before  # of the region and the mistakes so far
    # An element of the region leaves the intersection, any other joins the union. As differences of the Jaccard loss
    # these would be lost in its rounding: they are about one over the number of pixels.
    inside = 1 / union.to(error.dtype)
    outside = before * inside / (union - 1).clamp_min(1)
    slope = torch.where(hit > 0, inside, outside)
    slope = torch.where((size == 0) & (rank == 1), 1.0, slope)  # of nothing: the first mistake is all
    return torch.zeros_like(error).scatter(-1, order, slope)


def slopes_of_classes(x: Tensor, t: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Slopes (N, C, *) of the errors |p - y| of a softmax model, and the size (N, C) of every class."""
    classes = torch.arange(x.shape[1], device=x.device).view(-1, *[1] * (x.dim() - 2))
    there = ((t == classes) & valid).flatten(2)
    return slopes(_errors(x.detach(), t, valid).flatten(2), there).view_as(x), there.sum(dim=2)


def _errors(x: Tensor, t: Tensor, valid: Tensor) -> Tensor:
    wrong = wrong_probabilities(x, t, valid)
    return wrong.scatter(1, t, wrong.sum(dim=1, keepdim=True))  # 1 - p, as the sum of the other classes


def is_one_region(input: Tensor, batch: bool) -> bool:
    """Whether the batch is the region."""
    return batch or input.dim() <= 2


def as_images(x: Tensor, batch: bool) -> Tensor:
    """Images (N, C, *) as they are; what is one region as one image (1, C, N, *), or (1, 1, N) of (N,) or a number."""
    if x.dim() <= 1:
        return x.reshape(1, 1, -1)
    return x.movedim(1, 0).unsqueeze(0) if is_one_region(x, batch) else x
