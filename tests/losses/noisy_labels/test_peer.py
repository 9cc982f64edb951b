"""Peer loss by hand, and that it is the average of the paper's random pairs."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from companion.losses import PeerLoss, cross_entropy, peer_loss

INPUT, TARGET = torch.randn(8, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 0, 0, 0, 1, 1, 2, 0])
PRIOR = torch.bincount(TARGET)


def test_by_hand() -> None:
    # p = (1/2, 1/4, 1/4), label 1, prior (1/2, 1/2, 0): log 4 - (log 2 / 2 + log 4 / 2) = log 4 - 1.5 log 2 = log 2 / 2
    input = torch.tensor([[0.5, 0.25, 0.25]]).log()
    found = peer_loss(input, torch.tensor([1]), prior=torch.tensor([1, 1, 0]))
    assert_close(found, torch.tensor(0.5 * 0.6931472))


def test_is_the_mean_over_all_pairs_of_peers() -> None:
    # The paper draws one example's prediction and another's label at random; here are all 64 draws.
    pairs = [F.cross_entropy(INPUT[i : i + 1], TARGET[j : j + 1]) for i in range(8) for j in range(8)]
    expected = F.cross_entropy(INPUT, TARGET) - 0.5 * torch.stack(pairs).mean()
    assert_close(peer_loss(INPUT, TARGET, prior=PRIOR, alpha=0.5), expected)


def test_linear_in_the_logits_at_one() -> None:
    share = PRIOR / PRIOR.sum()
    linear = -INPUT.gather(1, TARGET[:, None]).squeeze(1) + (share * INPUT).sum(1)
    assert_close(peer_loss(INPUT, TARGET, prior=PRIOR, reduction="none"), linear)
    assert_close(peer_loss(1e4 * INPUT, TARGET, prior=PRIOR), 1e4 * linear.mean())  # no lower bound


def test_no_peer_is_cross_entropy_and_counts_are_frequencies() -> None:
    assert_close(peer_loss(INPUT, TARGET, prior=PRIOR, alpha=0.0), cross_entropy(INPUT, TARGET))
    assert_close(peer_loss(INPUT, TARGET, prior=PRIOR / 8), peer_loss(INPUT, TARGET, prior=PRIOR))


def test_a_label_that_never_occurs_may_be_impossible() -> None:
    input = torch.tensor([[1.0, 0.0, -torch.inf]], requires_grad=True)
    loss = peer_loss(input, torch.tensor([0]), prior=torch.tensor([1.0, 1.0, 0.0]))
    loss.backward()
    assert_close(loss.item(), -0.5)  # -z_0 + (z_0 + z_1) / 2
    assert_close(input.grad, torch.tensor([[-0.5, 0.5, 0.0]]))


@pytest.mark.as_user
def test_the_prior_is_needed_and_checked() -> None:
    with pytest.raises(TypeError, match="missing a required argument: 'prior'"):
        PeerLoss()
    with pytest.raises(ValueError, match=r"`prior` must have shape \(3,\)"):
        peer_loss(INPUT, TARGET, prior=torch.ones(2))
