"""Barron's adaptive loss: how far outliers are to be heard is learned with the model."""

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from companion._checks import Reduction
from companion._margin import upcast
from companion._options import check_options
from companion._reduce import reduce_rows
from companion.losses.regression._barron import between, log_partition
from companion.losses.regression._residual import pair

LOWEST_ALPHA, HIGHEST_ALPHA = 0.001, 1.999
LOWEST_C = 1e-5


class AdaptiveBarronLoss(nn.Module):
    r"""Learns, with the model, the scale of the noise and how heavy its tails are.

    The negative log-likelihood of :func:`barron_loss`, with the residual :math:`r` = ``input`` - ``target``:

    .. math:: \ell = \rho_\alpha(r / c) + \log c + \log Z(\alpha), \qquad
       Z(\alpha) = \int_{-\infty}^{\infty} e^{-\rho_\alpha(x)} \, dx .

    log Z is the price of indulgence: a lower ``alpha`` makes outliers cheap and everything else dear. At ``alpha=1``
    and ``c=1`` a perfect prediction costs log Z(1) = 1.1855. Z falls from 4.443 (Cauchy noise, ``alpha=0``) to 2.507
    (Gaussian, ``alpha=2``); it is an integral without a closed form, computed here by a sum over 97 points, right to
    nine digits in float64, and differentiated with the rest. ``alpha`` stays between 0.001 and 1.999, as in the
    author's code, ``c`` above 1e-5. The loss falls below 0 once ``c`` is small, as densities pass 1; only its fall
    counts.

    **Give its parameters to the optimiser, without weight decay**::

        torch.optim.AdamW([{"params": model.parameters()}, {"params": loss.parameters(), "weight_decay": 0.0}])

    Forget it and nothing complains: ``loss.alpha`` and ``loss.c`` stay where they are. One noise is learned for all
    cases; where it differs from case to case, :func:`gaussian_nll_loss` predicts it.

    Args:
        features: Number of columns, the last axis of ``input``, each with ``alpha`` and ``c`` of its own; ``None`` for
            one pair for all.
        alpha: Where the shape starts, between 0.001 and 1.999.
        c: Where the scale starts, in the unit of ``target``, above 1e-5; near the size of the first residuals is best.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        When called, the loss in nats: a scalar, or the shape of ``input`` under ``reduction="none"``.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of range.

    Example:
        >>> import torch
        >>> loss = AdaptiveBarronLoss()
        >>> loss(torch.tensor([0.0, 3.0]), torch.zeros(2)).detach()
        tensor(2.2666)
        >>> loss.alpha.item(), loss.c.item()
        (1.0, 1.0)

    References:
        Barron, *A General and Adaptive Robust Loss Function*, CVPR 2019. https://arxiv.org/abs/1701.03077
    """

    def __init__(
        self, features: int | None = None, *, alpha: float = 1.0, c: float = 1.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__()
        check_options("AdaptiveBarronLoss", features=features, alpha=alpha, c=c, reduction=reduction)
        self.features, self.reduction = features, reduction
        shape = () if features is None else (features,)
        share = (alpha - LOWEST_ALPHA) / (HIGHEST_ALPHA - LOWEST_ALPHA)
        self.latent_alpha = nn.Parameter(torch.full(shape, math.log(share / (1 - share))))
        self.latent_c = nn.Parameter(torch.full(shape, math.log(c - LOWEST_C)))

    @property
    def alpha(self) -> Tensor:
        """The shape as learned so far, ``()`` or ``(features,)``."""
        return LOWEST_ALPHA + (HIGHEST_ALPHA - LOWEST_ALPHA) * torch.sigmoid(upcast(self.latent_alpha))

    @property
    def c(self) -> Tensor:
        """The scale as learned so far, ``()`` or ``(features,)``, in the unit of the target."""
        return LOWEST_C + torch.exp(upcast(self.latent_c))

    def forward(
        self,
        input: Float[Tensor, "*shape"],
        target: Shaped[Tensor, "*shape"],
        *,
        sample_weight: Float[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "..."]:
        """The loss of a batch.

        Args:
            input: Predictions, any shape, with ``features`` on the last axis if that is given.
            target: What was observed, in the shape of ``input``.
            sample_weight: One weight per element, the shape of ``input`` or its leading axes. It enters the mean.

        Returns:
            The loss: a scalar, or the shape of ``input`` under ``reduction="none"``.

        Raises:
            TypeError: If a tensor is not of real numbers.
            ValueError: If shapes disagree.
        """
        x, y = pair(input, target)
        if self.features is not None and (x.dim() == 0 or x.shape[-1] != self.features):
            raise ValueError(
                f"`input` must have {self.features} columns, the `features` of this loss, on its last axis, "
                f"got shape {tuple(x.shape)}."
            )
        alpha, c = self.alpha.to(x.dtype), self.c.to(x.dtype)
        loss = between((x - y) / c, alpha) + torch.log(c) + log_partition(alpha)
        return reduce_rows(loss, sample_weight, self.reduction)

    def extra_repr(self) -> str:
        """The options, for ``print``."""
        return f"features={self.features}, reduction={self.reduction!r}"
