"""L1 penalty: weights that earn nothing are pulled to zero, and one step that puts them there."""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from companion._margin import upcast
from companion._options import check_options
from companion.losses.regularization._params import add_up, penalised


def l1_penalty(params: nn.Module | Iterable[Tensor]) -> Float[Tensor, ""]:
    r"""Pulls every weight towards zero with the same force, however small it is.

    .. math:: \Omega = \sum_i |\theta_i| .

    A sum and no mean: the strength that suits a model depends on its size. The slope is the sign of the weight, 0 at
    0. Gradient descent on it steps over zero and back, so hardly a weight becomes exactly zero; use
    :func:`proximal_l1_` after each step for that, and leave this term out of the loss.

    A bias is what has "bias" in its name, at any level. The parts of a weight under ``weight_norm`` or another
    parametrisation count as they are, not as the weight that they make, and a norm layer of your own is not recognised:
    pass a list of tensors where that matters.

    Args:
        params: A module, of which biases, the parameters of torch's norm layers and what is frozen are left out and
            shared weights count once; or an iterable of tensors, all of which count.

    Returns:
        The sum of the absolute values, a scalar; 0 for a module without weights.

    Raises:
        TypeError: If ``params`` is neither a module nor an iterable of floating point tensors.
        ValueError: If an iterable is empty.

    Example:
        >>> import torch
        >>> l1_penalty([torch.tensor([3.0, -4.0]), torch.tensor(1.0)])
        tensor(8.)

    References:
        Tibshirani, *Regression Shrinkage and Selection via the Lasso*, Journal of the Royal Statistical Society B,
        1996. https://doi.org/10.1111/j.2517-6161.1996.tb02080.x
    """
    return add_up([upcast(p).abs().sum() for p in penalised(params)])


def proximal_l1_(params: nn.Module | Iterable[Tensor], threshold: float) -> None:
    r"""Moves every weight towards zero by a threshold and stops there: a step of L1 with exact zeros.

    .. math:: \theta_i \leftarrow \mathrm{sign}(\theta_i) \, \max(|\theta_i| - t, 0) .

    It is the proximal operator of :math:`t` times :func:`l1_penalty`, in place and without a gradient. Called after
    ``optimizer.step()`` of plain SGD with ``threshold = lr * strength`` it minimises the loss plus ``strength`` times
    the penalty. At a threshold of 0.1 a weight of 0.25 becomes 0.15 and one of -0.05 becomes 0. After a step of Adam
    the same call is a heuristic, since Adam scales the gradient of every weight by itself.

    Args:
        params: A module, of which biases, the parameters of torch's norm layers and what is frozen are left alone; or
            an iterable of tensors, all of which are changed.
        threshold: How far a weight moves, at least 0, in its own unit.

    Returns:
        Nothing: the tensors are changed in place.

    Raises:
        TypeError: If ``params`` is neither a module nor an iterable of floating point tensors, or ``threshold`` is no
            number.
        ValueError: If an iterable is empty or ``threshold`` is negative.

    Example:
        >>> import torch
        >>> weight = torch.nn.Parameter(torch.tensor([0.25, -0.05, -2.0]))
        >>> proximal_l1_([weight], 0.1)
        >>> weight.data
        tensor([ 0.1500,  0.0000, -1.9000])

    References:
        Parikh, Boyd, *Proximal Algorithms*, Foundations and Trends in Optimization, 2014.
        https://web.stanford.edu/~boyd/papers/prox_algs.html
    """
    check_options("proximal_l1_", threshold=threshold)
    with torch.no_grad():
        for p in penalised(params):
            p.sub_(p.clamp(-threshold, threshold))
