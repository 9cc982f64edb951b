"""Bootstrapping by hand: whose share beta is, soft and hard, with and without the gradient of its own target."""

import math

import pytest
import torch
from torch.testing import assert_close

from companion.losses import bootstrap_loss, cross_entropy

INPUT = torch.tensor([[0.7, 0.2, 0.1]]).log()
LABEL = torch.tensor([2])
CE, H, BEST = -math.log(0.1), 0.8018186, -math.log(0.7)


def test_by_hand() -> None:
    assert_close(bootstrap_loss(INPUT, LABEL).item(), 0.95 * CE + 0.05 * H, rtol=1e-6, atol=0)
    assert_close(bootstrap_loss(INPUT, LABEL, mode="hard").item(), 0.8 * CE + 0.2 * BEST, rtol=1e-6, atol=0)


def test_beta_is_the_share_of_the_given_label() -> None:
    # Not of the prediction, as one reads at times.
    for mode in ("soft", "hard"):
        assert_close(bootstrap_loss(INPUT, LABEL, beta=1.0, mode=mode), cross_entropy(INPUT, LABEL))
    assert_close(bootstrap_loss(INPUT, LABEL, beta=0.0).item(), H, rtol=1e-6, atol=0)  # 0.80, not 0
    assert_close(bootstrap_loss(INPUT, LABEL, beta=0.0, mode="hard").item(), BEST, rtol=1e-6, atol=0)


def slope(**options: object) -> torch.Tensor:
    x = INPUT.double().requires_grad_()
    return torch.autograd.grad(bootstrap_loss(x, LABEL, **options), x)[0]


def test_soft_differentiates_its_own_prediction() -> None:
    # With q constant the second part would pull by p - q = 0, and only beta times cross entropy would remain.
    x = INPUT.double().requires_grad_()
    (plain,) = torch.autograd.grad(cross_entropy(x, LABEL), x)
    assert not torch.allclose(slope(beta=0.8), 0.8 * plain, rtol=1e-2)


def test_hard_pulls_at_the_best_class_too() -> None:
    # beta (p - e_2) + (1 - beta) (p - e_0) at beta = 1/2: (0.7 - 0.5, 0.2, 0.1 - 0.5)
    found = slope(beta=0.5, mode="hard")
    assert_close(found, torch.tensor([[0.2, 0.2, -0.4]], dtype=torch.float64))


@pytest.mark.as_user
def test_hard_derivatives_and_compile() -> None:
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([0, 1, 2])

    def hard(z: torch.Tensor) -> torch.Tensor:
        return bootstrap_loss(z, target, mode="hard")

    assert torch.autograd.gradcheck(hard, x)
    assert torch.autograd.gradgradcheck(hard, x)
    assert_close(torch.compile(hard, fullgraph=True, backend="aot_eager")(x), hard(x))
    assert_close(torch.vmap(hard)(x.expand(2, 3, 4)), hard(x).expand(2))


def test_probabilities_are_labels_too() -> None:
    y = torch.tensor([[0.25, 0.25, 0.5]])
    by_hand = sum(y[0, c] * bootstrap_loss(INPUT, torch.tensor([c]), mode="hard") for c in range(3))
    assert_close(bootstrap_loss(INPUT, y, mode="hard"), by_hand)


@pytest.mark.as_user
def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match=r"`beta` must be between 0.0 and 1.0, got 1.5"):
        bootstrap_loss(INPUT, LABEL, beta=1.5)
    with pytest.raises(ValueError, match=r"`mode` must be one of 'soft', 'hard', got 'mild'"):
        bootstrap_loss(INPUT, LABEL, mode="mild")
