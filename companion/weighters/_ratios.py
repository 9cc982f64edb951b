"""How much of a loss is left."""

import torch
from torch import Tensor


def ratio(now: Tensor, before: Tensor) -> Tensor:
    """``now / before``, and 1, no change, where that says nothing: ``before`` is not positive or ``now`` negative."""
    told = (before > 0) & (now >= 0)
    return torch.where(told, now / torch.where(told, before, 1.0), 1.0)
