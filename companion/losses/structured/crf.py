"""Linear-chain conditional random field: a tag for every step, decided together."""

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from companion._checks import Reduction
from companion._margin import upcast
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._twin import Twin
from companion.losses.structured._chain import chain, check_chain, gold, scan


def crf_loss(
    emissions: Float[Tensor, "batch steps tags"],
    tags: Integer[Tensor, "batch steps"],
    mask: Bool[Tensor, "batch steps"] | None = None,
    *,
    transitions: Float[Tensor, "tags tags"],
    start: Float[Tensor, " tags"] | None = None,
    end: Float[Tensor, " tags"] | None = None,
    sample_weight: Float[Tensor, " batch"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Teaches a model to tag a whole sequence at once, where a tag makes another one likely beside it.

    .. math:: \ell = \log \sum_{y'} e^{s(y')} - s(y) ,
       \qquad s(y) = a_{y_1} + \sum_t e_{t, y_t} + \sum_{t > 1} A_{y_{t - 1}, y_t} + b_{y_T} ,

    with the emissions e, the ``transitions`` A, ``start`` a and ``end`` b: the negative log-likelihood of the tagging,
    to be minimised. The sum over all :math:`C^T` taggings takes T steps of :math:`C^2`. With transitions of 0 it is the
    sum of the cross entropies of the steps. Two steps of two tags and no emissions have four taggings: if staying
    scores log 3 and changing 0, each of the two that stay costs log(8 / 3) = 0.981.

    A masked step is skipped, wherever it stands: its neighbours become neighbours. A sequence without steps costs 0 and
    is left out of the mean. A transition is forbidden by a score such as -1e4. Minus infinity is right as long as each
    tag can be reached and the true tagging is allowed; otherwise the loss is infinite or its gradient NaN.

    For its gradient it keeps about T N C^2 numbers in float64: 50 steps of 32 sequences with 100 tags take 128 MB for
    each copy. ``torch.compile`` unrolls the loop over the steps and compiles anew for every T: pad to a few lengths,
    or leave the loss outside of the compiled region.

    Args:
        emissions: One score per step and tag, ``(N, T, C)``.
        tags: The true tag of each step, ``(N, T)``; anything where masked.
        mask: True where a step counts, ``(N, T)``. Without it all count.
        transitions: Score of each step from a tag, the row, to the next, the column: ``(C, C)``. Usually learned.
        start: Score of each tag at the first step, ``(C,)``.
        end: Score of each tag at the last step, ``(C,)``.
        sample_weight: One weight per sequence, ``(N,)``. It enters the mean.
        reduction: ``"mean"``, over sequences whatever their lengths, ``"sum"`` or ``"none"``.

    Returns:
        The loss in nats per sequence: a scalar, or ``(N,)`` under ``reduction="none"``.

    Raises:
        TypeError: If ``tags`` are not integers, ``mask`` not bool, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> emissions, transitions = torch.zeros(2, 2, 2), torch.tensor([[3.0, 1.0], [1.0, 3.0]]).log()
        >>> crf_loss(emissions, torch.tensor([[0, 0], [0, 1]]), transitions=transitions, reduction="none")
        tensor([0.9808, 2.0794])

    References:
        Lafferty, McCallum, Pereira, *Conditional Random Fields: Probabilistic Models for Segmenting and Labeling
        Sequence Data*, ICML 2001, section 3. https://works.bepress.com/andrew_mccallum/4/
    """
    check_options("crf_loss", transitions=transitions, start=start, end=end, reduction=reduction)
    check_chain(emissions, tags, mask, transitions, start, end)
    whole = chain(emissions, mask, transitions, start, end)
    loss = scan(whole, gold(whole, tags), torch.logsumexp).to(upcast(emissions).dtype)
    valid = whole.mask.any(dim=1)
    return reduce_rows(loss, sample_weight, reduction, valid=valid)


def crf_decode(
    emissions: Float[Tensor, "batch steps tags"],
    mask: Bool[Tensor, "batch steps"] | None = None,
    *,
    transitions: Float[Tensor, "tags tags"],
    start: Float[Tensor, " tags"] | None = None,
    end: Float[Tensor, " tags"] | None = None,
) -> tuple[Integer[Tensor, "batch steps"], Float[Tensor, " batch"]]:
    """Finds the best tagging under the scores of :func:`crf_loss`, by the algorithm of Viterbi.

    It takes T steps of C squared, not C to the power of T. Its score less that of the true tagging is what
    :func:`structured_hinge_loss` pays at a ``cost`` of 0. ``torch.compile`` compiles it anew for every T.

    Args:
        emissions: One score per step and tag, ``(N, T, C)``.
        mask: True where a step counts, ``(N, T)``. Without it all count.
        transitions: Score of each step from a tag, the row, to the next, the column: ``(C, C)``.
        start: Score of each tag at the first step, ``(C,)``.
        end: Score of each tag at the last step, ``(C,)``.

    Returns:
        The tags, ``(N, T)``, -1 where masked, and their scores, ``(N,)``. Of equal taggings it is one, always the same.

    Raises:
        TypeError: If scores are not floating point or ``mask`` is not bool.
        ValueError: If shapes disagree.

    Example:
        >>> import torch
        >>> emissions = torch.tensor([[[2.0, 0.0], [0.0, 1.0], [2.0, 0.0]]])  # the second step alone says tag 1
        >>> transitions = torch.tensor([[1.0, 0.0], [0.0, 1.0]])  # but staying is worth more
        >>> crf_decode(emissions, transitions=transitions)
        (tensor([[0, 0, 0]]), tensor([6.]))

    References:
        Viterbi, *Error Bounds for Convolutional Codes and an Asymptotically Optimum Decoding Algorithm*, IEEE
        Transactions on Information Theory 13(2), 1967. https://doi.org/10.1109/TIT.1967.1054010
    """
    check_options("crf_decode", transitions=transitions, start=start, end=end)
    check_chain(emissions, None, mask, transitions, start, end)
    c = chain(emissions, mask, transitions, start, end)
    rows, _, classes = c.emissions.shape
    alpha = c.start.expand(rows, -1)
    begun = torch.zeros(rows, 1, dtype=torch.bool, device=alpha.device)
    stay = torch.arange(classes, device=c.emissions.device).expand(rows, -1)
    back = []
    for emission, on in zip(c.emissions.unbind(1), c.mask.unsqueeze(2).unbind(1), strict=True):
        came, best = (alpha.unsqueeze(2) + c.transitions).max(dim=1)
        back.append(torch.where(on & begun, best, stay))
        alpha = torch.where(on, torch.where(begun, came, alpha) + emission, alpha)
        begun = begun | on
    score, tag = (alpha + c.end).max(dim=1, keepdim=True)
    path = []
    for step in reversed(back):
        path.append(tag)
        tag = step.gather(1, tag)
    tags = torch.cat(path[::-1], dim=1) if path else tag[:, :0]
    score = torch.where(c.mask.any(dim=1), score.squeeze(1), 0.0)
    return tags.masked_fill(~c.mask, -1), score.to(upcast(emissions).dtype)


class CRFLoss(Twin, of=crf_loss): ...
