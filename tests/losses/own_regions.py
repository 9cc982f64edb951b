"""The losses of regions whose data are their own: distances beside logits."""

import functools

import torch
from torch import Tensor

from companion import losses
from tests.losses import region_references as references
from tests.losses.info import OwnInfo

LINEAR = torch.tensor([0.5, 1.0, 3.0], dtype=torch.float64)


def example(rows: int, draw: torch.Generator) -> tuple[Tensor, ...]:
    """Logits of images of 2 x 4 pixels, and a distance for each."""
    shape = (rows, 3, 2, 4)
    input, distance = (torch.randn(shape, dtype=torch.float64, generator=draw) for _ in range(2))
    return 2 * input, 3 * distance


def extreme() -> list[tuple[Tensor, ...]]:
    z = [
        [20.0, 0.0, 0.0],
        [1e4, 0.0, -1e4],
        [0.0, 0.0, 0.0],
        [-100.0, 0.0, 100.0],
        [-1e4, -1e4, -1e4],
        [40.0, 0.0, 39.0],
    ]
    distance = [[1e4, 2.0, 3.0], [0.0, 1.0, -2.0], [1.0, -1.0, 5.0], [-1.0, 2.0, 7.0], [1.0, 1.0, 2.0], [0.0, 0.0, 1.0]]
    return [(torch.tensor(z).unsqueeze(2), torch.tensor(distance).unsqueeze(2))]


def nothing() -> list[tuple[Tensor, ...]]:
    """Maps of zeros, as of classes that do not occur."""
    return [(torch.randn(2, 3, 4), torch.zeros(2, 3, 4))]


REGIONS = [
    OwnInfo(
        losses.boundary_loss,
        losses.BoundaryLoss,
        example,
        references.boundary,
        extreme,
        nothing,
        sweep=({}, {"weight": LINEAR}),
    ),
    OwnInfo(
        losses.binary_boundary_loss,
        losses.BinaryBoundaryLoss,
        example,
        functools.partial(references.boundary, binary=True),
        extreme,
        nothing,
        sweep=({}, {"weight": LINEAR}),
    ),
]
