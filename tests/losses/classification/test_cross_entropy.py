"""Cross entropy by hand, beside torch's own, and beyond its digits."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from companion.losses import cross_entropy

WEIGHT = torch.tensor([0.5, 1.0, 3.0], dtype=torch.float64)


def test_by_hand() -> None:
    logits = torch.tensor([[0.0, 0.0], [math.log(9.0), 0.0]])  # p = (1/2, 1/2) and (9/10, 1/10)
    found = cross_entropy(logits, torch.tensor([0, 1]), reduction="none")
    assert_close(found, torch.tensor([math.log(2), math.log(10)]))


def test_smoothing_by_hand() -> None:
    # Two even classes: every target costs log 2, so smoothing changes nothing.
    assert_close(cross_entropy(torch.zeros(1, 2), torch.tensor([0]), label_smoothing=0.3).item(), math.log(2))
    # p = (9/10, 1/10), y = (0.9, 0.1): 0.9 log(10/9) + 0.1 log 10 = 0.3251.
    logits = torch.tensor([[math.log(9.0), 0.0]])
    assert_close(cross_entropy(logits, torch.tensor([0]), label_smoothing=0.2).item(), 0.32508297)


def test_small_losses_keep_their_digits() -> None:
    # 1 - p = 2 e^-20 / (1 + 2 e^-20); torch rounds p to 1 and returns 0.
    logits, target = torch.tensor([[20.0, 0.0, 0.0]]), torch.tensor([0])
    assert F.cross_entropy(logits, target) == 0
    assert_close(cross_entropy(logits, target).item(), math.log1p(2 * math.exp(-20)), rtol=1e-6, atol=0)


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5), (2, 3, 4, 5), (2, 3, 2, 3, 2), (1, 3), (4, 2)], ids=str)
@pytest.mark.parametrize("probabilities", [False, True], ids=["index", "probability"])
def test_is_that_of_torch_in_every_combination(shape: tuple[int, ...], probabilities: bool) -> None:
    input = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    classes = shape[1]
    target = torch.randint(classes, (shape[0], *shape[2:]))
    if probabilities:
        target = torch.randn(shape, dtype=torch.float64).softmax(1)
    else:
        target.view(-1)[0] = -100 if target.numel() > 1 else 0
    for weight in (None, WEIGHT[:classes]):
        for smoothing in (0.0, 0.1, 1.0):
            for reduction in ("none", "sum", "mean"):
                options = {"weight": weight, "label_smoothing": smoothing, "reduction": reduction}
                ours, torchs = cross_entropy(input, target, **options), F.cross_entropy(input, target, **options)
                assert_close(ours, torchs)
                slopes = (torch.autograd.grad(loss.sum(), input)[0] for loss in (ours, torchs))
                assert_close(*slopes)


def test_everything_ignored_is_zero_where_torch_says_nan() -> None:
    logits, target = torch.randn(2, 3), torch.tensor([-100, -100])
    assert F.cross_entropy(logits, target).isnan()
    assert cross_entropy(logits, target) == 0
