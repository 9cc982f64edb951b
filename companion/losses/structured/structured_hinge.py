"""Structured hinge loss: the right structure ahead of every other one, by as much as that one is wrong."""

import torch
from jaxtyping import Bool, Float, Integer, Shaped
from torch import Tensor

from companion._checks import Reduction
from companion._margin import upcast
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._twin import Twin
from companion.losses.structured._chain import chain, check_chain, gold, scan


def structured_hinge_loss(
    emissions: Float[Tensor, "batch steps tags"],
    tags: Integer[Tensor, "batch steps"],
    mask: Bool[Tensor, "batch steps"] | None = None,
    *,
    transitions: Float[Tensor, "tags tags"] | None = None,
    start: Float[Tensor, " tags"] | None = None,
    end: Float[Tensor, " tags"] | None = None,
    cost: float | Shaped[Tensor, ""] | Shaped[Tensor, "tags tags"] = 1.0,
    sample_weight: Float[Tensor, " batch"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Holds the true tagging ahead of every other one, by a margin that grows with the number of wrong tags.

    .. math:: \ell = \max_{y'} \bigl[ \Delta(y, y') + s(y') - s(y) \bigr]_+ ,
       \qquad \Delta(y, y') = \sum_t \mathtt{cost} \cdot [y_t \ne y'_t] ,

    with the score s of :func:`crf_loss`: a structured support vector machine with the margin rescaled. The largest term
    is found by the algorithm of Viterbi on emissions raised by the cost, and it alone has a gradient, which tied rivals
    share. Two steps, of which the true tags lead by 0.4 and by 3 without any transitions, cost 1 - 0.4 = 0.6. It asks
    for no probabilities and gives none: where they are wanted, use :func:`crf_loss`. Like that one it is compiled anew
    for every T.

    Anything that can be enumerated is a chain of one step: for scores ``(N, K)`` and the index ``(N,)`` of the right
    one, pass ``scores.unsqueeze(1)`` and ``index.unsqueeze(1)``, and the costs as ``(K, K)``.

    Args:
        emissions: One score per step and tag, ``(N, T, C)``.
        tags: The true tag of each step, ``(N, T)``; anything where masked.
        mask: True where a step counts, ``(N, T)``, as in :func:`crf_loss`. Without it all count.
        transitions: Score of each step from a tag, the row, to the next, the column: ``(C, C)``.
        start: Score of each tag at the first step, ``(C,)``.
        end: Score of each tag at the last step, ``(C,)``.
        cost: Price of a wrong tag, in units of the score, at least 0: a number, or ``(C, C)`` with the true tag as the
            row and the other as the column; its diagonal is not charged. 0 is the structured perceptron.
        sample_weight: One weight per sequence, ``(N,)``. It enters the mean.
        reduction: ``"mean"``, over sequences whatever their lengths, ``"sum"`` or ``"none"``.

    Returns:
        The loss in units of the score: a scalar, or ``(N,)`` under ``reduction="none"``.

    Raises:
        TypeError: If ``tags`` are not integers, ``mask`` not bool, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> emissions, tags = torch.tensor([[[0.4, 0.0], [0.0, 3.0]]]), torch.tensor([[0, 1]])
        >>> structured_hinge_loss(emissions, tags)
        tensor(0.6000)
        >>> structured_hinge_loss(emissions, tags, transitions=2 * torch.eye(2))  # (1, 1) now scores 5, (0, 1) 3.4
        tensor(2.6000)

    References:
        Tsochantaridis, Joachims, Hofmann, Altun, *Large Margin Methods for Structured and Interdependent Output
        Variables*, Journal of Machine Learning Research 6, 2005, section 2.
        https://www.jmlr.org/papers/v6/tsochantaridis05a.html

        Taskar, Guestrin, Koller, *Max-Margin Markov Networks*, NeurIPS 2003 (the cost of a chain).
        https://papers.nips.cc/paper/2397-max-margin-markov-networks.pdf
    """
    check_options(
        "structured_hinge_loss", transitions=transitions, start=start, end=end, cost=cost, reduction=reduction
    )
    check_chain(emissions, tags, mask, transitions, start, end)
    _check_cost(cost, emissions.shape[2])
    whole = chain(emissions, mask, transitions, start, end)
    raised = whole._replace(emissions=whole.emissions + _costs(cost, whole.emissions, tags, whole.mask))
    # The true tagging is among them: the largest lead is never below 0.
    loss = scan(raised, gold(whole, tags), torch.amax).to(upcast(emissions).dtype)
    valid = whole.mask.any(dim=1)
    return reduce_rows(loss, sample_weight, reduction, valid=valid)


def _costs(cost: float | Tensor, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
    """What each tag costs at each step, (N, T, C)."""
    tags = tags.long().masked_fill(~mask, 0)
    wrong = torch.arange(emissions.shape[2], device=emissions.device) != tags.unsqueeze(2)
    price = torch.as_tensor(cost, dtype=emissions.dtype, device=emissions.device)
    return torch.where(wrong, price[tags] if price.dim() == 2 else price, 0.0)


def _check_cost(cost: float | Tensor, classes: int) -> None:
    if isinstance(cost, Tensor) and cost.dim() > 0 and cost.shape != (classes, classes):
        raise ValueError(
            f"`cost` must be a number or have shape ({classes}, {classes}), one row and one column per tag of "
            f"`emissions`, got {tuple(cost.shape)}."
        )


class StructuredHingeLoss(Twin, of=structured_hinge_loss): ...
