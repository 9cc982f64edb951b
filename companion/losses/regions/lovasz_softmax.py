"""Lovász-softmax loss: the Jaccard index of the decisions, made differentiable."""

from jaxtyping import Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_class_target, check_logits
from companion._margin import upcast
from companion._options import check_options
from companion._twin import Twin
from companion.losses.regions._counts import Absent, by_class, reduce_regions
from companion.losses.regions._lovasz import as_images, is_one_region, slopes_of_classes
from companion.losses.regions._wrong import sum_of_wrong


def lovasz_softmax_loss(
    input: Float[Tensor, "batch classes *spatial"],
    target: Integer[Tensor, "batch *spatial"],
    *,
    batch: bool = False,
    absent: Absent = "skip",
    weight: Float[Tensor, " classes"] | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Trains on the Jaccard index of the decisions, intersection over union, by the convex loss that lies over it.

    The error of a pixel in class c is :math:`1 - p_c` inside the class and :math:`p_c` outside. With the errors
    sorted, :math:`e_1 \ge e_2 \ge \dots`, and :math:`\Delta_i` the Jaccard loss when the first i are mistakes,

    .. math:: \ell_c = \sum_i e_i \, (\Delta_i - \Delta_{i-1}) .

    Where all errors are 0 or 1 it is the Jaccard loss itself; between, it is piecewise linear in the probabilities,
    unlike :func:`jaccard_loss`. A class of one pixel that is found with p = 1/2 costs 0.5; if a second pixel is given
    p = 3/4 by mistake, the class costs 0.75 / 2 + 0.5 / 2 = 0.625. The errors of every class are sorted, which takes
    most of the time.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes.
        target: Class indices ``(N, *)``.
        batch: Pool the images of a batch into one region per class.
        absent: What a class does in an image where it does not occur: ``"skip"`` leaves it out of the mean, as in the
            paper, whose code calls it ``classes="present"``; ``"penalise"`` (there ``"all"``) counts its largest error.
        weight: One weight per class, ``(C,)``. It enters the mean.
        ignore_index: Targets with this value belong to no region.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss, from 0 for a certain and right prediction to 1: a scalar, or under ``reduction="none"`` ``(N, C)`` for
        input with spatial axes and ``(C,)`` where the batch is the region (``batch=True``, or ``(N, C)`` input).
        Where errors tie, the gradient is that of one of their orders.

    Raises:
        TypeError: If ``target`` does not hold integers, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[[0.0, 3.0, 50.0], [0.0, 0.0, 0.0]]])  # p of class 0: 1/2, 0.953 and 1
        >>> target = torch.tensor([[1, 0, 0]])
        >>> lovasz_softmax_loss(logits, target, reduction="none")
        tensor([[0.1825, 0.5000]])

    References:
        Berman, Rannen Triki, Blaschko, *The Lovász-Softmax Loss: A Tractable Surrogate for the Optimization of the
        Intersection-over-Union Measure in Neural Networks*, CVPR 2018.
        https://arxiv.org/abs/1705.08790
    """
    check_options(
        "lovasz_softmax_loss", batch=batch, absent=absent, weight=weight, ignore_index=ignore_index, reduction=reduction
    )
    check_logits(input, sibling="lovasz_hinge_loss")
    if not check_class_target(input, target):
        raise TypeError(f"`target` must hold integer class indices, got dtype {target.dtype}. See `target.argmax(1)`.")
    t = target.long().unsqueeze(1)
    valid = t != ignore_index
    x, t, valid = (as_images(v, batch) for v in (upcast(input), t * valid, valid))
    slope, size = slopes_of_classes(x, t, valid)
    fp, missed = sum_of_wrong(x, t, valid, slope)
    loss = fp + by_class(missed * slope.gather(1, t), t, x)
    seen = valid.flatten(2).sum(dim=2).expand(loss.shape)
    if is_one_region(input, batch):
        loss, size, seen = loss.squeeze(0), size.squeeze(0), seen.squeeze(0)
    return reduce_regions(loss, size, seen, absent=absent, weight=weight, reduction=reduction, input=input)


class LovaszSoftmaxLoss(Twin, of=lovasz_softmax_loss): ...
