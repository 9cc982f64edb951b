"""L2 penalty: large weights pay most."""

from collections.abc import Iterable

from jaxtyping import Float
from torch import Tensor, nn

from companion._margin import upcast
from companion.losses.regularization._params import add_up, penalised


def l2_penalty(params: nn.Module | Iterable[Tensor]) -> Float[Tensor, ""]:
    r"""Pulls every weight towards zero in proportion to its size.

    .. math:: \Omega = \sum_i \theta_i^2 .

    A sum of squares, without 1/2 and without a root. Under plain SGD ``strength * l2_penalty(params)`` is the same as
    ``weight_decay = 2 * strength`` on the same parameters. Under Adam it is not: the gradient of the penalty is scaled
    weight by weight with the rest, so weights with large gradients hardly decay. ``AdamW`` decays all of them alike.
    The weights 3 and -4 cost 25 and are pulled by 6 and 8.

    Args:
        params: A module, of which biases, the parameters of torch's norm layers and what is frozen are left out and
            shared weights count once; or an iterable of tensors, all of which count.

    Returns:
        The sum of squares, a scalar; 0 for a module without weights.

    Raises:
        TypeError: If ``params`` is neither a module nor an iterable of floating point tensors.
        ValueError: If an iterable is empty.

    Example:
        >>> import torch
        >>> l2_penalty([torch.tensor([3.0, -4.0])])
        tensor(25.)

    References:
        Loshchilov, Hutter, *Decoupled Weight Decay Regularization*, ICLR 2019. https://arxiv.org/abs/1711.05101
    """
    return add_up([upcast(p).square().sum() for p in penalised(params)])
