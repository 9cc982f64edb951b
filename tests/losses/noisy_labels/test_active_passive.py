"""NCE + RCE by hand, and the slips of a published implementation."""

import math

import torch
from torch.testing import assert_close

from companion.losses import active_passive_loss, mae_loss, normalized_cross_entropy, reverse_cross_entropy

INPUT, TARGET = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 4


def test_by_hand() -> None:
    # p = (9/10, 1/10): 0.0437553 + 4 * 0.1 and 0.9562447 + 4 * 0.9
    input = torch.tensor([[math.log(9.0), 0.0]]).repeat(2, 1)
    found = active_passive_loss(input, torch.tensor([0, 1]), reduction="none")
    assert_close(found, torch.tensor([0.4437553, 4.5562447]))


def test_is_the_sum_of_its_parts() -> None:
    parts = 10 * normalized_cross_entropy(INPUT, TARGET) + 0.1 * reverse_cross_entropy(INPUT, TARGET)
    assert_close(active_passive_loss(INPUT, TARGET, alpha=10.0, beta=0.1), parts)


def test_either_part_can_be_left_out() -> None:
    assert_close(active_passive_loss(INPUT, TARGET, beta=0.0), normalized_cross_entropy(INPUT, TARGET))
    assert_close(active_passive_loss(INPUT, TARGET, alpha=0.0), reverse_cross_entropy(INPUT, TARGET))


def test_nce_and_mae_is_at_minus_two() -> None:
    parts = normalized_cross_entropy(INPUT, TARGET) + mae_loss(INPUT, TARGET)  # with its factor 2
    assert_close(active_passive_loss(INPUT, TARGET, A=-2.0), parts)


def test_losses_of_all_labels_add_up_to_a_constant() -> None:
    # 1 from the active part, 4 (C - 1) from the passive one, C = 4
    total = sum(active_passive_loss(INPUT, torch.full((6,), c), reduction="none") for c in range(4))
    assert_close(total, torch.full((6,), 13.0))
