"""Small problems that the gradient methods solve: K x K, float64, a fixed number of steps, nothing waits for a GPU.

They are posed in units in which every gradient has norm 1, so no tolerance is absolute, and interior points do not
stall where gradients differ much in norm, as first-order steps do: after 25 steps the optimum is met to about 1e-8,
relative, when the norms differ by a factor of 1 to 1000. What is left is mostly the ridge.
"""

import torch
from torch import Tensor

_STEPS = 25
_CENTRE = 0.1  # a step aims at this share of the present gap
_STOP = 0.99  # of the way to the nearest constraint
_RIDGE = 1e-12  # of the squared norm of each gradient: some minimum is unique even if gradients are dependent


def correlation(gram: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines of the gradients ``(K, K)``, and their norms ``(K,)``.

    A zero gradient counts as orthogonal to the others and as long as the longest, or as 1 if all are zero.
    """
    norms = positive_norms(gram)
    cosines = gram / norms / norms.unsqueeze(-1)
    return torch.where(identity(gram) > 0, 1.0, cosines), norms


def positive_norms(gram: Tensor) -> Tensor:
    """Norms of the gradients; for a zero gradient that of the longest, or 1 if all are zero."""
    return positive(gram.diagonal().clamp_min(0.0).sqrt())


def positive(values: Tensor) -> Tensor:
    """Values that are not positive replaced by the largest, or by 1 if none is positive."""
    largest = values.amax()
    return torch.where(values > 0, values, torch.where(largest > 0, largest, 1.0))


def quadratic_minimum(matrix: Tensor, linear: Tensor, total: Tensor | None = None) -> Tensor:
    r"""Minimise :math:`\tfrac12 x^T M x + b^T x` over :math:`x \ge 0`, with :math:`t^T x = 1` if ``total`` is given.

    Args:
        matrix: Cosines, ``(K, K)``.
        linear: b, one problem for each row, ``(..., K)``.
        total: t, positive, ``(K,)``.
    """
    matrix = matrix + _RIDGE * identity(matrix)
    x = torch.ones_like(linear) if total is None else (1.0 / (total * len(total))).expand_as(linear)
    slack, multiplier = torch.ones_like(x), torch.zeros_like(x[..., :1])
    for _ in range(_STEPS):
        pull = slack - _CENTRE * (x * slack).mean(-1, keepdim=True) / x
        wanted = slack - x @ matrix - linear - pull
        system = matrix + torch.diag_embed(slack / x)
        if total is None:
            step = solve(system, wanted.unsqueeze(-1))[..., 0]
        else:
            found = solve(system, torch.stack([wanted + multiplier * total, total.expand_as(wanted)], -1))
            missing = 1.0 - ((x + found[..., 0]) * total).sum(-1, keepdim=True)
            change = missing / (found[..., 1] * total).sum(-1, keepdim=True)
            step = found[..., 0] + change * found[..., 1]
        slack_step = -pull - slack / x * step
        length = _length(torch.maximum(-step / x, -slack_step / slack))
        x, slack = x + length * step, slack + length * slack_step
        if total is not None:
            multiplier = multiplier + length * change
    return x


def ball_minimum(matrix: Tensor, linear: Tensor, total: Tensor, radius: Tensor) -> Tensor:
    r"""Minimise :math:`b^T x + r \sqrt{x^T M x}` over :math:`x \ge 0` with :math:`t^T x = 1`.

    The dual is solved along: the largest f with :math:`s = b + M z - f t \ge 0` and :math:`z^T M z \le r^2`, where
    :math:`x = \lambda z`. Newton steps on the norm itself diverge where it is nearly zero.

    Args:
        matrix: Cosines, ``(K, K)``.
        linear: b, ``(K,)``.
        total: t, positive, ``(K,)``.
        radius: r, positive, ``()``.
    """
    matrix = matrix + _RIDGE * identity(matrix)
    x = 1.0 / (total * len(total))
    lam = 2.0 * _square(matrix, x).sqrt() / radius
    z = x / lam
    room = 0.5 * (radius * radius - z @ matrix @ z)
    gains = (linear + matrix @ z) / total
    f = gains.amin() - radius / total.amax()
    slack = (gains - f) * total
    for _ in range(_STEPS):
        gap = _CENTRE * (x @ slack + lam * room) / (len(x) + 1)
        image = matrix @ z
        excess = lam * z - x
        short = linear + image - f * total - slack
        wanted = gap / x - slack - slack * excess / x - short
        found = solve(matrix + torch.diag(lam * slack / x), torch.stack([wanted, total, -slack * z / x], -1))
        # What is left are two equations for the steps of f and lambda: t x = 1 and lambda * room = gap.
        sums, falls = lam * (total @ found), lam * (image @ found)
        first = 1.0 - total @ (x + excess) - sums[0]
        second = gap - lam * 0.5 * (radius * radius - z @ image) + falls[0]
        by_lam, diagonal = sums[2] + total @ z, room - falls[2]
        determinant = sums[1] * diagonal + by_lam * falls[1]
        f_step = (first * diagonal - by_lam * second) / determinant
        lam_step = (sums[1] * second + falls[1] * first) / determinant
        z_step = found[:, 0] + f_step * found[:, 1] + lam_step * found[:, 2]
        x_step = lam * z_step + z * lam_step + excess
        slack_step = matrix @ z_step - f_step * total + short
        room_step = 0.5 * (radius * radius - z @ image) - room - image @ z_step
        scalars = torch.stack([-lam_step / lam, -room_step / room])
        length = _length(torch.cat([-x_step / x, -slack_step / slack, scalars]))[0]
        x, z, slack = x + length * x_step, z + length * z_step, slack + length * slack_step
        lam, room, f = (was + length * change for was, change in ((lam, lam_step), (room, room_step), (f, f_step)))
    return x


def fair_weights(gram: Tensor, power: float) -> Tensor:
    r"""The :math:`w > 0` with :math:`G w = w^{-p}`: the minimum of :math:`\tfrac12 w^T G w` less a concave gain.

    Solved by damped Newton steps, each after the best common factor has been found in closed form.

    Args:
        gram: Inner products, ``(K, K)``.
        power: p, above 0; 1 is the Nash bargaining solution.
    """
    cosines, norms = correlation(gram)
    scale = norms ** (-2.0 / (1.0 + power))  # the solution if all gradients are orthogonal
    pulls = scale ** (1.0 - power)
    lengths = norms * scale
    matrix = (cosines + _RIDGE * identity(gram)) * lengths * lengths.unsqueeze(-1)
    x = torch.ones_like(norms)
    for _ in range(_STEPS):
        x = x * ((pulls * x ** (1.0 - power)).sum() / _square(matrix, x)) ** (1.0 / (1.0 + power))
        pull = pulls * x**-power
        step = solve(matrix + torch.diag(power * pull / x), (pull - matrix @ x).unsqueeze(-1))[:, 0]
        x = x + _length(-step / x) * step
    return x * scale


def _square(matrix: Tensor, x: Tensor) -> Tensor:
    """The squared norm of the sum of x times the gradients, never below what the ridge would leave of it."""
    return torch.maximum(x @ matrix @ x, _RIDGE * (matrix.diagonal() * x * x).sum())


def _length(taken: Tensor) -> Tensor:
    """Length of a step, at most 1, where a whole step takes away these shares of the variables; ``(..., 1)``."""
    return _STOP / taken.amax(-1, keepdim=True).clamp_min(_STOP)


def solve(matrix: Tensor, right: Tensor) -> Tensor:
    """As ``torch.linalg.solve``, which would wait for a GPU to hear of errors."""
    solution: Tensor = torch.linalg.solve_ex(matrix, right)[0]
    return solution


def identity(matrix: Tensor) -> Tensor:
    """The identity of the size, dtype and device of a square matrix."""
    return torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
