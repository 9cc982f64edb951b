"""Graph contrastive loss: each node knows itself in another view of the graph."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from companion._checks import Reduction
from companion._margin import class_loss, upcast
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._similarity import cosine_logits
from companion._twin import Twin
from companion.losses.structured._pieces import check_embeddings, check_pair


def graph_contrastive_loss(
    view1: Float[Tensor, "nodes dim"],
    view2: Float[Tensor, "nodes dim"],
    *,
    temperature: float | Tensor = 0.5,
    sample_weight: Float[Tensor, " nodes"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Draws the two embeddings of a node together and all those of other nodes apart, in both views of a graph.

    .. math:: \ell_i = \tfrac12 \bigl( \ell(u_i, v_i) + \ell(v_i, u_i) \bigr) , \qquad
       \ell(u_i, v_i) = -\log \frac{e^{\cos(u_i, v_i) / \tau}}
       {\sum_k e^{\cos(u_i, v_k) / \tau} + \sum_{k \ne i} e^{\cos(u_i, u_k) / \tau}} ,

    with the embeddings u and v of the nodes in two views, made by dropping edges and masking features at random. No
    labels are wanted. Of the 2N - 1 candidates of a node one is right, so a model that knows nothing pays
    log(2N - 1). Two nodes whose views agree and are orthogonal cost log(1 + 2 exp(-1 / 0.5)) = 0.240. It is the loss of
    SimCLR on nodes, and takes memory for (2N)^2 cosines: sample the nodes of large graphs. A neighbour is a negative
    like any other, though its embedding may rightly be near.

    Args:
        view1: One embedding per node, ``(N, D)``, of any length. A row of zeros has a cosine of 0 with all.
        view2: The embedding of the same nodes in the other view, ``(N, D)``.
        temperature: :math:`\tau`, above 0. A 0-d tensor may carry a gradient.
        sample_weight: One weight per node, ``(N,)``. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss in nats per node: a scalar, or ``(N,)`` under ``reduction="none"``. A single node, which has nothing to
        be told from, costs 0.

    Raises:
        TypeError: If embeddings are not floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> graph_contrastive_loss(torch.eye(2), torch.eye(2))
        tensor(0.2395)

    References:
        Zhu, Xu, Yu, Liu, Wu, Wang, *Deep Graph Contrastive Representation Learning*, ICML Workshop on Graph
        Representation Learning and Beyond, 2020, equations (1) and (2). https://arxiv.org/abs/2006.04131
    """
    check_options("graph_contrastive_loss", temperature=temperature, reduction=reduction)
    check_embeddings("view1", view1)
    check_pair("view1", view1, "view2", view2)
    nodes = view1.shape[0]
    both = upcast(torch.cat([view1, view2]))
    if nodes == 0:
        return reduce_rows(both.sum(dim=1), sample_weight, reduction)
    itself = torch.eye(2 * nodes, dtype=torch.bool, device=both.device)
    logits = cosine_logits(both, both, temperature).masked_fill(itself, float("-inf"))
    other = torch.arange(2 * nodes, device=both.device).roll(nodes)
    loss = class_loss(lambda m: -F.logsigmoid(m), logits, other, reduction="none")
    loss = (loss[:nodes] + loss[nodes:]) / 2
    return reduce_rows(loss, sample_weight, reduction)


class GraphContrastiveLoss(Twin, of=graph_contrastive_loss): ...
