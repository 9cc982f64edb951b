"""Random numbers that are a function of a seed and a step: a run that resumes draws what it would have drawn."""

import math

import torch
from torch import Tensor

_MASK = 0xFFFFFFFF
_ODD = 0x9E3779B9  # 2**32 divided by the golden ratio: the mixer maps 0 to 0, and no input may be left there


def uniforms(seed: Tensor, step: Tensor, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Numbers between 0 and 1, both excluded; the same in float32 and float64.

    Args:
        seed: Any int64, ``()``: a buffer, so that it is saved.
        step: At least 0 and below 2**32, ``()``. Another step gives other numbers.
        shape: Of the result.
        dtype: Of the result.
    """
    # 23 bits and a half are exact in float32: with more, the largest would round to 1.
    return ((_words(seed, step, *shape) >> 9).to(dtype) + 0.5) * 2.0**-23


def normals(seed: Tensor, step: Tensor, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Standard normal numbers, arguments as for :func:`uniforms`."""
    return math.sqrt(2.0) * torch.erfinv(2.0 * uniforms(seed, step, *shape, dtype=dtype) - 1.0)


def permutations(seed: Tensor, step: Tensor, *shape: int) -> Tensor:
    """Orders of ``range(shape[-1])`` along the last axis, arguments as for :func:`uniforms`."""
    return _words(seed, step, *shape).argsort(dim=-1, stable=True)


def _words(seed: Tensor, step: Tensor, *shape: int) -> Tensor:
    """Random numbers below 2**32, int64."""
    first = _mix((seed & _MASK) ^ _ODD)
    second = _mix(((seed >> 32) & _MASK) ^ first)
    # For one seed this is a bijection of the step, and for two the sequences are not each other's shifts. The sum must
    # not be ^, for at step 0 both terms are the same number where the seed is below 2**32.
    state = _mix(second + _mix(first ^ (step & _MASK)) & _MASK)
    places = _mix(torch.arange(math.prod(shape), device=step.device) ^ _ODD)
    return _mix(state ^ places).reshape(shape)


def _mix(word: Tensor) -> Tensor:
    """Scatter numbers below 2**32, one to one. Both factors are below 2**31, so that no product leaves int64."""
    word = (word ^ (word >> 16)) * 0x21F0AAAD & _MASK
    word = (word ^ (word >> 15)) * 0x735A2D97 & _MASK
    return word ^ (word >> 15)
