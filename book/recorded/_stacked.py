"""Many small runs in the same tensor operations: every tensor has a leading axis of runs, S of them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from companion.weighters._base import Weighter

Make = Callable[[Sequence[str]], Weighter]


class Stacked:
    """One weighter for each run: what it remembers and what it learns get a leading axis, its rule is vmapped.

    The derivative of a weighter's scalar with respect to a loss is the weight of that loss, so the model gets its
    gradient from the weighted sum; the scalar itself is needed where the weighter has parameters to learn.

    Attributes:
        parameters: What the weighters learn, for the optimiser.
        state: What they remember; ``state["weights"]`` is ``(S, K)``.
    """

    def __init__(self, weighter: Weighter, runs: int) -> None:
        self.call, self.needs_gram = _ByName(weighter), weighter.needs_gram
        self.parameters = {name: _repeat(p, runs).requires_grad_() for name, p in self.call.named_parameters()}
        self.state = {name: _repeat(value, runs) for name, value in weighter.state().items()}
        if "seed" in self.state:
            self.state["seed"] = self.state["seed"] + torch.arange(runs, device=self.state["seed"].device)

    def __call__(self, losses: Tensor, gram: Tensor | None = None) -> Tensor:
        """What all runs are to be trained on, added up.

        Args:
            losses: The losses of each run ``(S, K)``.
            gram: Inner products of their gradients ``(S, K, K)``; may be left out where they are not needed.
        """
        gram = gram if self.needs_gram else None
        with torch.no_grad():
            advance = vmap(self._advance, in_dims=(0, 0, None if gram is None else 0, 0))
            self.state = advance(self.parameters, losses, gram, self.state)
        weights = self.state["weights"].to(losses.dtype)
        if not self.parameters:
            return (weights * losses).sum()
        own = self.parameters | {f"weighter.{name}": value for name, value in self.state.items()}
        return vmap(self._combine)(own, losses, weights).sum()

    def _advance(self, parameters: dict[str, Tensor], *seen: Any) -> dict[str, Tensor]:
        return functional_call(self.call, parameters, ("advance", *seen))

    def _combine(self, own: dict[str, Tensor], *seen: Any) -> Tensor:
        return functional_call(self.call, own, ("_combine", *seen))


class _ByName(nn.Module):
    """The methods of a weighter as a forward pass, for that is where `functional_call` puts parameters in place."""

    def __init__(self, weighter: Weighter) -> None:
        super().__init__()
        self.weighter = weighter

    def forward(self, name: str, *seen: Any) -> Any:
        return getattr(self.weighter, name)(*seen)


class AdamPerRun(torch.optim.Adam):
    """Adam with a learning rate for each run: its step is proportional to its rate, so it is taken at 1 and scaled."""

    def __init__(self, parameters: Iterable[Tensor], rates: Tensor) -> None:
        super().__init__(parameters, lr=1.0)
        self.rates = rates

    @torch.no_grad()
    def step_by(self, share: float = 1.0) -> None:
        """One step by a share of the learning rates."""
        tensors = [p for group in self.param_groups for p in group["params"]]
        before = [p.clone() for p in tensors]
        self.step()
        for p, old in zip(tensors, before, strict=True):
            p.sub_(old).mul_(share * self.rates.view(-1, *[1] * (p.dim() - 1))).add_(old)


def stacked_gram(losses: Sequence[Tensor], shared: Sequence[Tensor]) -> Tensor:
    """Inner products ``(S, K, K)``, float64, of the gradients of K losses ``(S,)`` by what they share, ``(S, *)``."""
    jacobian = _jacobian(losses, shared)
    return (jacobian @ jacobian.mT).double()


def stacked_sizes(losses: Sequence[Tensor], shared: Sequence[Tensor]) -> Tensor:
    """What the rule "lra" of `GradientScale` sees instead: the largest entry of the first gradient, means of others."""
    size = _jacobian(losses, shared).abs()
    return torch.cat([size[:, :1].amax(2), size[:, 1:].mean(2)], 1).diag_embed().double()


def _jacobian(losses: Sequence[Tensor], shared: Sequence[Tensor]) -> Tensor:
    rows = [torch.autograd.grad(loss.sum(), shared, retain_graph=True) for loss in losses]
    return torch.stack([torch.cat([part.flatten(1) for part in row], 1) for row in rows], 1)


def _repeat(tensor: Tensor, runs: int) -> Tensor:
    return tensor.detach().expand(runs, *tensor.shape).clone()
