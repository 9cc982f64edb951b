"""Lovász-softmax by hand, by the definition of the extension, and where its digits are lost elsewhere."""

import itertools

import pytest
import torch
from sklearn.metrics import jaccard_score
from torch import Tensor
from torch.testing import assert_close

from companion.losses import lovasz_softmax_loss
from companion.losses.regions import _lovasz


def logits_of(p: list[float]) -> Tensor:
    """Two classes, of which the second has these probabilities."""
    q = torch.tensor(p, dtype=torch.float64)
    return torch.stack([torch.zeros_like(q), torch.logit(q)]).unsqueeze(0)


def of_the_second(p: list[float], y: list[int], absent: str = "skip") -> float:
    return lovasz_softmax_loss(logits_of(p), torch.tensor([y]), absent=absent, reduction="none")[0, 1].item()


def test_by_hand() -> None:
    # Region {0}: 0.5 x (1 - 0).
    assert_close(of_the_second([0.5, 1e-12], [1, 0]), 0.5)
    # Errors 3/4 outside, 1/2 inside: the union grows to 2, so 3/4 x 1/2, then the rest 1/2 x 1/2.
    assert_close(of_the_second([0.5, 0.75], [1, 0]), 0.75 / 2 + 0.5 / 2)


def jaccard(mistakes: set[int], region: set[int]) -> float:
    return len(mistakes) / len(region | mistakes) if mistakes else 0.0


@pytest.mark.parametrize("region", [set(), {0}, {1, 3}, {0, 1, 2, 3}], ids=str)
def test_it_is_the_largest_of_the_linear_functions_below_the_set_function(region: set[int]) -> None:
    """The Lovász extension of a submodular function f is the maximum of g e over all g with g(A) <= f(A)."""
    errors = torch.tensor([0.9, 0.1, 0.6, 0.3], dtype=torch.float64)
    p = [1 - e if i in region else e for i, e in enumerate(errors.tolist())]
    best = 0.0
    for order in itertools.permutations(range(4)):  # the vertices of that set, one for each order
        f = [jaccard(set(order[:i]), region) for i in range(5)]
        best = max(best, sum(errors[i].item() * (f[k + 1] - f[k]) for k, i in enumerate(order)))
    assert_close(of_the_second(p, [int(i in region) for i in range(4)], "penalise"), best)


@pytest.mark.parametrize("seed", range(3))
def test_of_decisions_it_is_one_minus_the_score(seed: int) -> None:
    y, guess = torch.randint(4, (2, 50), generator=torch.Generator().manual_seed(seed))
    found = lovasz_softmax_loss(1000.0 * torch.nn.functional.one_hot(guess, 4), y, reduction="none")
    assert_close(found.double(), 1 - torch.as_tensor(jaccard_score(y, guess, average=None)))


def test_a_class_that_is_not_there() -> None:
    x, y = logits_of([0.5, 0.25]), torch.tensor([[0, 0]])
    # Of class 0 all is there: errors 0.5 and 0.25, each 1/2 of the union. Of class 1 the largest error.
    assert_close(lovasz_softmax_loss(x, y).item(), 0.375)
    assert_close(lovasz_softmax_loss(x, y, absent="penalise", reduction="none")[0].tolist(), [0.375, 0.5])


@pytest.mark.parametrize("batch", [False, True])
def test_rows_one_by_one_by_radix_are_all_at_once(batch: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = torch.randn(2, 3, 40, dtype=torch.float64, requires_grad=True), torch.randint(3, (2, 40))
    right = lovasz_softmax_loss(x, y, batch=batch)
    monkeypatch.setattr(_lovasz, "BY_RADIX", 0)
    found = lovasz_softmax_loss(x, y, batch=batch)
    assert_close(found, right, rtol=0, atol=0)
    assert_close(torch.autograd.grad(found, x), torch.autograd.grad(right, x), rtol=0, atol=0)


def test_large_images_keep_the_digits_of_the_gradient() -> None:
    """As differences of the Jaccard loss, the slopes of 90,000 pixels would be off by a part in a thousand."""
    x, y = torch.randn(1, 4, 300, 300), torch.randint(4, (1, 300, 300))
    slopes = []
    for z in (x.requires_grad_(), x.detach().double().requires_grad_()):
        (slope,) = torch.autograd.grad(lovasz_softmax_loss(z, y), z)
        slopes.append(slope.double())
    assert (slopes[0] - slopes[1]).norm() < 2e-6 * slopes[1].norm()


def test_gradient_away_from_ties_is_exact_in_single_precision() -> None:
    x = torch.tensor([[[9.0, 0.5, -20.0], [0.0, 0.0, 0.0], [-1.0, 0.3, 1.0]]])
    y = torch.tensor([[0, 1, 2]])
    slopes = []
    for z in (x.requires_grad_(), x.detach().double().requires_grad_()):
        slopes.append(torch.autograd.grad(lovasz_softmax_loss(z, y), z)[0].double())
    assert_close(slopes[0], slopes[1], rtol=1e-5, atol=0)


def test_ties_cost_the_same_in_any_order() -> None:
    assert_close(of_the_second([0.6, 0.4, 0.4], [1, 0, 0]), of_the_second([0.4, 0.4, 0.6], [0, 0, 1]))
    nudged = of_the_second([0.6, 0.4 + 1e-9, 0.4 - 1e-9], [1, 0, 0])
    assert_close(of_the_second([0.6, 0.4, 0.4], [1, 0, 0]), nudged, rtol=1e-7, atol=0)
