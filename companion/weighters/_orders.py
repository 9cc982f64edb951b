"""Random orders in which each loss meets the others."""

import torch
from torch import Tensor

from companion.weighters._draws import permutations


def orders_of_others(seed: Tensor, step: Tensor, losses: int) -> Tensor:
    """For each loss a random order of all others, ``(K, K - 1)``; seed and step as for `permutations`."""
    drawn = permutations(seed, step, losses, losses - 1)
    return drawn + (drawn >= torch.arange(losses, device=drawn.device).unsqueeze(1))
