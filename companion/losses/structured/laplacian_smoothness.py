"""Laplacian smoothness: neighbours in a graph get similar values."""

from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_floating
from companion._margin import upcast
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._twin import Twin
from companion.losses.structured._pieces import check_edges, ends


def laplacian_smoothness_loss(
    values: Float[Tensor, "nodes *features"],
    edges: Integer[Tensor, "2 edges"],
    weights: Float[Tensor, " edges"] | None = None,
    *,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Pulls the values of linked nodes together, in proportion to the weight of the link.

    .. math:: \ell_{uv} = w_{uv} \, \| f_u - f_v \|^2 , \qquad \sum_{uv} \ell_{uv} = \operatorname{tr}(f^T L f) ,

    with the graph's Laplacian L, every edge being listed once. It takes memory for the edges, not for L. The values of
    a path 0, 1, 3 cost 1 + 4 = 5 as a sum. A constant costs nothing, so it goes beside a loss that holds values to what
    is known of them. Where an edge joins what differs, it blurs.

    Args:
        values: One value, ``(N,)``, or several, ``(N, D)``, per node.
        edges: Pairs of linked nodes, ``(2, E)``, each once.
        weights: One weight per edge, ``(E,)``, at least 0; 1 by default. They scale the loss and enter the mean.
        reduction: ``"mean"``, the sum divided by that of the weights, ``"sum"`` or ``"none"``.

    Returns:
        The loss in squared units of ``values``: a scalar, or ``(E,)`` under ``reduction="none"``. Without edges it is
        0.

    Raises:
        TypeError: If values are not floating point, edges not integers, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> values, edges = torch.tensor([0.0, 1.0, 3.0]), torch.tensor([[0, 1], [1, 2]])
        >>> laplacian_smoothness_loss(values, edges, reduction="sum")
        tensor(5.)
        >>> laplacian_smoothness_loss(values, edges, torch.tensor([3.0, 1.0]))  # (3 + 4) / (3 + 1)
        tensor(1.7500)

    References:
        Belkin, Niyogi, Sindhwani, *Manifold Regularization: A Geometric Framework for Learning from Labeled and
        Unlabeled Examples*, Journal of Machine Learning Research 7, 2006, section 2.
        https://www.jmlr.org/papers/v7/belkin06a.html
    """
    check_options("laplacian_smoothness_loss", reduction=reduction)
    check_floating("values", values)
    if values.dim() not in (1, 2):
        raise ValueError(f"`values` must have shape (N,) or (N, D), one row per node, got {tuple(values.shape)}.")
    check_edges("edges", edges)
    if weights is not None:
        check_floating("weights", weights)
        if weights.shape != edges.shape[1:]:
            cure = " Did you mean `weights.squeeze(-1)`?" if weights.shape == (edges.shape[1], 1) else ""
            raise ValueError(
                f"`weights` must have shape ({edges.shape[1]},), one weight per edge, got {tuple(weights.shape)}.{cure}"
            )
    source, to = ends(upcast(values), edges)
    return reduce_rows((source - to).square().unsqueeze(-1).flatten(1).sum(dim=1), weights, reduction)


class LaplacianSmoothnessLoss(Twin, of=laplacian_smoothness_loss): ...
