"""Slopes of the last values of a series: weights of the values, exact for polynomials of the order they assume."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Slope = Literal["least-squares", "last", "backward"]


def slope_table(slope: Slope, window: int) -> Tensor:
    """Row n weighs a window of values, oldest first, of which the last n are there: their sum is the slope.

    Args:
        slope: ``"least-squares"``: of the straight line through the n values. ``"last"``: last less last but one.
            ``"backward"``: derivative at the newest value of the polynomial through all n.
        window: Values to look back on.

    Returns:
        ``(window + 1, window)``, float64; rows 0 and 1 are zero, for one value has no slope.
    """
    rows: dict[str, Callable[[int], Tensor]] = {"least-squares": _least_squares, "last": _last, "backward": _backward}
    table = torch.zeros(window + 1, window, dtype=torch.float64)
    for n in range(2, window + 1):
        table[n, window - n :] = rows[slope](n)
    return table


def _least_squares(n: int) -> Tensor:
    t = torch.arange(n, dtype=torch.float64)
    t = t - t.mean()
    return t / (t * t).sum()


def _last(n: int) -> Tensor:
    row = torch.zeros(n, dtype=torch.float64)
    row[-2:] = torch.tensor([-1.0, 1.0])
    return row


def _backward(n: int) -> Tensor:
    # The row w is exact for every power: sum of w_j t_j^p is the derivative of t^p at t = 0, 1 for p = 1, else 0.
    t = torch.arange(1 - n, 1, dtype=torch.float64)
    powers = t ** torch.arange(n, dtype=torch.float64).unsqueeze(1)
    derivative = torch.zeros(n, dtype=torch.float64)
    derivative[1] = 1.0
    row: Tensor = torch.linalg.solve(powers, derivative)
    return row
