"""Link prediction: nodes that are linked point the same way."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction
from companion._margin import upcast
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._twin import Twin
from companion.losses.structured._pieces import check_edges, check_embeddings, ends


def link_prediction_loss(
    embeddings: Float[Tensor, "nodes dim"],
    edges: Integer[Tensor, "2 edges"],
    negative_edges: Integer[Tensor, "2 negatives"],
    *,
    sample_weight: Float[Tensor, " pairs"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Places linked nodes in the same direction, and pairs that are not linked in opposite ones.

    .. math:: \ell_{uv} = -\log \sigma(z_u \cdot z_v) \text{ for an edge} , \qquad
       \ell_{uv} = -\log \bigl(1 - \sigma(z_u \cdot z_v)\bigr) \text{ for a negative} ,

    the binary cross entropy of "linked", with the dot product as its logit. Negatives are pairs drawn at random, afresh
    in each step and usually as many as there are edges: of a sparse graph nearly all pairs would be negatives. Their
    share moves the probabilities, not the ranking. Orthogonal embeddings cost log 2 = 0.693 either way; a dot product
    of 2 costs 0.127 for an edge and 2.127 for a negative. Dot products have no direction, so neither has the link.

    Args:
        embeddings: One embedding per node, ``(N, D)``.
        edges: Pairs of nodes that are linked, ``(2, E)``. Those of a networkx graph whose nodes are numbered from 0 are
            ``torch.tensor(list(G.edges)).t()``.
        negative_edges: Pairs of nodes that are not, ``(2, M)``.
        sample_weight: One weight per pair, edges first, ``(E + M,)``. It enters the mean.
        reduction: ``"mean"`` over all pairs, ``"sum"`` or ``"none"``.

    Returns:
        The loss in nats per pair: a scalar, or ``(E + M,)``, edges first, under ``reduction="none"``. Without any pair
        it is 0.

    Raises:
        TypeError: If embeddings are not floating point, edges not integers, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> embeddings = torch.tensor([[1.0, 1.0], [1.0, 1.0], [1.0, -1.0]])
        >>> edges, negative_edges = torch.tensor([[0], [1]]), torch.tensor([[0, 1], [1, 2]])
        >>> link_prediction_loss(embeddings, edges, negative_edges, reduction="none")
        tensor([0.1269, 2.1269, 0.6931])

    References:
        Kipf, Welling, *Variational Graph Auto-Encoders*, NeurIPS Workshop on Bayesian Deep Learning, 2016.
        https://arxiv.org/abs/1611.07308
    """
    check_options("link_prediction_loss", reduction=reduction)
    check_embeddings("embeddings", embeddings)
    check_edges("edges", edges)
    check_edges("negative_edges", negative_edges)
    source, to = ends(upcast(embeddings), torch.cat([edges, negative_edges], dim=1))
    dot = (source * to).sum(dim=1)
    linked = torch.arange(dot.shape[0], device=dot.device) < edges.shape[1]
    return reduce_rows(-F.logsigmoid(torch.where(linked, dot, -dot)), sample_weight, reduction)


class LinkPredictionLoss(Twin, of=link_prediction_loss): ...
