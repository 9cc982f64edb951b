"""Cross entropy of sequences by hand, beside torch's own, and its two units."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from companion.losses import SequenceCrossEntropyLoss, sequence_cross_entropy

MASK = torch.tensor([[True, False, False], [True, True, True]])


def batch() -> tuple[Tensor, Tensor]:
    return torch.randn(2, 3, 5, dtype=torch.float64), torch.randint(5, (2, 3))


def test_by_hand() -> None:
    # p of the tokens: 1/2; 3/4, 3/4, 1/4.
    logits = torch.tensor([[[0.0, 0.0]] * 3, [[math.log(3), 0.0]] * 3])
    target = torch.tensor([[0, 9, 9], [0, 0, 1]])
    first, second = math.log(2), 2 * math.log(4 / 3) + math.log(4)
    assert_close(sequence_cross_entropy(logits, target, MASK).item(), (first + second) / 4)
    assert_close(sequence_cross_entropy(logits, target, MASK, per="sequence").item(), (first + second) / 2)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_per_token_is_the_cross_entropy_of_torch(label_smoothing: float) -> None:
    logits, target = batch()
    masked = target.masked_fill(~MASK, -100)
    for reduction in ("none", "sum", "mean"):
        options = {"label_smoothing": label_smoothing, "reduction": reduction}
        right = F.cross_entropy(logits.mT, masked, **options)
        assert_close(sequence_cross_entropy(logits, target, MASK, **options), right)
        assert_close(sequence_cross_entropy(logits, masked, **options), right)


def test_small_losses_keep_their_digits() -> None:
    logits = torch.tensor([[[20.0, 0.0, 0.0]]])
    found = sequence_cross_entropy(logits, torch.zeros(1, 1, dtype=torch.long))
    assert_close(found.item(), math.log1p(2 * math.exp(-20)), rtol=1e-6, atol=0)


def test_the_whole_sequence_is_as_surprising_as_its_tokens_together() -> None:
    logits, target = batch()
    tokens = sequence_cross_entropy(logits, target, MASK, reduction="none")
    assert_close(sequence_cross_entropy(logits, target, MASK, per="sequence", reduction="none"), tokens.sum(1))


def test_an_empty_sequence_is_left_out_of_the_mean() -> None:
    logits, target = batch()
    logits.requires_grad_()
    mask = torch.tensor([[False] * 3, [True] * 3])
    loss = sequence_cross_entropy(logits, target, mask, per="sequence")
    assert_close(loss, sequence_cross_entropy(logits[1:], target[1:], per="sequence"))
    assert (torch.autograd.grad(loss, logits)[0][0] == 0).all()


@pytest.mark.parametrize("per", ["token", "sequence"])
@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (2, 3)], ids=str)
def test_nothing_to_learn_from_is_zero(per: str, shape: tuple[int, int]) -> None:
    logits, target = torch.randn(*shape, 5, requires_grad=True), torch.zeros(shape, dtype=torch.long)
    loss = sequence_cross_entropy(logits, target, torch.zeros(shape, dtype=torch.bool), per=per)
    assert loss == 0
    assert (torch.autograd.grad(loss, logits)[0] == 0).all()


def test_weights_are_per_sequence_or_per_token() -> None:
    logits, target = batch()
    rows, tokens = torch.tensor([1.0, 3.0]), torch.tensor([[1.0] * 3, [3.0] * 3])
    by_row = sequence_cross_entropy(logits, target, MASK, sample_weight=rows)
    assert_close(by_row, sequence_cross_entropy(logits, target, MASK, sample_weight=tokens))
    none = sequence_cross_entropy(logits, target, MASK, per="sequence", reduction="none")
    whole = sequence_cross_entropy(logits, target, MASK, per="sequence", sample_weight=rows)
    assert_close(whole, (none * rows).sum() / 4)


@pytest.mark.parametrize("label_smoothing", [1e-6, 0.1, 1.0])
def test_smoothing_keeps_the_digits_of_small_losses(label_smoothing: float) -> None:
    logits, target = torch.tensor([[[40.0, 0.0, 1.0]]]), torch.zeros(1, 1, dtype=torch.long)
    found = sequence_cross_entropy(logits, target, label_smoothing=label_smoothing)
    right = F.cross_entropy(logits[0].double(), target[0], label_smoothing=label_smoothing)
    assert_close(found, right.float(), rtol=1e-6, atol=0)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_what_is_masked_may_be_anything(bad: float, label_smoothing: float) -> None:
    logits, target = batch()
    broken = logits.masked_fill(~MASK.unsqueeze(2), bad).requires_grad_()
    logits.requires_grad_()
    one, other = (sequence_cross_entropy(x, target, MASK, label_smoothing=label_smoothing) for x in (broken, logits))
    assert_close(one, other)
    assert_close(torch.autograd.grad(one, broken), torch.autograd.grad(other, logits))


@pytest.mark.as_user
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"logits": torch.zeros(3, 5)}, ValueError, r"`logits` must have shape \(B, T, V\).*unsqueeze\(0\)"),
        (
            {"target": torch.zeros(2, 3, 5)},
            TypeError,
            r"`target` must hold integers.*one-hot, use `target.argmax\(-1\)`",
        ),
        ({"target": torch.zeros(2, 3)}, TypeError, r"`target` must hold integers.*`target.long\(\)`"),
        ({"target": torch.zeros(2, 3, 1, dtype=torch.long)}, ValueError, r"got \(2, 3, 1\).*`target.squeeze\(-1\)`"),
        (
            {"logits": torch.zeros(2, 5, 3)},
            ValueError,
            r"`logits` must have shape \(B, T, V\).*`logits.transpose\(1, 2\)`",
        ),
        (
            {"target": torch.zeros(3, 2, dtype=torch.long)},
            ValueError,
            r"\(2, 3\), one token.*got \(3, 2\).*target.t\(\)",
        ),
        ({"mask": torch.ones(2, 3)}, TypeError, r"`mask` must be bool.*`mask.bool\(\)`"),
        ({"mask": MASK[:1]}, ValueError, r"`mask` must have shape \(2, 3\), one bool per step, got \(1, 3\)"),
        ({"sample_weight": torch.ones(2, 3), "per": "sequence"}, ValueError, r"`sample_weight` must have shape \(2,\)"),
        ({"per": "word"}, ValueError, r"`per` must be one of 'token', 'sequence', got 'word'"),
    ],
)
def test_says_what_is_wrong(change: dict[str, object], error: type[Exception], message: str) -> None:
    logits, target = batch()
    with pytest.raises(error, match=message):
        sequence_cross_entropy(**{"logits": logits, "target": target, **change})


def test_the_mask_is_data_of_the_twin() -> None:
    logits, target = batch()
    twin = SequenceCrossEntropyLoss(per="sequence")
    assert_close(twin(logits, target, MASK), sequence_cross_entropy(logits, target, MASK, per="sequence"))
    assert_close(twin(logits, target, mask=MASK), twin(logits, target, MASK))
