"""Smooth Tchebycheff scalarisation: nearly the worst loss alone, without its kinks."""

from collections.abc import Sequence

import torch
from torch import Tensor

from companion._checks import above, flag
from companion.weighters._base import State, Total, Weighter
from companion.weighters._options import PerLoss, numbers, shares
from companion.weighters._surrogate import with_value


class SmoothTchebycheff(Weighter):
    r"""Train on a smooth maximum of the losses, so that the worst gets nearly all the weight (STCH).

    .. math::
        g = \mu \log \sum_k e^{u_k / \mu}, \qquad u_k = \lambda_k \frac{L_k - z_k}{S_k}, \qquad
        w_k = \frac{\lambda_k}{S_k}\, \frac{e^{u_k / \mu}}{\sum_j e^{u_j / \mu}}

    It lies between the maximum of the :math:`u_k` and that plus :math:`\mu \log K`. With :math:`\mu` small enough the
    preferences :math:`\lambda` reach any point of a Pareto front, also where the front is not convex and no weighted
    sum has its minimum; at :math:`\mu = 1` and losses of about 1 it is nearly the plain sum. Worked number: losses 3
    and 1, preferences 1/2 each, :math:`\mu` = 1: u = 1.5 and 0.5, g = 1.813, weights 0.366 and 0.134.

    Limits: the paper's form, S = 1, compares the losses in their units, and a loss in large units is the worst for
    ever. ``normalize=True`` divides each by its distance to the ideal at the first look; a distance of 0 waits for the
    next. The weights sum to about 1 / K, not K: with ``sum_to="tasks"`` the rate is that of the plain sum.

    Args:
        names: The losses.
        mu: Width of the smoothing, above 0. The smaller, the nearer to the maximum.
        preference: :math:`\lambda`, positive, by name or in the order of ``names``, scaled to sum to 1; equal by
            default. The larger, the lower that loss should end.
        ideal: z, the value that each loss would have at best; 0 by default.
        normalize: Whether losses count in units of their first distance to ``ideal``.
        sum_to: What the weights are scaled to sum to; by default they are the derivatives of g.
        period: Steps to average before a look, an epoch for instance.
        history: Steps that :meth:`history` keeps.

    Returns:
        When called, the smooth maximum; its derivatives are the weights.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of its range or does not fit ``names``.

    Example:
        >>> weighter = SmoothTchebycheff(["depth", "normals"])
        >>> weighter([torch.tensor(3.0), torch.tensor(1.0)]), weighter.weights
        (tensor(1.8133), tensor([0.3655, 0.1345]))

    References:
        Lin, Zhang, Yang, Liu, Wang, Zhang, *Smooth Tchebycheff Scalarization for Multi-Objective Optimization*, ICML
        2024. https://arxiv.org/abs/2402.19078
    """

    preference: Tensor
    ideal: Tensor
    scale: Tensor

    def __init__(
        self,
        names: Sequence[str],
        *,
        mu: float = 1.0,
        preference: PerLoss | None = None,
        ideal: PerLoss | None = None,
        normalize: bool = False,
        sum_to: Total = None,
        period: int = 1,
        history: int = 1000,
    ) -> None:
        super().__init__(names, sum_to=sum_to, period=period, history=history)
        above(0.0)("mu", mu)
        flag("normalize", normalize)
        self.mu, self.normalize = mu, normalize
        self.register_buffer("preference", shares("preference", preference, self.names), persistent=False)
        self.register_buffer("ideal", numbers("ideal", ideal, self.names), persistent=False)
        self._remember(weights=self._scaled(self.preference), scale=torch.zeros(len(self.names)))

    def _rule(self, values: Tensor, gram: Tensor | None, state: State) -> tuple[Tensor, State]:
        scale = state["scale"]
        if self.normalize:
            scale = torch.where(scale > 0, scale, (values - self.ideal).abs())
        return self._slopes(scale) * (self._scores(values, scale) / self.mu).softmax(0), {"scale": scale}

    def _combine(self, losses: Tensor, weights: Tensor) -> Tensor:
        scores = self._scores(losses, self.scale) / self.mu
        return with_value(self.mu * scores.logsumexp(0), losses, weights)

    def _scores(self, losses: Tensor, scale: Tensor) -> Tensor:
        return self._slopes(scale) * (losses - self.ideal)

    def _slopes(self, scale: Tensor) -> Tensor:
        return self.preference / torch.where(scale > 0, scale, 1.0)
