"""Gradient penalty: how fast a model may change with its input."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from companion._checks import Reduction, check_floating
from companion._margin import transformed, upcast
from companion._options import check_options
from companion._reduce import reduce


def gradient_penalty(
    critic: Callable[[Tensor], Tensor],
    real: Float[Tensor, "batch *shape"],
    fake: Float[Tensor, "batch *shape"] | None = None,
    *,
    target: float = 1.0,
    one_sided: bool = False,
    generator: torch.Generator | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Keeps the slope of a critic near a target, at points between real and made examples.

    With one :math:`\alpha` per row, uniform on [0, 1], and the norm taken over all entries of the row,

    .. math:: \hat{x}_i = \alpha_i x_i + (1 - \alpha_i) \tilde{x}_i , \qquad
       \Omega_i = \bigl( \lVert \nabla_{\hat{x}_i} f(\hat{x}_i) \rVert_2 - t \bigr)^2 .

    ``one_sided`` charges slopes above the target only. Without ``fake`` the points are those of ``real``, and with
    ``target=0`` the penalty is the squared norm of the input gradient, which makes any model smooth in its input. A
    slope of 3 at target 1 costs 4; the paper adds 10 times that to the loss of the critic. It costs a second backward
    pass; a critic with batch norm mixes the rows, and then the gradient of a row is not its own. The points are
    constants: nothing flows back to who made them.

    Args:
        critic: Model or function that gives one number per row, ``(N,)`` or ``(N, 1)``. For a classifier pass the loss
            of each row: ``lambda x: cross_entropy(model(x), target, reduction="none")``.
        real: Points, ``(N, *)``.
        fake: Points to mix with them, in the shape of ``real``.
        target: The norm wanted, at least 0.
        one_sided: Leave slopes below the target alone.
        generator: Source of the random :math:`\alpha`, on the device of ``real``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The penalty: a scalar, or ``(N,)`` under ``reduction="none"``; differentiable with respect to the parameters of
        ``critic``.

    Raises:
        TypeError: If ``real`` or ``fake`` is not floating point, ``critic`` gives no tensor, or an option has the wrong
            type.
        ValueError: If shapes disagree, ``critic`` does not give one number per row or drops the graph, or an option is
            out of range.

    Example:
        >>> import torch
        >>> critic = torch.nn.Linear(2, 1)
        >>> with torch.no_grad():
        ...     _ = critic.weight.copy_(torch.tensor([[3.0, 4.0]]))  # a slope of 5 everywhere
        >>> gradient_penalty(critic, torch.zeros(8, 2), torch.ones(8, 2)).item()
        16.0
        >>> gradient_penalty(critic, torch.zeros(8, 2), target=0.0).item()
        25.0

    References:
        Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville, *Improved Training of Wasserstein GANs*, NeurIPS 2017.
        https://arxiv.org/abs/1704.00028

        Petzka, Fischer, Lukovnikov, *On the Regularization of Wasserstein GANs*, ICLR 2018 (one-sided).
        https://arxiv.org/abs/1709.08894

        Drucker, Le Cun, *Improving Generalization Performance Using Double Backpropagation*, IEEE Transactions on
        Neural Networks, 1992 (target 0). https://doi.org/10.1109/72.165600
    """
    check_options("gradient_penalty", target=target, one_sided=one_sided, generator=generator, reduction=reduction)
    slope = _slope(critic, _points(real, fake, generator))
    square = upcast(slope).flatten(1).square().sum(dim=1)
    return reduce(_away(square, target, one_sided), reduction)


def _points(real: Tensor, fake: Tensor | None, generator: torch.Generator | None) -> Tensor:
    check_floating("real", real)
    if real.dim() < 2:
        raise ValueError(f"`real` must have shape (N, *), one row per example, got {tuple(real.shape)}.")
    if fake is None:
        return real.detach().clone()
    check_floating("fake", fake)
    if fake.shape != real.shape:
        raise ValueError(f"`fake` must have the shape of `real`, {tuple(real.shape)}, got {tuple(fake.shape)}.")
    one_each = (real.shape[0], *[1] * (real.dim() - 1))
    alpha = torch.rand(one_each, generator=generator, dtype=real.dtype, device=real.device)
    return torch.lerp(fake.detach().to(real.dtype), real.detach(), alpha)


def _slope(critic: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """The gradient of every row's number with respect to the row."""

    def total(x: Tensor) -> Tensor:
        output = critic(x)
        if not isinstance(output, Tensor):
            raise TypeError(
                f"`critic` must give a tensor, got {type(output).__name__}. Did you mean `lambda x: critic(x)[0]`?"
            )
        if output.numel() != x.shape[0]:
            raise ValueError(
                f"`critic` must give one number per row, {x.shape[0]} in all, got shape {tuple(output.shape)}. "
                "For a classifier pass its loss per row."
            )
        return output.sum()

    if transformed(points):  # torch.func cannot nest torch.autograd.grad, which in turn takes any critic
        slope: Tensor = torch.func.grad(total)(points)
        return slope
    differentiable = torch.is_grad_enabled()
    with torch.enable_grad():  # a gradient is needed for the value itself
        height = total(points.requires_grad_())
        if not height.requires_grad:
            raise ValueError(
                "`critic` must keep the graph of its input, got a result without one. Leave out `.detach()`, "
                "`.data`, `.item()` and `torch.no_grad()` inside of it."
            )
        (slope,) = torch.autograd.grad(
            height,
            points,
            create_graph=differentiable,
            allow_unused=True,
            materialize_grads=True,
        )
    return slope


def _away(square: Tensor, target: float, one_sided: bool) -> Tensor:
    if target == 0:
        return square
    flat = square == 0
    norm = torch.where(flat, 1.0, square).sqrt().masked_fill(flat, 0.0)  # a slope of 0 where sqrt has none
    return ((norm - target).clamp_min(0.0) if one_sided else norm - target).square()
