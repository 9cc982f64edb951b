"""Who owns the gradient: which share of the pull on the parameters comes from which group of rows?"""

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from companion.diagnostics._gradients import Gradient, Parameters, gram_of, parameter_list


class GradientShare(NamedTuple):
    """What :func:`gradient_share` returns."""

    names: tuple[Hashable, ...]
    rows: Tensor
    loss: Tensor
    pull: Tensor
    served: Tensor

    def table(self) -> Any:
        """The shares as a DataFrame, a row for each group."""
        import pandas as pd

        columns = {name: getattr(self, name).numpy() for name in self._fields[1:]}
        return pd.DataFrame(columns, index=pd.Index(self.names, name="group"))


def gradient_share(
    loss: Float[Tensor, " rows"],
    groups: Shaped[Tensor, " rows"] | Sequence[Hashable],
    parameters: Parameters,
) -> GradientShare:
    r"""Tells which groups of rows own the gradient of a loss, and which of them a step down it will serve.

    Group k pulls with the sum of the gradients of its rows, :math:`g_k = \sum_{i \in k} \nabla \ell_i`, and the model
    moves along the sum of the pulls, :math:`g = \sum_k g_k`. Two shares say two things:

    .. math:: \mathrm{pull}_k = \frac{|g_k|}{\sum_j |g_j|} , \qquad
              \mathrm{served}_k = \frac{\langle g_k, g \rangle}{|g|^2} .

    ``pull`` is who pulls how hard, wherever to. Opposite pulls cancel in the step and not in this share: at the minimum
    of the loss two groups always own one half each, however small one is. ``served`` is who gets what of a small step
    of gradient descent, in which the loss of group k falls by ``served`` times the total fall. It sums to 1 and is
    negative for a group whose loss rises. Near a minimum :math:`g` vanishes and the share, a ratio of remainders, says
    little.

    With the bias of the last layer for ``parameters``, the ``pull`` of a class under binary cross entropy is the sum
    over its rows of :math:`|p - y|`, as in the section on imbalance. A gradient is not an update: Adam rescales it for
    each parameter. And the pulls are those of this batch, whose rare groups are a matter of luck.

    Args:
        loss: Loss of each row, not reduced, ``(N,)``, with its graph, which is kept for a later ``backward()``.
            Weights of the rows belong into it.
        groups: The group of each row, ``(N,)``: integers in a tensor, or names in a list, an array or a column. One
            backward pass is made for each.
        parameters: What is pulled: a module, or tensors that the loss was computed from. The last layer is cheap.

    Returns:
        * ``names``: the groups in rising order, K of them;
        * ``rows``: share of the rows in each ``(K,)``, float64, on the CPU as all of these;
        * ``loss``: share of the loss ``(K,)``, which is no share if losses may be negative;
        * ``pull``: share of the pull ``(K,)``, NaN if no group pulls;
        * ``served``: share in what a step gains ``(K,)``, NaN if the pulls cancel.

        Its ``table()`` is a DataFrame of them.

    Raises:
        TypeError: If ``loss`` is not a floating point tensor, ``groups`` mixes names and numbers, or ``parameters``
            hold something else than tensors.
        ValueError: If ``loss`` has not the shape (N,), ``groups`` has another length or misses a row, or the
            loss depends on none of the ``parameters``.

    Example:
        >>> logit = torch.zeros(1, requires_grad=True)  # a constant model, of three rows of class 0 and one of class 1
        >>> target = torch.tensor([0, 0, 0, 1])
        >>> rows = torch.nn.functional.softplus(logit * (1 - 2 * target))
        >>> found = gradient_share(rows, target, logit)
        >>> found.pull, found.served
        (tensor([0.7500, 0.2500], dtype=torch.float64), tensor([ 1.5000, -0.5000], dtype=torch.float64))

    References:
        Anand, Mehrotra, Mohan, Ranka, *An Improved Algorithm for Neural Network Classification of Imbalanced Training
        Sets*, IEEE Transactions on Neural Networks 1993. https://doi.org/10.1109/72.286891

        Francazi, Baity-Jesi, Lucchi, *A Theoretical Analysis of the Learning Dynamics under Class Imbalance*, ICML
        2023. https://arxiv.org/abs/2207.00391
    """
    names, of_group = _checked(loss, groups)
    tensors = parameter_list(parameters)

    def pull(group: int) -> Gradient:
        mine = (of_group == group).to(loss)
        return torch.autograd.grad(loss, tensors, mine, retain_graph=True, allow_unused=True)

    found = [pull(k) for k in range(len(names))]
    if all(part is None for row in found for part in row):
        raise ValueError(
            "`loss` must depend on `parameters`, got none of them in its graph. Pass those it was made of."
        )
    gram = gram_of(len(names), found.__getitem__, tensors)
    sizes = gram.diagonal().sqrt()
    counts = torch.bincount(of_group.cpu(), minlength=len(names)).double()
    amounts = torch.zeros_like(sizes).index_add(0, of_group.cpu(), loss.detach().cpu().double())
    # What is left of pulls that cancel is rounding, 1e-7 of them in float32.
    total = gram.sum() if gram.sum() > (1e-6 * sizes.sum()) ** 2 else torch.nan
    return GradientShare(
        names, counts / counts.sum(), amounts / amounts.sum(), sizes / sizes.sum(), gram.sum(1) / total
    )


def _checked(loss: Tensor, groups: Tensor | Sequence[Hashable]) -> tuple[tuple[Hashable, ...], Tensor]:
    """The names of the groups, and the place of each row's group among them."""
    if not isinstance(loss, Tensor) or not loss.is_floating_point():
        found = f"dtype {loss.dtype}" if isinstance(loss, Tensor) else type(loss).__name__
        raise TypeError(f"`loss` must be a floating point tensor, got {found}.")
    if loss.dim() != 1 or len(loss) == 0:
        cure = ' Use `reduction="none"`.' if loss.dim() == 0 else " Average each row: `loss.flatten(1).mean(1)`."
        raise ValueError(f"`loss` must have shape (N,), one loss per row, got {tuple(loss.shape)}.{cure}")
    if not loss.requires_grad:
        raise ValueError("`loss` must have a graph. Was it detached, or computed under `torch.no_grad()`?")
    shape = tuple(groups.shape) if hasattr(groups, "shape") else (len(groups),)
    if shape != tuple(loss.shape):
        raise ValueError(f"`groups` must have shape ({len(loss)},), one group per row of `loss`, got {shape}.")
    of_row: list[Any] = groups.tolist() if hasattr(groups, "tolist") else list(groups)  # NumPy and pandas have it too
    names = _in_order(of_row)
    place = {name: k for k, name in enumerate(names)}
    return names, torch.tensor([place[name] for name in of_row], device=loss.device)


def _in_order(of_row: list[Any]) -> tuple[Hashable, ...]:
    if any(name is None or name != name for name in of_row):
        raise ValueError("`groups` must name the group of every row, got None or NaN. Drop these rows, or name them.")
    try:
        return tuple(sorted(set(of_row)))
    except TypeError as error:
        kinds = sorted({type(name).__name__ for name in of_row})
        raise TypeError(f"`groups` must be all integers or all names, got {' and '.join(kinds)}.") from error
