"""Boundary loss: how far from the true contour the predicted one is, by a map of distances."""

import torch
from jaxtyping import Float
from torch import Tensor

from companion._checks import Reduction, check_floating, check_logits
from companion._margin import margins, sigmoid, upcast
from companion._options import check_options
from companion._twin import Twin
from companion.losses.regions._counts import reduce_regions


def boundary_loss(
    input: Float[Tensor, "batch classes *spatial"],
    distance: Float[Tensor, "batch classes *spatial"],
    *,
    weight: Float[Tensor, " classes"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Charges every element for its distance to the true contour, so that far mistakes cost most.

    With :math:`\phi_c` the signed distance of a pixel to the contour of class c, negative inside,

    .. math:: \ell_c = \frac{1}{\#\text{pixels}} \sum p_c \, \phi_c .

    It is linear in the probabilities, and least, and negative, where the prediction is the region. A pixel 10 away
    from the region that is taken for a part of it with p = 1/2 adds 5 / #pixels. On its own it has a poor minimum,
    nothing predicted anywhere, for small regions: the paper adds it to a loss of regions, such as
    :func:`generalized_dice_loss`, with a share that grows from 0.01.

    The maps are made once, before training, as in the example; a map of zeros leaves out a class that does not
    occur, and zeros leave out elements. A mask of 0.0 and 1.0 in place of the map is not noticed, and drives the model
    out of the region.

    Args:
        input: Logits, ``(N, C, *)`` with at least two classes and spatial axes.
        distance: Signed distances to the contour of each class, in the shape of ``input``, negative inside; in pixels
            or in any other unit, which is that of the loss.
        weight: One weight per class, ``(C,)``. It enters the mean. The paper leaves out the background, weight 0.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss, of either sign: a scalar, or ``(N, C)`` under ``reduction="none"``.

    Raises:
        TypeError: If ``input`` or ``distance`` is not floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> from scipy.ndimage import distance_transform_edt as edt
        >>> target = torch.tensor([[0, 0, 0, 1, 1]])  # one image of five pixels in a row
        >>> masks = [(target[0] == c).numpy() for c in range(2)]
        >>> maps = [torch.as_tensor(edt(~m) - edt(m)) if m.any() else torch.zeros(m.shape) for m in masks]
        >>> distance = torch.stack(maps).float().unsqueeze(0)
        >>> distance[0, 1]
        tensor([ 3.,  2.,  1., -1., -2.])
        >>> boundary_loss(torch.zeros(1, 2, 5), distance, reduction="none")  # p = 1/2 everywhere
        tensor([[-0.3000,  0.3000]])

    References:
        Kervadec et al., *Boundary Loss for Highly Unbalanced Segmentation*, MIDL 2019.
        https://arxiv.org/abs/1812.07032
    """
    check_options("boundary_loss", weight=weight, reduction=reduction)
    check_logits(input, sibling="binary_boundary_loss")
    _check_maps(input, distance)
    return _of_maps(sigmoid(margins(input)), distance, input, weight, reduction)


def binary_boundary_loss(
    input: Float[Tensor, "batch classes *spatial"],
    distance: Float[Tensor, "batch classes *spatial"],
    *,
    weight: Float[Tensor, " classes"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Boundary loss for one logit per element: one yes-or-no mask, or several that overlap.

    As :func:`boundary_loss`, with the sigmoid for p and without a region for the background.

    Args:
        input: Logits, ``(N, C, *)`` with one region per channel and spatial axes; one channel for a single yes or no,
            ``(N, 1, H, W)``. ``(N, H, W)`` would be read as H channels: write ``input.unsqueeze(1)`` then, and the
            same for ``distance``.
        distance: Signed distances to the contour of each region, in the shape of ``input``, negative inside; in
            pixels or in any other unit, which is that of the loss.
        weight: One weight per region, ``(C,)``. It enters the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        The loss, of either sign: a scalar, or ``(N, C)`` under ``reduction="none"``.

    Raises:
        TypeError: If ``input`` or ``distance`` is not floating point, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> distance = torch.tensor([[[3.0, 2.0, 1.0, -1.0, -2.0]]])  # the region is the last two of five pixels
        >>> binary_boundary_loss(torch.tensor([[[-9.0, -9.0, -9.0, 9.0, 9.0]]]), distance)
        tensor(-0.5998)

    References:
        Kervadec et al., *Boundary Loss for Highly Unbalanced Segmentation*, MIDL 2019.
        https://arxiv.org/abs/1812.07032
    """
    check_options("binary_boundary_loss", weight=weight, reduction=reduction)
    check_floating("input", input)
    _check_maps(input, distance)
    return _of_maps(sigmoid(upcast(input)), distance, input, weight, reduction)


def _check_maps(input: Tensor, distance: Tensor) -> None:
    if isinstance(distance, Tensor) and not distance.is_floating_point():
        raise TypeError(
            f"`distance` must be floating point, signed distances to the contour, got dtype {distance.dtype}. "
            "Is it the mask? The example of `boundary_loss` turns masks into distances."
        )
    check_floating("distance", distance)
    if input.dim() < 3:
        raise ValueError(f"`input` must have shape (N, C, *) with spatial axes, got {tuple(input.shape)}.")
    if distance.shape != input.shape:
        raise ValueError(
            f"`distance` must have the shape of `input`, {tuple(input.shape)}, one map per image and class, "
            f"got {tuple(distance.shape)}."
        )


def _of_maps(p: Tensor, distance: Tensor, input: Tensor, weight: Tensor | None, reduction: Reduction) -> Tensor:
    priced = (p * distance.to(p.dtype)).flatten(2)
    loss = priced.sum(dim=2) / max(priced.shape[2], 1)
    all_ = torch.ones_like(loss)
    return reduce_regions(loss, all_, all_, absent="penalise", weight=weight, reduction=reduction, input=input)


class BoundaryLoss(Twin, of=boundary_loss): ...


class BinaryBoundaryLoss(Twin, of=binary_boundary_loss): ...
