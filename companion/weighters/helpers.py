"""The four helpers that the guide names, as thin as they are, each with what it does not do."""

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from companion._checks import above, at_least, finite, one_of
from companion.weighters._options import by_name, check_names


def loss_weighting(
    loss_components: Mapping[str, Tensor] | Sequence[Tensor],
    weight_vector: Mapping[str, float] | Sequence[float] | Tensor,
) -> Tensor:
    r"""Adds up the parts of a loss by fixed weights, which tells the model what each part is worth.

    .. math:: \sum_k w_k L_k

    :class:`~companion.weighters.Static` does the same with a history, checks of each step and a saved state. Under an
    optimiser such as Adam only the ratios of the weights matter: it divides every gradient by its own size.

    Args:
        loss_components: The losses, of one shape, by name or in order.
        weight_vector: One weight for each, finite, by the same names or in the same order.

    Returns:
        The weighted sum, of the shape of the losses.

    Raises:
        TypeError: If a weight is not a number.
        ValueError: If the weights do not fit the losses.

    Example:
        >>> loss_weighting({"task": torch.tensor(2.0), "penalty": torch.tensor(5.0)}, {"task": 1.0, "penalty": 0.1})
        tensor(2.5000)

    References:
        Xin, Ghorbani, Gilmer, Garg, Firat, *Do Current Multi-Task Optimization Methods in Deep Learning Even Help?*,
        NeurIPS 2022, on how far tuned weights go. https://arxiv.org/abs/2209.11379
    """
    if not isinstance(loss_components, Mapping):
        loss_components = {str(k): loss for k, loss in enumerate(loss_components)}
    names = check_names(tuple(loss_components))
    weights: Any = weight_vector.unbind() if isinstance(weight_vector, Tensor) else weight_vector
    chosen: list[float] = by_name("weight_vector", weights, names)
    for name, weight in zip(names, chosen, strict=True):
        finite(f"weight_vector[{name!r}]", weight)
    weighted = [weight * loss for weight, loss in zip(chosen, loss_components.values(), strict=True)]
    return torch.stack(weighted).sum(0)


def loss_annealing(initial_scale: float, epoch: float, decay_rate: float) -> float:
    r"""A factor for the loss that decays with the epochs, so that the model takes smaller steps under SGD.

    .. math:: s\, e^{-r\, t}

    On the whole loss it is a decay of the learning rate under SGD and does nothing under Adam, which divides the
    gradient by its own size. On one part of a loss it lowers what that part is worth, under any optimiser: see
    :func:`~companion.weighters.annealing_schedule`. With simulated annealing it shares the name only: that needs random
    moves uphill. Worked number: 1 at the rate 0.1 is 0.368 after 10 epochs.

    Args:
        initial_scale: s, the factor at epoch 0.
        epoch: t, at least 0.
        decay_rate: r, per epoch, at least 0.

    Returns:
        The factor.

    Raises:
        TypeError: If an argument is not a number.
        ValueError: If an argument is out of range.

    Example:
        >>> round(loss_annealing(1.0, epoch=10, decay_rate=0.1), 3)
        0.368

    References:
        Kingma, Ba, *Adam: A Method for Stochastic Optimization*, ICLR 2015, section 2.1: the steps do not change with
        the scale of the gradient. https://arxiv.org/abs/1412.6980
    """
    finite("initial_scale", initial_scale)
    at_least(0.0)("epoch", epoch)
    at_least(0.0)("decay_rate", decay_rate)
    return initial_scale * math.exp(-decay_rate * epoch)


def gradient_clipping(
    parameters: Tensor | Iterable[Tensor], threshold: float, *, by: Literal["norm", "value"] = "norm"
) -> Tensor:
    r"""Shortens the gradients of a step that are too long, so that one bad batch does not undo what the model learned.

    .. math::
        g \leftarrow g \min\Big(1, \frac{\theta}{\lVert g \rVert}\Big) \quad\text{(norm)}, \qquad
        g_i \leftarrow \min(\theta, \max(-\theta, g_i)) \quad\text{(value)}

    The norm is one for all parameters together, and the direction stays. By value each entry is cut for itself, which
    changes the direction. Below the threshold nothing happens: clipping does not even out the sizes of gradients. Call
    it after ``backward``, before the optimiser's step; under a ``GradScaler`` after ``scaler.unscale_(optimizer)``.
    It is torch's own, which adds 1e-6 to the norm. Worked number: the gradient (3, 4) has norm 5; clipped at 1 by norm
    it is (0.6, 0.8), by value (1, 1).

    Args:
        parameters: What has the gradients; they are changed in place.
        threshold: :math:`\theta`, above 0.
        by: ``"norm"`` or ``"value"``.

    Returns:
        The norm of the gradients before they were clipped, a scalar: worth a plot.

    Raises:
        TypeError: If ``threshold`` is not a number.
        ValueError: If ``threshold`` is not above 0 or ``by`` is unknown.

    Example:
        >>> parameter = torch.zeros(2, requires_grad=True)
        >>> parameter.grad = torch.tensor([3.0, 4.0])
        >>> gradient_clipping([parameter], 1.0), parameter.grad
        (tensor(5.), tensor([0.6000, 0.8000]))

    References:
        Pascanu, Mikolov, Bengio, *On the Difficulty of Training Recurrent Neural Networks*, ICML 2013.
        https://arxiv.org/abs/1211.5063
    """
    above(0.0)("threshold", threshold)
    one_of("norm", "value")("by", by)
    clipped = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    if by == "norm":
        return nn.utils.clip_grad_norm_(clipped, threshold)
    norm = nn.utils.get_total_norm([tensor.grad for tensor in clipped if tensor.grad is not None])
    nn.utils.clip_grad_value_(clipped, threshold)
    return norm


def integrate_scaling(
    training_loop: Callable[..., Any], loss_scaling_function: Callable[[Any], Tensor]
) -> Callable[..., Any]:
    """Put a scaling between the loss and the loop that trains on it, so that the model learns from the scaled loss.

    The loop must take the function that computes the loss as its first argument. What that returns goes through
    ``loss_scaling_function`` before the loop sees it; nothing else changes. A weighter is such a function, if the loss
    is computed in parts. It does not replace the loss scaling of float16 training, whose gradients must be divided
    again before the step: that is ``torch.amp.GradScaler``.

    Args:
        training_loop: A function whose first argument is a loss function.
        loss_scaling_function: Maps what the loss function returns to the loss to train on.

    Returns:
        The same loop with the scaling inside.

    Raises:
        TypeError: If one of them is not a function.

    Example:
        >>> def training_loop(loss_function, steps):
        ...     return [loss_function(torch.tensor(float(step))) for step in range(steps)]
        >>> integrate_scaling(training_loop, lambda loss: 0.5 * loss)(torch.square, steps=3)
        [tensor(0.), tensor(0.5000), tensor(2.)]

    References:
        Micikevicius et al., *Mixed Precision Training*, ICLR 2018, for the scaling that this is not.
        https://arxiv.org/abs/1710.03740
    """
    for name, given in (("training_loop", training_loop), ("loss_scaling_function", loss_scaling_function)):
        if not callable(given):
            raise TypeError(f"`{name}` must be a function, got {type(given).__name__}.")

    @functools.wraps(training_loop)
    def scaled_loop(loss_function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        def scaled(*inputs: Any, **settings: Any) -> Tensor:
            return loss_scaling_function(loss_function(*inputs, **settings))

        return training_loop(scaled, *args, **options)

    return scaled_loop
