"""Cross entropy of sequences of tokens, padded to one length."""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_floating
from companion._margin import class_loss, upcast
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._twin import Twin
from companion.losses.structured._pieces import check_integers, check_mask

Per = Literal["token", "sequence"]


def sequence_cross_entropy(
    logits: Float[Tensor, "batch steps classes"],
    target: Integer[Tensor, "batch steps"],
    mask: Bool[Tensor, "batch steps"] | None = None,
    *,
    per: Per = "token",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    sample_weight: Float[Tensor, "..."] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Teaches a model to give every next token its probability, given those before it.

    .. math:: \ell_{bt} = -\log p_{bt}(y_{bt}) , \qquad \ell_b = \sum_t \ell_{bt} = -\log p(y_b) .

    ``per="token"`` averages over the tokens that count, so a sequence weighs by its length; ``per="sequence"`` adds
    the tokens of a sequence up to the surprise at the whole of it, and averages over sequences. Two sequences of 1 and
    3 tokens at even odds cost log 2 = 0.693 per token, and (1 + 3) / 2 times as much per sequence. Where gradients of
    several batches are added up, use ``reduction="sum"`` and divide by the tokens of all: a mean of means weighs the
    tokens of a short batch more.

    Args:
        logits: One score per token of the vocabulary, ``(B, T, V)``: the classes come last, as models of language
            return them.
        target: Token indices, ``(B, T)``; anything where masked.
        mask: True where a token counts, ``(B, T)``. Without it all count.
        per: Unit of the loss, ``"token"`` or ``"sequence"``.
        ignore_index: Tokens with this value count as masked.
        label_smoothing: Share of the target, from 0 to 1, that is spread evenly over the vocabulary.
        sample_weight: One weight per sequence, ``(B,)``, or per token, ``(B, T)``, under ``per="token"``. It enters
            the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss in nats: a scalar, or under ``reduction="none"`` ``(B, T)`` per token and ``(B,)`` per sequence.

    Raises:
        TypeError: If ``target`` is not integer, ``mask`` not bool, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> logits, target = torch.zeros(2, 3, 2), torch.zeros(2, 3, dtype=torch.long)
        >>> mask = torch.tensor([[True, False, False], [True, True, True]])
        >>> sequence_cross_entropy(logits, target, mask)
        tensor(0.6931)
        >>> sequence_cross_entropy(logits, target, mask, per="sequence", reduction="none")
        tensor([0.6931, 2.0794])

    References:
        Bengio, Ducharme, Vincent, Jauvin, *A Neural Probabilistic Language Model*, Journal of Machine Learning
        Research 3, 2003, section 2. https://www.jmlr.org/papers/v3/bengio03a.html
    """
    check_options(
        "sequence_cross_entropy",
        per=per,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    check_floating("logits", logits)
    if logits.dim() != 3 or logits.shape[2] < 2:
        raise ValueError(
            "`logits` must have shape (B, T, V), one score per token of a vocabulary of at least 2, "
            f"got {tuple(logits.shape)}. For a single sequence add a batch axis: `logits.unsqueeze(0)`."
        )
    shape = tuple(logits.shape[:2])
    if isinstance(target, Tensor) and shape != target.shape == (shape[0], logits.shape[2]):
        raise ValueError(
            f"`logits` must have shape (B, T, V), the classes last, got {tuple(logits.shape)} beside a `target` "
            f"of shape {tuple(target.shape)}. Did you mean `logits.transpose(1, 2)`?"
        )
    check_integers("target", target, shape, "one token per step of `logits`")
    check_mask(mask, shape)

    x, target = upcast(logits), target.long()  # before the comparison: as uint8, -100 is 156
    if mask is not None:
        x = x.masked_fill(~mask.unsqueeze(2), 0.0)  # what is masked may be NaN, and 0 * NaN is NaN
        target = target.masked_fill(~mask, ignore_index)
    valid = target != ignore_index
    loss = class_loss(
        lambda m: -F.logsigmoid(m),
        x.flatten(0, 1),
        target.flatten(),
        ignore_index=ignore_index,
        reduction="none",
    ).view(shape)
    if label_smoothing > 0:
        even = -F.log_softmax(x, dim=2).mean(dim=2)
        loss = torch.lerp(loss, even, label_smoothing).masked_fill(~valid, 0.0)
    if per == "sequence":
        loss, valid = loss.sum(dim=1), valid.any(dim=1)
    return reduce_rows(loss, sample_weight, reduction, valid=valid)


class SequenceCrossEntropyLoss(Twin, of=sequence_cross_entropy): ...
