"""How sharply does the loss bend, and where to? The outermost eigenvalues of the Hessian, which is never built."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from companion._checks import count, one_of
from companion.diagnostics._gradients import check_scalar
from companion.diagnostics._preserved import preserved

_SMALL = 32  # up to this many parameters the whole matrix costs no more than Lanczos


class HessianEigenvalues(NamedTuple):
    """What :func:`hessian_top_eigenvalues` returns."""

    values: Tensor
    vectors: Tensor


def hessian_top_eigenvalues(
    model: nn.Module,
    loss: Callable[[nn.Module], Tensor],
    *,
    k: int = 1,
    which: Literal["magnitude", "largest", "smallest"] = "magnitude",
) -> HessianEigenvalues:
    r"""Finds the directions in which the loss bends most, by the Lanczos method on Hessian-vector products.

    With :math:`H = \nabla^2 \ell(\theta)`, the pairs of :math:`H v = \lambda v` at one end of the spectrum. A positive
    eigenvalue is a wall, a negative one a way down that the gradient need not show: a point with both is a saddle. On a
    bowl, gradient descent with a rate above :math:`2 / \lambda_{\max}` diverges. A product costs about two backward
    passes, and some tens of them are needed.

    It sees the one point and the one batch that ``loss`` holds; the largest eigenvalue on a small batch is on average
    larger than on all rows. Sharpness is not a property of the function: in a network of ReLUs, twice the weights of
    one layer and half those of the next change the eigenvalues and no prediction. And a second derivative sees no
    kinks: where all is made of linear pieces, as the absolute error of a linear model, it is 0 however sharp the
    corners, and behind ReLUs it is that of the piece on which the point lies.

    Args:
        model: Its parameters that require a gradient are what the loss is differentiated by, float32 or float64.
        loss: Called with ``model``; returns the scalar on a fixed batch. Everything on the way must be twice
            differentiable for autograd, which a compiled model is not. Call ``model.eval()`` first, unless BatchNorm
            and dropout are to act.
        k: How many eigenvalues.
        which: ``"magnitude"`` for the largest absolute values, of either sign; ``"largest"`` or ``"smallest"`` for one
            end of the spectrum, the smallest being the most negative.

    Returns:
        * ``values``: eigenvalues ``(k,)``, float64, on the CPU, the outermost first;
        * ``vectors``: eigenvectors of length 1 ``(k, P)``, in the order of ``model.parameters()``. Where no parameter
          is frozen, they are what :func:`loss_landscape` takes as ``directions``.

    Raises:
        TypeError: If parameters are in half precision, or ``loss`` does not return a floating point tensor.
        ValueError: If ``loss`` returns no scalar or a constant, the Hessian is not finite, no parameter requires a
            gradient, or an option is out of range.
        RuntimeError: If the Lanczos method does not converge.

    Example:
        >>> model = nn.Linear(2, 1, bias=False)
        >>> curvature = torch.tensor([3.0, -5.0])  # a saddle
        >>> found = hessian_top_eigenvalues(model, lambda m: (curvature * m.weight.square()).sum() / 2, k=2)
        >>> found.values
        tensor([-5.,  3.], dtype=torch.float64)

    References:
        Pearlmutter, *Fast Exact Multiplication by the Hessian*, Neural Computation 1994.
        https://doi.org/10.1162/neco.1994.6.1.147

        Dinh, Pascanu, Bengio, Bengio, *Sharp Minima Can Generalize For Deep Nets*, ICML 2017.
        https://arxiv.org/abs/1703.04933
    """
    count("k", k)
    one_of("magnitude", "largest", "smallest")("which", which)
    parameters = [p for p in model.parameters() if p.requires_grad]
    size = sum(p.numel() for p in parameters)
    if size == 0:
        raise ValueError("`model` must have a parameter that requires a gradient, got none. Are they frozen?")
    if k > size:
        raise ValueError(f"`k` must be at most {size}, the parameters of `model` that require a gradient, got {k}.")
    half = [p.dtype for p in parameters if p.dtype not in (torch.float32, torch.float64)]
    if half:
        raise TypeError(
            f"`model` must have float32 or float64 parameters, got {half[0]}, in which curvature is lost in rounding. "
            "Did you mean `copy.deepcopy(model).float()`?"
        )
    with preserved(model), torch.enable_grad():
        value = check_scalar("loss(model)", loss(model))
        if not value.requires_grad:
            raise ValueError("`loss(model)` must have a graph, got a constant. Was it detached?")
        product = _product(value, parameters)
        values, vectors = _lanczos(product, size, k, which, float(torch.finfo(parameters[0].dtype).eps))
    order = (-values.abs() if which == "magnitude" else -values if which == "largest" else values).argsort()
    return HessianEigenvalues(values[order], vectors[order])


def _product(value: Tensor, parameters: Sequence[Tensor]) -> Callable[[Any], Any]:
    """The Hessian as a function of NumPy vectors; the graph of the gradient is made once."""
    slopes = torch.autograd.grad(value, parameters, create_graph=True, allow_unused=True)
    # A gradient without a graph is constant: it bends nowhere.
    bent = [
        (slope, p) for slope, p in zip(slopes, parameters, strict=True) if slope is not None and slope.requires_grad
    ]
    sizes = [p.numel() for p in parameters]

    def product(vector: Any) -> Any:
        parts = torch.split(torch.from_numpy(vector), sizes)
        into = {id(p): part.view_as(p).to(p) for part, p in zip(parts, parameters, strict=True)}
        found: Sequence[Tensor | None] = [None] * len(parameters)
        if bent:
            found = torch.autograd.grad(
                [slope for slope, _ in bent],
                parameters,
                [into[id(p)] for _, p in bent],
                retain_graph=True,
                allow_unused=True,
            )
        flat = [torch.zeros(n) if g is None else g.flatten().cpu() for g, n in zip(found, sizes, strict=True)]
        whole = torch.cat([part.double() for part in flat])
        if not whole.isfinite().all():
            raise ValueError(
                "`loss` must have a finite Hessian here, got NaN or infinity in its product with a vector."
            )
        return whole.numpy()

    return product


def _lanczos(product: Callable[[Any], Any], size: int, k: int, which: str, precision: float) -> tuple[Tensor, Tensor]:
    """``k`` eigenvalues and their eigenvectors as rows."""
    import numpy as np
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    if size <= max(_SMALL, k + 1):
        matrix = torch.from_numpy(np.stack([product(row) for row in np.eye(size)]))
        values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
        ends = {"magnitude": values.abs(), "largest": values, "smallest": -values}
        outer = ends[which].topk(k).indices
        return values[outer], vectors.T[outer]
    start = np.random.default_rng(0).standard_normal(size)
    if not product(start).any():  # Lanczos cannot start on a Hessian of zeros
        return torch.zeros(k, dtype=torch.float64), torch.eye(k, size, dtype=torch.float64)
    end = {"magnitude": "LM", "largest": "LA", "smallest": "SA"}[which]
    operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
    try:
        found, rows = eigsh(operator, k, which=end, v0=start, tol=precision ** (2 / 3))
    except ArpackNoConvergence as error:
        raise RuntimeError(
            f"The Lanczos method found {len(error.eigenvalues)} of `k` = {k} eigenvalues. Ask for fewer, or for the "
            "other end of the spectrum; eigenvalues that are nearly equal are hard to tell apart."
        ) from error
    return torch.from_numpy(found), torch.from_numpy(rows.T.copy())
