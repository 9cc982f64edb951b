"""Weights that are a function of the step: ramps, cycles, decay, phases."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from companion._checks import above_up_to, at_least, count, finite, integer
from companion.weighters._options import check_names

Schedule = Callable[[Tensor], Tensor]  # the step, a floating point scalar -> the weight in that step


def linear_schedule(start: float = 0.0, stop: float = 1.0, *, steps: int = 1000, delay: int = 0) -> Schedule:
    r"""Moves the weight from ``start`` to ``stop`` at an even pace, so that the model learns the loss gradually.

    .. math:: w(t) = a + (b - a)\, u, \qquad u = \min(1, \max(0, (t - t_0) / T))

    Worked number: from 0 to 1 in 1000 steps after 200, the weight in step 450 is 0.25.

    Args:
        start: a, the weight until ``delay``.
        stop: b, the weight from ``delay + steps`` on.
        steps: T, steps that it takes, at least 1.
        delay: :math:`t_0`, the step in which it begins.

    Returns:
        A function of the step, for :class:`~companion.weighters.Scheduled`.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of range.

    Example:
        >>> import torch
        >>> linear_schedule(0.0, 1.0, steps=1000, delay=200)(torch.tensor(450.0))
        tensor(0.2500)

    References:
        Bowman, Vilnis, Vinyals, Dai, Jozefowicz, Bengio, *Generating Sentences from a Continuous Space*, CoNLL 2016,
        which raises the weight of a divergence from 0 to 1. https://arxiv.org/abs/1511.06349
    """
    return partial(_linear, **_ramp(start, stop, steps, delay))


def cosine_schedule(start: float = 0.0, stop: float = 1.0, *, steps: int = 1000, delay: int = 0) -> Schedule:
    r"""Moves the weight from ``start`` to ``stop``, slowly at both ends, so that the model meets no sudden change.

    .. math:: w(t) = a + (b - a)\, \frac{1 - \cos \pi u}{2}, \qquad u = \min(1, \max(0, (t - t_0) / T))

    Worked number: from 0 to 1 in 1000 steps, the weight in step 250 is 0.146, where the straight ramp has 0.25.

    Args:
        start: a, the weight until ``delay``.
        stop: b, the weight from ``delay + steps`` on.
        steps: T, steps that it takes, at least 1.
        delay: :math:`t_0`, the step in which it begins.

    Returns:
        A function of the step, for :class:`~companion.weighters.Scheduled`.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of range.

    Example:
        >>> import torch
        >>> cosine_schedule(0.0, 1.0, steps=1000)(torch.tensor(250.0))
        tensor(0.1464)

    References:
        Loshchilov, Hutter, *SGDR: Stochastic Gradient Descent with Warm Restarts*, ICLR 2017, for the learning rate.
        https://arxiv.org/abs/1608.03983
    """
    return partial(_cosine, **_ramp(start, stop, steps, delay))


def cyclical_schedule(
    start: float = 0.0, stop: float = 1.0, *, steps: int = 10_000, cycles: int = 4, rising: float = 0.5
) -> Schedule:
    r"""Raises the weight again and again, so that the model can leave a solution in which the loss had pushed it.

    .. math:: w(t) = a + (b - a) \min(1, \tau / R), \qquad \tau = \frac{t \bmod C}{C}, \qquad C = \lceil T / M \rceil

    In each of M cycles the weight rises evenly during the share R of the cycle and then stays. After ``steps`` it stays
    at ``stop``. Worked number: 4 cycles in 10,000 steps, half of each rising: the weight in step 2500 is 0 again and in
    step 3125 it is 0.5.

    Args:
        start: a, the weight at the start of a cycle.
        stop: b, the weight at its end.
        steps: T, steps of all cycles together, at least 1.
        cycles: M, at least 1.
        rising: R, above 0 and at most 1.

    Returns:
        A function of the step, for :class:`~companion.weighters.Scheduled`.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of range.

    Example:
        >>> import torch
        >>> schedule = cyclical_schedule(steps=10_000, cycles=4)
        >>> [schedule(torch.tensor(step)).item() for step in (1249.0, 2499.0, 2500.0, 3125.0)]
        [0.9991999864578247, 1.0, 0.0, 0.5]

    References:
        Fu, Li, Liu, Gao, Celikyilmaz, Carin, *Cyclical Annealing Schedule: A Simple Approach to Mitigating KL
        Vanishing*, NAACL 2019. https://arxiv.org/abs/1903.10145
    """
    finite("start", start)
    finite("stop", stop)
    count("steps", steps)
    count("cycles", cycles)
    above_up_to(0.0, 1.0)("rising", rising)
    return partial(_cyclical, start=start, stop=stop, steps=steps, length=math.ceil(steps / cycles), rising=rising)


def annealing_schedule(start: float = 1.0, *, rate: float = 0.001, stop: float = 0.0) -> Schedule:
    r"""Lets the weight decay exponentially, so that the loss guides the model early and leaves it alone late.

    .. math:: w(t) = b + (a - b)\, e^{-r t}

    Worked number: from 1 towards 0 at the rate 0.001 the weight halves every 693 steps.

    Args:
        start: a, the weight in step 0.
        rate: r, per step, at least 0.
        stop: b, what the weight decays to.

    Returns:
        A function of the step, for :class:`~companion.weighters.Scheduled`.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of range.

    Example:
        >>> import torch
        >>> annealing_schedule(1.0, rate=0.001)(torch.tensor(693.0))
        tensor(0.5001)

    References:
        Bengio, Louradour, Collobert, Weston, *Curriculum Learning*, ICML 2009, on training criteria that change as
        training proceeds. https://doi.org/10.1145/1553374.1553380
    """
    finite("start", start)
    at_least(0.0)("rate", rate)
    finite("stop", stop)
    return partial(_annealing, start=start, rate=rate, stop=stop)


def phase_schedule(weights: Mapping[int, float]) -> Schedule:
    """Gives the loss one weight for each phase of the training, so that the model learns one thing at a time.

    Worked number: ``{0: 1.0, 100: 0.1}`` is 1 in steps 0 to 99 and 0.1 from step 100 on.

    Args:
        weights: First step of each phase, and its weight. One phase must begin at step 0.

    Returns:
        A function of the step, for :class:`~companion.weighters.Scheduled`.

    Raises:
        TypeError: If a step is not an int or a weight not a number.
        ValueError: If no phase begins at step 0, a step is negative or a weight is not finite.

    Example:
        >>> import torch
        >>> schedule = phase_schedule({0: 1.0, 100: 0.1})
        >>> schedule(torch.tensor(99.0)), schedule(torch.tensor(100.0))
        (tensor(1.), tensor(0.1000))

    References:
        Bengio, Louradour, Collobert, Weston, *Curriculum Learning*, ICML 2009.
        https://doi.org/10.1145/1553374.1553380
    """
    for first, weight in weights.items():
        integer("weights", first)
        finite("weights", weight)
    if not weights or min(weights) != 0:
        raise ValueError(f"`weights` must have its first phase at step 0, got {dict(weights)}.")
    return partial(_phases, phases=tuple(sorted(weights.items())))


def curriculum_schedules(names: Sequence[str], *, every: int = 1000, ramp: int = 1) -> dict[str, Schedule]:
    r"""Lets the losses enter one after another, so that the model learns the first before it meets the next.

    .. math:: w_k(t) = \min\big(1, \max(0, (t + 1 - k E) / R)\big) , \quad k = 1, 2, \dots, \qquad w_0(t) = 1

    Losses that have entered stay. Worked number: with E = 1000 and R = 100 the second loss has weight 0 in step 999,
    0.01 in step 1000 and 1 from step 1099 on.

    Args:
        names: The losses, in the order in which they enter. The first is there from the start.
        every: E, steps from one entry to the next, at least 1.
        ramp: R, steps in which a weight rises to 1, at least 1.

    Returns:
        A schedule for each name, for :class:`~companion.weighters.Scheduled`.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of range.

    Example:
        >>> import torch
        >>> entered = curriculum_schedules(["shape", "texture", "style"], every=100)
        >>> [schedule(torch.tensor(150.0)).item() for schedule in entered.values()]
        [1.0, 1.0, 0.0]

    References:
        Bengio, Louradour, Collobert, Weston, *Curriculum Learning*, ICML 2009.
        https://doi.org/10.1145/1553374.1553380
    """
    count("every", every)
    count("ramp", ramp)
    later = check_names(names)[1:]
    entering = {name: linear_schedule(steps=ramp, delay=k * every - 1) for k, name in enumerate(later, start=1)}
    return {names[0]: phase_schedule({0: 1.0}), **entering}


def _ramp(start: float, stop: float, steps: int, delay: int) -> dict[str, Any]:
    finite("start", start)
    finite("stop", stop)
    count("steps", steps)
    integer("delay", delay)
    at_least(0)("delay", delay)
    return {"start": start, "stop": stop, "steps": steps, "delay": delay}


# Functions of the module, so that a schedule can be pickled and shows its options.


def _linear(step: Tensor, *, start: float, stop: float, steps: int, delay: int) -> Tensor:
    return start + (stop - start) * ((step - delay) / steps).clamp(0.0, 1.0)


def _cosine(step: Tensor, *, start: float, stop: float, steps: int, delay: int) -> Tensor:
    done = ((step - delay) / steps).clamp(0.0, 1.0)
    return start + (stop - start) * 0.5 * (1.0 - torch.cos(math.pi * done))


def _cyclical(step: Tensor, *, start: float, stop: float, steps: int, length: int, rising: float) -> Tensor:
    done = (step.remainder(length) / (rising * length)).clamp_max(1.0)
    return start + (stop - start) * torch.where(step < steps, done, 1.0)


def _annealing(step: Tensor, *, start: float, rate: float, stop: float) -> Tensor:
    return stop + (start - stop) * torch.exp(-rate * step)


def _phases(step: Tensor, *, phases: tuple[tuple[int, float], ...]) -> Tensor:
    found = torch.full_like(step, phases[0][1])
    for first, weight in phases[1:]:
        found = torch.where(step >= first, weight, found)
    return found
