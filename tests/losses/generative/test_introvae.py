"""IntroVAE: both players by hand, who pulls where, and the authors' program for means of a batch."""

import pytest
import torch
from torch.testing import assert_close

from companion.losses import introvae_loss

ERROR, REAL = torch.tensor([5.0, 1.0]), torch.tensor([2.0, 3.0])
MADE = torch.tensor([[4.0, 12.0], [9.0, 7.0]])


def test_by_hand() -> None:
    encoder = introvae_loss(ERROR, REAL, MADE, reduction="none")
    assert_close(encoder, torch.tensor([2 + 0.5 * 6 + 5, 3 + 0.5 * (1 + 3) + 1]))
    generator = introvae_loss(ERROR, REAL, MADE, player="generator", alpha=1.0, beta=2.0, reduction="none")
    assert_close(generator, torch.tensor([16.0 + 10.0, 16.0 + 2.0]))


def test_the_players_pull_made_rows_in_opposite_directions() -> None:
    slopes = {}
    for player in ("encoder", "generator"):
        real, made = REAL.clone().requires_grad_(), MADE.clone().requires_grad_()
        loss = introvae_loss(ERROR, real, made, player=player, reduction="sum")
        slopes[player] = torch.autograd.grad(loss, (real, made), materialize_grads=True, allow_unused=True)
    assert_close(slopes["encoder"][1], torch.tensor([[-0.5, 0.0], [-0.5, -0.5]]))  # none beyond the margin
    assert_close(slopes["generator"][1], torch.full((2, 2), 0.5))
    assert_close(slopes["encoder"][0], torch.ones(2))
    assert_close(slopes["generator"][0], torch.zeros(2))


def test_is_the_authors_program_on_the_means_of_a_batch() -> None:
    """Their update of the encoder, with weight_neg = weight_kl = weight_rec = 1 and m_plus = 10."""
    margin = (10 - MADE.mean(dim=0)).relu().sum() * 0.5
    found = introvae_loss(*(v.mean(dim=0, keepdim=True) for v in (ERROR, REAL, MADE)))
    assert_close(found, ERROR.mean() + REAL.mean() + margin)


def test_without_made_rows_it_is_the_bound() -> None:
    assert_close(introvae_loss(ERROR, REAL, MADE, alpha=0.0), (ERROR + REAL).mean())


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    with pytest.raises(ValueError, match=r"`player` must be one of 'encoder', 'generator', got 'critic'"):
        introvae_loss(ERROR, REAL, MADE, player="critic")
    with pytest.raises(ValueError, match=r"`made` must have shape \(N, S\).*got \(2,\).*torch.stack"):
        introvae_loss(ERROR, REAL, MADE[:, 0])
    with pytest.raises(ValueError, match=r"`real` must have shape \(2,\), one number per row, got \(1,\)"):
        introvae_loss(ERROR, REAL[:1], MADE)
    with pytest.raises(ValueError, match=r"`margin` must be at least 0.0, got -1.0"):
        introvae_loss(ERROR, REAL, MADE, margin=-1.0)
