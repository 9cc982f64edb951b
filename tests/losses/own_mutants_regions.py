"""Losses of regions with data of their own, one text changed."""

from tests.losses.mutants import Mutant

REGIONS = [
    Mutant(prefix + "boundary_loss", "losses.regions.boundary", old, new)
    for prefix in ("", "binary_")
    for old, new in (
        ("p * distance", "(1 - p) * distance"),
        ("/ max(priced.shape[2], 1)", ""),
        ("weight=weight, reduction=reduction, input=input", "weight=None, reduction=reduction, input=input"),
    )
]
