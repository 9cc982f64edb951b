"""Base of the weighters that are functions of the inner products of the gradients."""

from typing import ClassVar

from torch import Tensor

from companion.weighters._base import State, Weighter


class GramWeighter(Weighter):
    """A method says in ``_weigh`` how values and inner products become weights, as others do in ``_rule``."""

    needs_gram: ClassVar[bool] = True

    def _weigh(self, values: Tensor, gram: Tensor, state: State) -> tuple[Tensor, State]:
        raise NotImplementedError

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        if gram is None:
            raise ValueError(f"`gram` must be given: {type(self).__name__} is a function of inner products.")
        return self._weigh(values, gram, state)
