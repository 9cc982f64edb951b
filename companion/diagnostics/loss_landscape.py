"""What does the loss look like around a model? Its values on a line or a plane through the parameters."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from companion._checks import above, integer
from companion.diagnostics._gradients import check_scalar
from companion.diagnostics._preserved import preserved, same_random_numbers

State = Mapping[str, Tensor] | Tensor


class Landscape(NamedTuple):
    """What :func:`loss_landscape` returns."""

    coordinates: tuple[Tensor, ...]
    values: Tensor
    directions: Tensor
    path: Tensor | None
    explained: Tensor | None

    def plot(self, ax: Any = None) -> Any:
        """Draws a line, or a map with the path on it, on ``ax`` and returns it."""
        from matplotlib import pyplot as plt
        from matplotlib.colors import LogNorm

        ax = plt.subplots()[1] if ax is None else ax
        if len(self.coordinates) == 1:
            ax.plot(self.coordinates[0], self.values)
            ax.set(xlabel="along the direction", ylabel="loss")
            return ax
        finite = self.values[self.values.isfinite()]
        wide = len(finite) > 0 and finite.min() > 0 and finite.max() > 100 * finite.min()
        masked = self.values.masked_fill(~self.values.isfinite(), torch.nan).T.numpy()
        norm = LogNorm(float(finite.min()), float(finite.max())) if wide else None
        x, y = (at.numpy() for at in self.coordinates)
        mesh = ax.pcolormesh(x, y, masked, norm=norm, cmap="viridis", shading="nearest")
        ax.figure.colorbar(mesh, ax=ax, label="loss")
        if self.path is not None:
            ax.plot(*self.path.T.numpy(), "o-", color="white", markeredgecolor="black", markersize=4)
        ax.plot(0, 0, "*", color="white", markeredgecolor="black", markersize=12)
        labels = ["along the first direction", "along the second direction"]
        if self.explained is not None:
            labels = [f"component {i}: {float(share):.0%}" for i, share in enumerate(self.explained, 1)]
        ax.set(xlabel=labels[0], ylabel=labels[1])
        return ax


def loss_landscape(
    model: nn.Module,
    loss: Callable[[nn.Module], Tensor],
    *,
    dimensions: Literal[1, 2] = 2,
    to: State | None = None,
    trajectory: Sequence[State] | None = None,
    directions: Float[Tensor, "dimensions parameters"] | None = None,
    span: float = 1.0,
    steps: int = 25,
    seed: int = 0,
) -> Landscape:
    r"""Cuts the loss along one or two directions through the parameters of a model, which stays as it is.

    With :math:`\theta` the parameters and :math:`d_k` the directions, the values are :math:`\ell(\theta + \sum_k a_k
    d_k)` on a grid of the :math:`a_k`. The directions are

    * by default random and filter-normalised: Gaussian numbers, of which each filter (each slice of a tensor along its
      first axis, so each neuron of a linear layer) is given the norm of that filter of :math:`\theta`,
      :math:`d_{ij} \leftarrow d_{ij} \, |\theta_{ij}| / |d_{ij}|`. Biases and all other tensors of one axis, among
      them those of norms, stay put. The coordinates go from ``-span`` to ``span``; at 1 the noise is as large as the
      weights;
    * with ``to``, the line to another state, which is at 1; the coordinates go from -0.25 to 1.25;
    * with ``trajectory``, the first two principal components of the states that a training went through; the grid
      holds them all and a fifth more on each side;
    * with ``directions``, those, such as the eigenvectors of :func:`hessian_top_eigenvalues`; the coordinates go from
      ``-span`` to ``span``.

    A slice shows two of a million dimensions. What looks like a bowl may be a saddle in the others, and what looks like
    a barrier may be walked around. Nor are width and sharpness properties of the function: a network of ReLUs can be
    rescaled, layer against layer, to any sharpness without a change in what it predicts; filter normalisation undoes
    this rescaling and no other change of variables. The two components of a path say little by themselves: of a random
    walk in many dimensions the first takes 61 % of the variance and the second 15 %. And BatchNorm in eval mode keeps
    the running statistics of ``model`` at every point, where those of the other point may be far from them.

    Args:
        model: The point (0, 0). All its parameters move, frozen ones too; its mode is kept.
        loss: Called with ``model`` in the state of each point; returns the scalar on a fixed batch. Every point gets
            the same random numbers and buffers.
        dimensions: How many random directions, 1 or 2.
        to: Another state of the model: a state dict, or its parameters in one vector, ``(P,)``, as
            ``torch.nn.utils.parameters_to_vector`` makes it. Buffers in it are not used.
        trajectory: States in the order of time, at least three.
        directions: One direction ``(1, P)``, or two ``(2, P)``.
        span: How far to go along random or given directions.
        steps: Points in each direction, at least 2; odd to meet ``model`` itself.
        seed: Of the random directions.

    Returns:
        * ``coordinates``: for each direction where the points lie ``(steps,)``, float64, on the CPU as all of these;
        * ``values``: the loss there, ``(steps,)`` or ``(steps, steps)``, the first axis for the first direction;
        * ``directions``: the directions ``(D, P)``, of length 1 for ``trajectory``;
        * ``path``: where the states of ``trajectory`` lie ``(T, 2)``, projected, else None;
        * ``explained``: share of the variance of ``trajectory`` along each of the two ``(2,)``, else None.

        Its ``plot()`` draws them.

    Raises:
        TypeError: If ``loss`` does not return a floating point tensor, or an option has the wrong type.
        ValueError: If ``loss`` returns no scalar, a state does not fit the model, more than one of ``to``,
            ``trajectory`` and ``directions`` is given, or an option is out of range.

    Example:
        >>> model = nn.Linear(2, 1, bias=False)
        >>> _ = nn.init.zeros_(model.weight)
        >>> found = loss_landscape(model, lambda m: (m.weight - 1).square().sum(), to=torch.ones(2), steps=7)
        >>> found.coordinates[0], found.values
        (tensor([-0.2500,  0.0000,  0.2500,  0.5000,  0.7500,  1.0000,  1.2500],
               dtype=torch.float64), tensor([3.1250, 2.0000, 1.1250, 0.5000, 0.1250, 0.0000, 0.1250],
               dtype=torch.float64))

    References:
        Li, Xu, Taylor, Studer, Goldstein, *Visualizing the Loss Landscape of Neural Nets*, NeurIPS 2018.
        https://arxiv.org/abs/1712.09913

        Dinh, Pascanu, Bengio, Bengio, *Sharp Minima Can Generalize For Deep Nets*, ICML 2017.
        https://arxiv.org/abs/1703.04933

        Antognini, Sohl-Dickstein, *PCA of High Dimensional Random Walks with Comparison to Neural Network Training*,
        NeurIPS 2018. https://arxiv.org/abs/1806.08805
    """
    _check_options(dimensions, to, trajectory, directions, span, steps, seed)
    if next(model.parameters(), None) is None:
        raise ValueError("`model` must have parameters to move, got none.")
    origin, reach = _vector(model.parameters()), [(-span, span)] * 2
    path = explained = None
    if trajectory is not None:
        axes, path, explained, reach = _components(origin, trajectory, model)
    elif to is not None:
        axes, reach = (_state("to", to, model) - origin).unsqueeze(0), [(-0.25, 1.25)]
    elif directions is not None:
        axes = _given(directions, origin)
    else:
        axes = torch.stack(_random(model, dimensions, seed))
    coordinates = tuple(torch.linspace(*ends, steps, dtype=torch.float64) for ends in reach[: len(axes)])
    points = torch.stack(torch.meshgrid(*coordinates, indexing="ij"), -1).view(-1, len(axes)).tolist()
    moved = (sum((a * axis for a, axis in zip(point, axes, strict=True)), origin) for point in points)
    values = _values(model, loss, moved).view([steps] * len(axes))
    return Landscape(coordinates, values, axes.cpu().double(), path, explained)


class _Whole(nn.Module):
    """The loss as a module without inputs, whose parameters `functional_call` can exchange."""

    def __init__(self, model: nn.Module, loss: Callable[[nn.Module], Tensor]) -> None:
        super().__init__()
        self.model = model
        self._loss = [loss]  # in a list, for a loss that is a module would count as a part

    def forward(self) -> Tensor:
        return self._loss[0](self.model)


@torch.no_grad()
def _values(model: nn.Module, loss: Callable[[nn.Module], Tensor], points: Iterable[Tensor]) -> Tensor:
    whole, found = _Whole(model, loss), []
    named = dict(model.named_parameters(prefix="model"))
    sizes = [p.numel() for p in named.values()]
    with preserved(model):
        for point in points:
            parts = zip(named.items(), torch.split(point, sizes), strict=True)
            state = {name: part.view_as(p).to(p) for (name, p), part in parts}
            state |= {name: buffer.clone() for name, buffer in model.named_buffers(prefix="model")}
            with same_random_numbers():
                found.append(check_scalar("loss(model)", functional_call(whole, state, ())))
    return torch.stack(found).cpu().double()


def _vector(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def _state(name: str, state: State, model: nn.Module) -> Tensor:
    """The parameters in ``state`` as a vector."""
    parameters = dict(model.named_parameters())
    if isinstance(state, Tensor):
        size = sum(p.numel() for p in parameters.values())
        if state.shape != (size,):
            raise ValueError(f"`{name}` must hold the parameters of `model`, ({size},), got {tuple(state.shape)}.")
        return state.detach().to(next(iter(parameters.values())))
    wrong = [key for key, p in parameters.items() if key not in state or state[key].shape != p.shape]
    if wrong:
        raise ValueError(f"`{name}` must hold the parameters of `model`, got none of this name and shape: {wrong}.")
    return _vector(state[key].to(p) for key, p in parameters.items())


def _given(directions: Tensor, origin: Tensor) -> Tensor:
    if directions.dim() != 2 or len(directions) not in (1, 2) or directions.shape[1] != len(origin):
        raise ValueError(
            f"`directions` must have shape (1, {len(origin)}) or (2, {len(origin)}), one number for each parameter of "
            f"`model`, got {tuple(directions.shape)}."
        )
    return directions.detach().to(origin)


def _random(model: nn.Module, dimensions: int, seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    axes = [_vector(_filter_normalised(p.detach(), generator) for p in model.parameters()) for _ in range(dimensions)]
    if not axes[0].any():
        raise ValueError(
            "`model` must have a tensor of two axes that is not 0, or filter-normalised directions stand still. "
            "Give `directions`, such as `torch.eye(2)` for two parameters."
        )
    return axes


def _filter_normalised(parameter: Tensor, generator: torch.Generator) -> Tensor:
    noise = torch.randn(parameter.shape, generator=generator).to(parameter)
    if parameter.dim() < 2:
        return torch.zeros_like(parameter)
    scale: Tensor = parameter.flatten(1).norm(dim=1) / noise.flatten(1).norm(dim=1)
    return noise * scale.view(-1, *[1] * (parameter.dim() - 1))


def _components(
    origin: Tensor, trajectory: Sequence[State], model: nn.Module
) -> tuple[Tensor, Tensor, Tensor, list[tuple[float, float]]]:
    """Two directions, the path and the shares of its variance along them, and how far the grid reaches."""
    if len(trajectory) < 3:
        raise ValueError(f"`trajectory` must hold at least three states, got {len(trajectory)}.")
    states = [_state(f"trajectory[{i}]", state, model) - origin for i, state in enumerate(trajectory)]
    steps = torch.stack(states).cpu().double()
    _, spread, rows = torch.linalg.svd(steps - steps.mean(0), full_matrices=False)
    if spread[0] == 0 or len(rows) < 2:
        raise ValueError("`trajectory` must hold states that differ, of at least two parameters.")
    path = steps @ rows[:2].T
    ends = torch.cat([path, torch.zeros(1, 2, dtype=torch.float64)])  # the model is to be on the map too
    low, high = ends.amin(0), ends.amax(0)
    margin = 0.2 * (high - low).max()
    reach = list(zip((low - margin).tolist(), (high + margin).tolist(), strict=True))
    return rows[:2].to(origin), path, spread[:2].square() / spread.square().sum(), reach


def _check_options(
    dimensions: int,
    to: State | None,
    trajectory: Sequence[State] | None,
    directions: Tensor | None,
    span: float,
    steps: int,
    seed: int,
) -> None:
    integer("dimensions", dimensions)
    if dimensions not in (1, 2):
        raise ValueError(f"`dimensions` must be 1 or 2, got {dimensions}.")
    given = {"to": to, "trajectory": trajectory, "directions": directions}
    named = [f"`{name}`" for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise ValueError(f"Only one of `to`, `trajectory` and `directions` can be given, got {' and '.join(named)}.")
    above(0.0)("span", span)
    integer("steps", steps)
    if steps < 2:
        raise ValueError(f"`steps` must be at least 2, got {steps}.")
    integer("seed", seed)
