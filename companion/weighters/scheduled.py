"""Weights by the clock: what each loss counts in each step is decided beforehand."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from companion._checks import finite
from companion.weighters._base import State, Total, Weighter
from companion.weighters._options import by_name
from companion.weighters.schedules import Schedule, phase_schedule


class Scheduled(Weighter):
    r"""Weigh the losses by functions of the step, chosen beforehand: :math:`\sum_k w_k(t) L_k`.

    A schedule that was tuned is a strong and honest choice, for it repeats from run to run; what it cannot do is react.
    The clock counts the calls in training mode, from 0, and is saved with the weighter. A step with a loss that is not
    finite counts and keeps the weights of the last.

    Args:
        names: The losses.
        schedules: A schedule or a fixed number for each loss, by name, where those left out have weight 1, or in the
            order of ``names``. A schedule maps the step, a floating point scalar, to the weight in that step:
            :func:`~companion.weighters.linear_schedule`, :func:`~companion.weighters.cosine_schedule`,
            :func:`~companion.weighters.cyclical_schedule`, :func:`~companion.weighters.annealing_schedule`,
            :func:`~companion.weighters.phase_schedule`, all of :func:`~companion.weighters.curriculum_schedules`, or a
            function of your own in tensor operations. By default all weights are 1.
        sum_to: What the weights are scaled to sum to; as scheduled by default.
        period: Steps that keep their weights, set anew in the last step of each.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the weighted sum.

    Raises:
        TypeError: If a schedule is neither a number nor a function.
        ValueError: If ``schedules`` does not fit ``names``, or the weights in step 0 are not finite.

    Example:
        >>> from companion.weighters import linear_schedule
        >>> weighter = Scheduled(["reconstruction", "divergence"], {"divergence": linear_schedule(0.0, 4.0, steps=2)})
        >>> [weighter([torch.tensor(1.0), torch.tensor(1.0)]).item() for _ in range(4)]
        [1.0, 3.0, 5.0, 5.0]

    References:
        Fu, Li, Liu, Gao, Celikyilmaz, Carin, *Cyclical Annealing Schedule: A Simple Approach to Mitigating KL
        Vanishing*, NAACL 2019, which compares schedules. https://arxiv.org/abs/1903.10145
    """

    def __init__(
        self,
        names: Sequence[str],
        schedules: Mapping[str, Schedule | float] | Sequence[Schedule | float] | None = None,
        *,
        sum_to: Total = None,
        period: int = 1,
        history: int = 1000,
    ) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        if schedules is None or isinstance(schedules, Mapping):
            schedules = dict.fromkeys(self.names, 1.0) | dict(schedules or {})
        chosen = by_name("schedules", schedules, self.names)
        self.schedules = tuple(_schedule(name, one) for name, one in zip(self.names, chosen, strict=True))
        first = self._scaled(self._at(torch.zeros_like(self.weights[0])))
        if not torch.isfinite(first).all():
            raise ValueError(f"`schedules` must give finite weights in step 0, with a sum that is not 0; got {first}.")
        self._remember(weights=first)

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        return self._at(state["step"].to(values.dtype)), {}

    def _at(self, step: Tensor) -> Tensor:
        return torch.stack([schedule(step) for schedule in self.schedules])


def _schedule(name: str, value: Schedule | float) -> Schedule:
    if callable(value):
        return value
    finite(f"schedules[{name!r}]", value)
    return phase_schedule({0: value})
