"""Elastic net: a share of L1 and a share of L2."""

from collections.abc import Iterable

from jaxtyping import Float
from torch import Tensor, nn

from companion._margin import upcast
from companion._options import check_options
from companion.losses.regularization._params import add_up, penalised


def elastic_net_penalty(params: nn.Module | Iterable[Tensor], *, l1_ratio: float | Tensor = 0.5) -> Float[Tensor, ""]:
    r"""Pulls weights to zero like L1, and shares the work among weights that say the same like L2.

    With :math:`r` the ``l1_ratio``,

    .. math:: \Omega = r \sum_i |\theta_i| + \frac{1 - r}{2} \sum_i \theta_i^2 .

    ``l1_ratio=1`` is :func:`l1_penalty` and ``l1_ratio=0`` half of :func:`l2_penalty`: the 1/2 is that of
    scikit-learn's ``ElasticNet``. At 0.5 the weights 3 and -4 cost 0.5 * 7 + 0.25 * 25 = 9.75.

    Args:
        params: A module, of which biases, the parameters of torch's norm layers and what is frozen are left out and
            shared weights count once; or an iterable of tensors, all of which count.
        l1_ratio: Share of L1, in [0, 1]. A 0-d tensor may carry a gradient.

    Returns:
        The penalty, a scalar; 0 for a module without weights.

    Raises:
        TypeError: If ``params`` is neither a module nor an iterable of floating point tensors.
        ValueError: If an iterable is empty or ``l1_ratio`` is out of range.

    Example:
        >>> import torch
        >>> elastic_net_penalty([torch.tensor([3.0, -4.0])])
        tensor(9.7500)

    References:
        Zou, Hastie, *Regularization and Variable Selection via the Elastic Net*, Journal of the Royal Statistical
        Society B, 2005. https://doi.org/10.1111/j.1467-9868.2005.00503.x
    """
    check_options("elastic_net_penalty", l1_ratio=l1_ratio)
    sums = [(upcast(p).abs().sum(), upcast(p).square().sum()) for p in penalised(params)]
    l1, l2 = (add_up([pair[i] for pair in sums]) for i in (0, 1))
    return l1_ratio * l1 + (1 - l1_ratio) / 2 * l2
