"""CTC by hand, over every path, beside torch's own, and where no path spells the target."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from companion.losses import CTCLoss, ctc_feasible, ctc_loss


def spelt(path: tuple[int, ...], blank: int) -> list[int]:
    return [c for c, _ in itertools.groupby(path) if c != blank]


def over_every_path(logits: Tensor, target: list[int], blank: int) -> Tensor:
    log_p = logits.log_softmax(-1)
    steps, classes = log_p.shape
    paths = [p for p in itertools.product(range(classes), repeat=steps) if spelt(p, blank) == target]
    return -torch.stack([log_p[range(steps), list(p)].sum() for p in paths]).logsumexp(0)


def batch(*, steps: int = 5, rows: int = 4, classes: int = 3, labels: int = 2) -> tuple[Tensor, ...]:
    logits = torch.randn(steps, rows, classes, dtype=torch.float64)
    targets = torch.randint(1, classes, (rows, labels))
    return logits, targets, torch.full((rows,), steps), torch.full((rows,), labels)


def test_by_hand() -> None:
    # Two steps, p(a) = 3/4 and 1/4: of `a a`, `a _` and `_ a`, 3/16 + 9/16 + 1/16.
    logits = torch.tensor([[[0.0, math.log(3)]], [[math.log(3), 0.0]]])
    one = torch.tensor([1])
    assert_close(ctc_loss(logits, torch.tensor([[1]]), 2 * one, one).item(), math.log(16 / 13))


@pytest.mark.parametrize("target", [[], [1], [2, 1], [1, 1], [1, 2, 1], [2, 2, 1]], ids=str)
@pytest.mark.parametrize("blank", [0, 3])
def test_is_the_sum_over_every_path(target: list[int], blank: int) -> None:
    logits = torch.randn(5, 1, 4, dtype=torch.float64, requires_grad=True)
    targets, length = torch.tensor([target], dtype=torch.long), torch.tensor([len(target)])
    loss = ctc_loss(logits, targets, torch.tensor([5]), length, blank=blank)
    right = over_every_path(logits[:, 0], target, blank)
    assert_close(loss, right)
    assert_close(torch.autograd.grad(loss, logits), torch.autograd.grad(right, logits))


def test_is_that_of_torch_but_for_the_mean() -> None:
    logits, targets, _, _ = batch(rows=3, steps=6, labels=3)
    lengths = torch.tensor([6, 5, 4]), torch.tensor([3, 1, 0])
    log_p = logits.log_softmax(-1)
    none, theirs = (ctc_loss(logits, targets, *lengths, reduction="none"), F.ctc_loss(log_p, targets, *lengths))
    assert_close(none, F.ctc_loss(log_p, targets, *lengths, reduction="none"))
    assert_close(ctc_loss(logits, targets, *lengths), none.mean())
    assert_close(theirs, (none / torch.tensor([3, 1, 1])).mean())


def test_the_plain_path_is_the_kernels() -> None:
    logits, targets, _, _ = batch(rows=6, steps=7, labels=3)
    lengths = torch.tensor([7, 6, 5, 4, 7, 0]), torch.tensor([3, 2, 1, 0, 3, 0])
    eager = ctc_loss(logits, targets, *lengths, reduction="none")
    plain, slope = torch.func.vjp(lambda x: ctc_loss(x, targets, *lengths, reduction="none"), logits)
    assert_close(plain, eager)
    logits.requires_grad_()
    kernel = torch.autograd.grad(ctc_loss(logits, targets, *lengths, reduction="sum"), logits)
    assert_close(slope(torch.ones_like(plain)), kernel)


def test_an_impossible_target_costs_nothing_and_moves_nothing() -> None:
    logits, _, _, _ = batch(rows=4, steps=3)
    logits.requires_grad_()
    targets = torch.tensor([[1, 2, 0, 0], [1, 1, 1, 0], [1, 2, 1, 2], [1, 0, 2, 0]])  # well; repeats; too long; a blank
    lengths = torch.full((4,), 3), torch.tensor([2, 3, 4, 3])
    assert ctc_feasible(targets, *lengths).tolist() == [True, False, False, False]
    loss = ctc_loss(logits, targets, *lengths)
    assert_close(loss, ctc_loss(logits[:, :1], targets[:1], lengths[0][:1], lengths[1][:1]))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient[:, 0].abs().min() > 0
    assert (gradient[:, 1:] == 0).all()


def test_every_target_impossible_is_zero() -> None:
    logits = torch.randn(1, 2, 3, requires_grad=True)
    loss = ctc_loss(logits, torch.ones(2, 2, dtype=torch.long), torch.tensor([1, 1]), torch.tensor([2, 2]))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert loss == 0
    assert (gradient == 0).all()


@pytest.mark.parametrize("steps", [0, 2])
def test_an_empty_target_wants_only_blanks(steps: int) -> None:
    logits = torch.zeros(steps, 1, 2)
    loss = ctc_loss(logits, torch.zeros(1, 0, dtype=torch.long), torch.tensor([steps]), torch.tensor([0]))
    assert_close(loss.item(), steps * math.log(2))


def test_no_sequences_cost_nothing() -> None:
    none = torch.zeros(0, dtype=torch.long)
    assert ctc_loss(torch.zeros(3, 0, 2), none.view(0, 1), none, none) == 0


def test_padding_may_hold_anything() -> None:
    logits, targets, steps, _ = batch(labels=3)
    length = torch.ones(4, dtype=torch.long)
    padded = targets.index_fill(1, torch.tensor([1, 2]), -100)
    assert_close(ctc_loss(logits, padded, steps, length), ctc_loss(logits, targets[:, :1], steps, length))


def test_a_label_out_of_range_is_refused() -> None:
    logits, targets, *lengths = batch()
    with pytest.raises(IndexError):
        ctc_loss(logits, targets + 5, *lengths)


def test_small_gradients_of_long_sequences_keep_their_digits() -> None:
    # In float32, the sum over 1000 steps of -10 each leaves three digits to the gradient.
    logits, targets, *lengths = batch(steps=1000, labels=20)
    wide = (10 * logits).float().double().requires_grad_()
    single = wide.detach().float().requires_grad_()
    (exact,) = torch.autograd.grad(ctc_loss(wide, targets, *lengths), wide)
    (ours,) = torch.autograd.grad(ctc_loss(single, targets, *lengths), single)
    (torchs,) = torch.autograd.grad(F.ctc_loss(single.log_softmax(-1), targets, *lengths, reduction="sum") / 4, single)
    assert_close(ours, exact.float(), rtol=1e-5, atol=1e-7)
    assert (torchs - exact).abs().max() > 1e-4


@pytest.mark.as_user
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"logits": torch.zeros(5, 3)},
            ValueError,
            r"`logits` must have shape \(T, N, C\).*got \(5, 3\).*unsqueeze\(1\)",
        ),
        ({"logits": torch.zeros(4, 5, 3)}, ValueError, r"`logits` must have.*\(4, 5, 3\).*`logits.transpose\(0, 1\)`"),
        (
            {"input_lengths": torch.full((4, 1), 5)},
            ValueError,
            r"`input_lengths` must have shape \(4,\).*`input_lengths.squeeze\(-1\)`",
        ),
        ({"targets": torch.ones(4, 2)}, TypeError, r"`targets` must hold integers.*`targets.long\(\)`"),
        ({"targets": torch.ones(2, 4, dtype=torch.long)}, ValueError, r"`targets` must have shape \(4, 4\).*\(2, 4\)"),
        ({"targets": torch.ones(8, dtype=torch.long)}, ValueError, r"`targets` must have shape \(N, S\).*got \(8,\)"),
        ({"input_lengths": (5, 5, 5, 5)}, TypeError, r"`input_lengths` must be a tensor, got tuple.*torch.tensor"),
        ({"target_lengths": torch.tensor([2])}, ValueError, r"`target_lengths` must have shape \(4,\).*got \(1,\)"),
    ],
)
def test_says_what_is_wrong(change: dict[str, object], error: type[Exception], message: str) -> None:
    data = dict(zip(("logits", "targets", "input_lengths", "target_lengths"), batch(), strict=True))
    with pytest.raises(error, match=message):
        ctc_loss(**{**data, **change})


def test_a_class_that_never_comes_makes_its_targets_impossible() -> None:
    logits, _, *lengths = batch(rows=2)
    logits[:, :, 2] = -torch.inf
    targets = torch.tensor([[1, 1], [1, 2]])
    logits.requires_grad_()

    def loss(x: Tensor, reduction: str) -> Tensor:
        return ctc_loss(x, targets, *lengths, reduction=reduction)

    possible = ctc_loss(logits[:, :1, :2], targets[:1], *(n[:1] for n in lengths))
    plain, slope = torch.func.vjp(lambda x: loss(x, "mean"), logits.detach())
    for found in (loss(logits, "mean"), plain):
        assert_close(found, possible)
    assert loss(logits, "none")[1] == 0
    (gradient,) = torch.autograd.grad(loss(logits, "mean"), logits)
    assert_close(gradient, torch.autograd.grad(possible, logits)[0])
    assert_close(gradient, slope(torch.ones_like(plain))[0])


@pytest.mark.as_user
def test_the_blank_is_a_class() -> None:
    with pytest.raises(ValueError, match=r"`blank` must be one of the 3 classes of `logits`, got 3"):
        ctc_loss(*batch(), blank=3)
    with pytest.raises(ValueError, match=r"`blank` must be the index of a class, at least 0, got -1"):
        CTCLoss(blank=-1)
