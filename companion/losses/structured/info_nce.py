"""InfoNCE: each query knows its own key among others."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from companion._checks import Reduction
from companion._margin import class_loss
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._similarity import cosine_logits, own_cosine_logits
from companion._twin import Twin
from companion.losses.structured._pieces import check_embeddings, check_pair, in_one_dtype


def info_nce_loss(
    query: Float[Tensor, "batch dim"],
    key: Float[Tensor, "batch dim"],
    negatives: Float[Tensor, "negatives dim"] | None = None,
    *,
    temperature: float | Tensor = 0.07,
    sample_weight: Float[Tensor, " batch"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Draws each query towards its own key and away from the keys of others.

    .. math:: \ell_i = -\log \frac{e^{\cos(q_i, k_i) / \tau}}
       {e^{\cos(q_i, k_i) / \tau} + \sum_j e^{\cos(q_i, n_j) / \tau}} .

    The negatives n are the keys of the other rows, or ``negatives`` in their place, such as a queue of older keys. It
    is the cross entropy of finding the right one of K candidates, the N keys or the own key and M negatives, so log K
    less the loss is at most the mutual information of query and key, and a model that knows nothing pays log K. The
    lower the temperature, the more the nearest negatives count alone. With cosines 1 and 0 and a temperature of 0.5 it
    is log(1 + exp(-2)) = 0.127. A query without any negative costs 0 and is left out of the mean. It compares queries
    with keys only: see :func:`graph_contrastive_loss` for both directions and for neighbours within a view.

    All three get a gradient: for momentum contrast pass ``key.detach()`` and ``negatives.detach()``. It takes memory
    for the cosines of all queries with all candidates, N by N or N by M.

    Args:
        query: One embedding per row, ``(N, D)``, of any length. A row of zeros has a cosine of 0 with all.
        key: The embedding that belongs to each query, ``(N, D)``.
        negatives: Embeddings that belong to none, ``(M, D)``, for all queries alike.
        temperature: :math:`\tau`, above 0. A 0-d tensor may carry a gradient. The default is that of He et al.
        sample_weight: One weight per query, ``(N,)``. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss in nats per query: a scalar, or ``(N,)`` under ``reduction="none"``.

    Raises:
        TypeError: If embeddings are not floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> query, key = torch.eye(2), 3 * torch.eye(2)
        >>> info_nce_loss(query, key, temperature=0.5)
        tensor(0.1269)
        >>> info_nce_loss(query, key, torch.tensor([[1.0, 0.0]]), temperature=0.5, reduction="none")
        tensor([0.6931, 0.1269])

    References:
        van den Oord, Li, Vinyals, *Representation Learning with Contrastive Predictive Coding*, 2018, equation (4).
        https://arxiv.org/abs/1807.03748

        He, Fan, Wu, Xie, Girshick, *Momentum Contrast for Unsupervised Visual Representation Learning*, CVPR 2020,
        equation (1) (cosines, and a queue of negatives). https://arxiv.org/abs/1911.05722
    """
    check_options("info_nce_loss", temperature=temperature, reduction=reduction)
    check_embeddings("query", query)
    check_pair("query", query, "key", key)
    if negatives is not None:
        _check_negatives(negatives, query)
    query, key, others = in_one_dtype(query, key, key if negatives is None else negatives)
    logits = cosine_logits(query, others, temperature)
    rows = right = torch.arange(query.shape[0], device=query.device)
    if negatives is not None:
        logits = torch.cat([own_cosine_logits(query, key, temperature), logits], dim=1)
        right = torch.zeros_like(rows)
    if query.shape[0] == 0:
        return reduce_rows(logits.sum(dim=1), sample_weight, reduction)
    loss = class_loss(lambda m: -F.logsigmoid(m), logits, right, reduction="none")
    valid = torch.full_like(rows, logits.shape[1] > 1, dtype=torch.bool)
    return reduce_rows(loss, sample_weight, reduction, valid=valid)


def _check_negatives(negatives: Tensor, query: Tensor) -> None:
    check_embeddings("negatives", negatives)
    if negatives.shape[1] != query.shape[1]:
        raise ValueError(
            f"`negatives` must have shape (M, {query.shape[1]}), embeddings as long as those of `query`, "
            f"got {tuple(negatives.shape)}."
        )


class InfoNCELoss(Twin, of=info_nce_loss): ...
