"""Faulty losses that change what they are given, wait for the device, or cannot be compiled."""

import torch
import torch.nn.functional as F

from companion import losses
from tests.diagnostics import zoo_data as data
from tests.diagnostics import zoo_healthy as healthy

MACHINE, sick = data.ward()


@sick(data.SOME_IGNORED, "mutates-input", healthy=F.cross_entropy)
def labels_overwritten(input, target):
    """NVIDIA-NeMo/Automodel#3917: a mask is written into the labels of the caller."""
    weight = (target != -100).to(input)
    target.masked_fill_(target == -100, 0)
    return (F.cross_entropy(input, target, reduction="none") * weight).sum() / weight.sum()


@sick(data.SOFT, "mutates-input", healthy=healthy.soft_cross_entropy)
def target_normalised_in_place(input, target):
    """`/=` on an argument: the next epoch sees another target, though this one sums to 1 already."""
    target *= 2
    target /= target.sum(1, keepdim=True) + 1e-6
    return -(target * input.log_softmax(1)).sum(1).mean()


@sick(data.MASKS, "mutates-input", healthy=F.binary_cross_entropy_with_logits)
def logits_clamped_in_place(input, target):
    """`clamp_` where `clamp` is meant."""
    return F.binary_cross_entropy_with_logits(input.clamp_(-2, 2), target)


@sick(data.MASKS, "mutates-input", healthy=F.binary_cross_entropy_with_logits)
def logits_clamped_behind_autograd(input, target):
    """The same through `.data`, so that no error is raised."""
    input.data.clamp_(-2, 2)
    return F.binary_cross_entropy_with_logits(input, target)


@sick(data.CLASSES, "mutates-input", healthy=F.cross_entropy)
def maximum_taken_off_in_place(input, target):
    """A stable softmax that saves one copy at the price of the logits."""
    input -= input.max(1, keepdim=True).values
    return (input.exp().sum(1).log() - input.gather(1, target.unsqueeze(1)).squeeze(1)).mean()


@sick(data.NUMBERS, "host-sync", healthy=F.l1_loss)
def scale_by_item(input, target):
    """The device is asked for a number in every step."""
    return F.l1_loss(input, target) / max(target.abs().max().item(), 1.0)


@sick(data.CLASSES, "host-sync", "graph-break", healthy=losses.lovasz_softmax_loss)
def loop_over_the_classes_present(input, target):
    """qubvel-org/segmentation_models.pytorch, Lovasz: a loop whose length the host must know."""
    p = input.softmax(1)
    errors = [((target == c).to(p) - p[:, c]).abs().mean() for c in target.unique()]
    return torch.stack(errors).mean()


@sick(data.BINARY, "host-sync", healthy=F.binary_cross_entropy_with_logits)
def positives_by_boolean_index(input, target):
    """Boolean indexing, as of the wing losses of pytorch-toolbelt: its result has a size that must be read back."""
    healthy.same_shape(input, target)
    return F.softplus(-input[target > 0.5]).mean() + F.softplus(input[target <= 0.5]).mean()


@sick(data.BINARY, "host-sync", healthy=F.binary_cross_entropy_with_logits)
def positives_by_nonzero(input, target):
    """The same by the places of the positives."""
    places = torch.nonzero(target)
    return F.binary_cross_entropy_with_logits(input, target) + F.softplus(-input[places]).mean()


@sick(data.SOME_IGNORED, "host-sync", "graph-break", healthy=F.cross_entropy)
def branch_on_what_is_ignored(input, target):
    """Project-MONAI/MONAI, DiceLoss; huggingface/transformers#34615: a branch that depends on data breaks the graph."""
    if (target == -100).all():
        return input.sum() * 0
    return F.cross_entropy(input, target)


@sick(data.CLASSES, "host-sync", "graph-break", healthy=F.cross_entropy)
def labels_checked_by_value(input, target):
    """An assertion on the labels reads them back."""
    if not 0 <= int(target.min()) <= int(target.max()) < input.shape[1]:
        raise ValueError("labels out of range")
    return F.cross_entropy(input, target)


@sick(data.MASKS, "graph-break", healthy=F.binary_cross_entropy_with_logits)
def weights_by_another_library(input, target):
    """Hausdorff and boundary losses: a distance transform on the host, inside the loss."""
    from scipy.ndimage import distance_transform_edt

    away = torch.as_tensor(distance_transform_edt(1 - target.numpy())).to(input)
    return (F.binary_cross_entropy_with_logits(input, target, reduction="none") * (1 + away)).mean()


@sick(data.NUMBERS, "host-sync", healthy=F.mse_loss)
def value_kept_in_a_log(input, target):
    """The loss is formatted for a log in every step."""
    loss = F.mse_loss(input, target)
    LOG.append(f"{float(loss.detach()):.3f}")
    return loss


LOG: list[str] = []
