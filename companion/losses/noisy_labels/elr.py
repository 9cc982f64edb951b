"""Early-learning regularisation: what the model believed before it began to learn wrong labels by heart."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor, nn

from companion._checks import Reduction, check_logits
from companion._margin import upcast
from companion._options import check_options
from companion.losses.noisy_labels._pieces import penalised_cross_entropy


class ELRLoss(nn.Module):
    r"""Holds the model to its own earlier predictions, which are right for many examples whose labels are wrong.

    .. math:: \ell = -\log p_t + \lambda \log (1 - \langle p, m \rangle) , \qquad m \leftarrow \beta m + (1 - \beta) p .

    ``memory`` holds the running average m of the predictions for each training example. The second term is the lower,
    the better p agrees with m: it cancels the pull of labels that contradict m and strengthens that of labels that
    agree. It has a lower bound, because predictions are clipped to [1e-4, 1 - 1e-4] before they are stored, as in the
    authors' code: for two classes :math:`\lambda \log 10^{-4}`. ``strength=0`` is cross entropy. A first visit at even
    odds between two classes costs 0.693 + 3 log(1 - 0.15) = 0.206.

    In training mode a call updates the memory of its examples, first, without a gradient; in evaluation mode it only
    reads. The memory is in the ``state_dict``. An example must have the same number in every epoch, and should occur
    once in a batch.

    Args:
        samples: Number of training examples.
        classes: Number of classes.
        beta: Share of the memory that an update keeps, at least 0 and below 1. The authors use 0.7 for CIFAR-10, 0.9
            for CIFAR-100.
        strength: :math:`\lambda`, at least 0. The authors use 3 for CIFAR-10, 7 for CIFAR-100.
        weight: One weight per class, ``(C,)``, on the whole loss. It enters the mean for indices.
        ignore_index: Indices with this value add nothing to the loss, the gradient or the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        When called, the loss: a scalar, or ``(N,)`` under ``reduction="none"``.

    Raises:
        TypeError: If an option has the wrong type.
        ValueError: If an option is out of range.

    Example:
        >>> import torch
        >>> loss = ELRLoss(samples=5, classes=2)
        >>> loss(torch.zeros(1, 2), torch.tensor([0]), torch.tensor([3]))
        tensor(0.2056)
        >>> loss.memory[3]
        tensor([0.1500, 0.1500])

    References:
        Liu, Niles-Weed, Razavian, Fernandez-Granda, *Early-Learning Regularization Prevents Memorization of Noisy
        Labels*, NeurIPS 2020, equations (6) and (9). https://arxiv.org/abs/2007.00151
    """

    memory: Tensor
    weight: Tensor | None

    def __init__(
        self,
        samples: int,
        classes: int,
        *,
        beta: float = 0.7,
        strength: float = 3.0,
        weight: Float[Tensor, " classes"] | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        check_options(
            "ELRLoss",
            samples=samples,
            classes=classes,
            beta=beta,
            strength=strength,
            weight=weight,
            ignore_index=ignore_index,
            reduction=reduction,
        )
        self.beta, self.strength = beta, strength
        self.ignore_index, self.reduction = ignore_index, reduction
        self.register_buffer("weight", weight)
        self.register_buffer("memory", torch.zeros(samples, classes))

    def forward(
        self,
        input: Float[Tensor, "batch classes"],
        target: Integer[Tensor, " batch"] | Float[Tensor, "batch classes"],
        index: Integer[Tensor, " batch"],
        *,
        sample_weight: Float[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "..."]:
        """The loss of a batch.

        Args:
            input: Logits, ``(N, C)``.
            target: Class indices ``(N,)``, or probabilities ``(N, C)``.
            index: Number of each example in the training set, ``(N,)``, from 0 to ``samples - 1``.
            sample_weight: One weight per row, ``(N,)``. It enters the mean.

        Returns:
            The loss: a scalar, or ``(N,)`` under ``reduction="none"``.

        Raises:
            TypeError: If ``target`` is neither integer nor floating point, or ``index`` is not integer.
            ValueError: If shapes disagree.
        """
        check_logits(input)
        self._check(input, index)
        x = upcast(input)
        index = index.long()  # uint8 would be read as a mask
        memory = self.memory[index].to(x.dtype)
        if self.training:
            p = torch.softmax(x.detach(), dim=1).clamp(1e-4, 1 - 1e-4)
            memory = self.beta * memory + (1 - self.beta) * p / p.sum(dim=1, keepdim=True)
            self.memory[index] = memory.to(self.memory.dtype)
        # 1 - <p, m> as the sum of p (1 - m), in logarithms: nothing is subtracted from 1.
        apart = torch.logsumexp(F.log_softmax(x, dim=1) + torch.log1p(-memory), dim=1)
        return penalised_cross_entropy(
            self.strength * apart,
            x,
            target,
            weight=self.weight,
            sample_weight=sample_weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )

    def extra_repr(self) -> str:
        """The options, for ``print``."""
        samples, classes = self.memory.shape
        return f"samples={samples}, classes={classes}, beta={self.beta}, strength={self.strength}"

    def _check(self, input: Tensor, index: Tensor) -> None:
        samples, classes = self.memory.shape
        if input.dim() != 2 or input.shape[1] != classes:
            raise ValueError(f"`input` must have shape (N, {classes}), one logit per class, got {tuple(input.shape)}.")
        if (
            not isinstance(index, Tensor)
            or index.is_floating_point()
            or index.is_complex()
            or index.dtype == torch.bool
        ):
            found = f"dtype {index.dtype}" if isinstance(index, Tensor) else type(index).__name__
            raise TypeError(
                f"`index` must be an integer tensor, the number of each example from 0 to {samples - 1}, got {found}."
            )
        if index.shape != input.shape[:1]:
            raise ValueError(
                f"`index` must have shape ({len(input)},), one number per row of `input`, got {tuple(index.shape)}."
            )
