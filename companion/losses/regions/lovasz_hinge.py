"""Lovász hinge: the Jaccard index of yes-or-no decisions, for logits."""

from jaxtyping import Float, Shaped
from torch import Tensor

from companion._checks import Reduction, check_same_shape
from companion._margin import upcast
from companion._options import check_options
from companion._twin import Twin
from companion.losses.regions._counts import Absent, reduce_regions
from companion.losses.regions._lovasz import as_images, is_one_region, slopes


def lovasz_hinge_loss(
    input: Float[Tensor, "batch *shape"],
    target: Shaped[Tensor, "batch *shape"],
    *,
    batch: bool = False,
    absent: Absent = "penalise",
    weight: Float[Tensor, " classes"] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Asks every logit for a margin of 1 on its side of 0, and prices the shortfall as the Jaccard index would.

    With :math:`e = \max(0, 1 - x)` inside the region and :math:`\max(0, 1 + x)` outside, sorted from the largest, and
    :math:`\Delta_i` the Jaccard loss when the first i are mistakes,

    .. math:: \ell = \sum_i e_i \, (\Delta_i - \Delta_{i-1}) .

    It is the binary form of :func:`lovasz_softmax_loss`, for one yes-or-no mask or several that overlap. Each logit
    on its side of 0 by 1 or more costs nothing; logits of 1 in size cost twice the Jaccard loss of their decisions: 2
    for a region missed altogether. Logits trained with it are scores: their sigmoid is no probability.

    Args:
        input: Logits, ``(N, C, *)`` with one region per channel; one channel for a single yes or no, ``(N, 1, H, W)``.
            ``(N, H, W)`` would be read as H channels: write ``input.unsqueeze(1)`` then, and the same for ``target``.
        target: 0 or 1, in the shape of ``input``; above 1/2 counts as 1.
        batch: Pool the images of a batch into one region per class.
        absent: What a class does in an image where it does not occur: ``"penalise"`` counts its largest error,
            ``"skip"`` leaves it out of the mean.
        weight: One weight per class, ``(C,)``. It enters the mean.
        ignore_index: Targets with this value belong to no region.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss, at least 0: a scalar, or under ``reduction="none"`` ``(N, C)`` for input with spatial axes and
        ``(C,)`` where the batch is the region (``batch=True``, ``(N, C)`` or ``(N,)`` input). Where errors tie, the
        gradient is that of one of their orders.

    Raises:
        TypeError: If ``input`` is not floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[[-1.0, 2.0, 0.0]]])  # errors 2, 0 and 1
        >>> target = torch.tensor([[[1, 1, 0]]])
        >>> lovasz_hinge_loss(logits, target)  # 2 x 1/2 for the miss, 1 x 1/6 as the union grows from 2 to 3
        tensor(1.1667)

    References:
        Yu, Blaschko, *Learning Submodular Losses with the Lovász Hinge*, ICML 2015.
        https://proceedings.mlr.press/v37/yub15.html

        Berman, Rannen Triki, Blaschko, *The Lovász-Softmax Loss: A Tractable Surrogate for the Optimization of the
        Intersection-over-Union Measure in Neural Networks*, CVPR 2018. https://arxiv.org/abs/1705.08790
    """
    check_options(
        "lovasz_hinge_loss", batch=batch, absent=absent, weight=weight, ignore_index=ignore_index, reduction=reduction
    )
    check_same_shape(input, target)
    valid = target.to(upcast(input).dtype) != ignore_index
    x, there, valid = (as_images(v, batch) for v in (upcast(input), (target > 0.5) & valid, valid))
    x, there, valid = x.flatten(2), there.flatten(2), valid.flatten(2)
    error = (1 - x.where(there, -x)).relu().masked_fill(~valid, 0.0)
    loss = (error * slopes(error, there)).sum(dim=2)
    size, seen = there.sum(dim=2), valid.sum(dim=2)
    if is_one_region(input, batch):
        loss, size, seen = (v.reshape(input.shape[1:2]) for v in (loss, size, seen))
    return reduce_regions(loss, size, seen, absent=absent, weight=weight, reduction=reduction, input=input)


class LovaszHingeLoss(Twin, of=lovasz_hinge_loss): ...
