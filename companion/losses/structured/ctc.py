"""Connectionist temporal classification: a sequence of labels without their positions."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from companion._checks import Reduction, check_floating
from companion._margin import transformed, upcast
from companion._options import check_options
from companion._reduce import reduce_rows
from companion._similarity import wide
from companion._twin import Twin
from companion.losses.structured._pieces import FLOOR, check_integers

# Stands for log 0 in the logits: beyond what finite ones add up to, yet small enough that the kernel can take
# differences of sums of it.
NEVER = -1e12


def ctc_loss(
    logits: Float[Tensor, "steps batch classes"],
    targets: Integer[Tensor, "batch labels"],
    input_lengths: Integer[Tensor, " batch"],
    target_lengths: Integer[Tensor, " batch"],
    *,
    blank: int = 0,
    sample_weight: Float[Tensor, " batch"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    r"""Teaches a model to read a sequence of labels off a longer input, without being told which step holds which.

    .. math:: \ell = -\log \sum_{\pi \in B^{-1}(y)} \prod_t p_t(\pi_t) ,

    where a path :math:`\pi` names one class per step and B merges what is repeated, then drops the blanks, so that
    :math:`B(a \, a \, \_ \, a \, b) = a \, a \, b`. The steps are independent given the input, the labels keep their
    order, and two equal neighbours need a blank between them. Three steps of even odds between blank and ``a`` cost
    the target ``a`` log(8 / 6) = 0.288: six of the eight paths spell it.

    A target that no path spells, because it needs more steps than there are or holds the blank itself, costs 0, gets
    a gradient of 0 and is left out of the mean. :func:`ctc_feasible` tells which ones these are. So does one that needs
    a class whose logits are minus infinity, which only the loss can see.

    The sum runs in torch's own kernel, and in float64: in float32 the gradient would keep three digits over 200 steps.
    For second derivatives, and under ``torch.compile`` and ``torch.func``, it runs in plain operations, a few per step.
    Lengths beyond T or S are an error in eager mode only, for nothing reads them there. ``torch.compile`` unrolls the
    loop over the steps and compiles anew for every T: pad to a few lengths, or leave the loss outside of the compiled
    region.

    Args:
        logits: One score per step and class, ``(T, N, C)``. Not log-probabilities, though these do no harm.
        targets: Labels, ``(N, S)``, padded with anything.
        input_lengths: Steps of each sequence, ``(N,)``, at most T. Lengths on the GPU are read back, which waits for
            it, so leave them on the CPU.
        target_lengths: Labels of each target, ``(N,)``, at most S.
        blank: Class that stands for no label.
        sample_weight: One weight per sequence, ``(N,)``. It enters the mean.
        reduction: ``"mean"``, over the feasible sequences whatever their lengths, ``"sum"`` or ``"none"``. The mean of
            torch divides each loss by the length of its target first.

    Returns:
        The loss in nats per sequence: a scalar, or ``(N,)`` under ``reduction="none"``.

    Raises:
        TypeError: If labels or lengths are not integers, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> logits = torch.zeros(3, 2, 2)  # 3 steps of 2 sequences: even odds of the blank, 0, and of `a`, 1
        >>> targets = torch.tensor([[1, 0, 0], [1, 1, 1]])  # `a`, and `a a a`, which needs 5 steps
        >>> lengths = torch.tensor([3, 3]), torch.tensor([1, 3])
        >>> ctc_loss(logits, targets, *lengths, reduction="none")
        tensor([0.2877, 0.0000])
        >>> ctc_feasible(targets, *lengths)
        tensor([ True, False])

    References:
        Graves, Fernández, Gomez, Schmidhuber, *Connectionist Temporal Classification: Labelling Unsegmented Sequence
        Data with Recurrent Neural Networks*, ICML 2006, section 3. https://doi.org/10.1145/1143844.1143891
    """
    check_options("ctc_loss", blank=blank, reduction=reduction)
    _check_logits(logits, targets, blank)
    _check_labels(targets, input_lengths, target_lengths, rows=logits.shape[1])
    targets, input_lengths, target_lengths = targets.long(), input_lengths.long(), target_lengths.long()
    targets, steps, count = (v.to(logits.device) for v in (targets, input_lengths, target_lengths))
    feasible = ctc_feasible(targets, steps, count, blank=blank)
    labels = targets.masked_fill(~_within(targets, count), blank)
    log_p = F.log_softmax(wide(logits), dim=2)
    log_p = log_p.masked_fill(log_p == float("-inf"), NEVER)
    if transformed(log_p) or log_p.is_meta or log_p.numel() == 0:
        loss = _plain(log_p, labels, steps, count, blank)
    else:
        # The kernel reads whatever a label out of range points at; index_select refuses it.
        known = torch.arange(logits.shape[2], device=logits.device).index_select(0, labels.flatten()).view_as(labels)
        loss = _Kernel.apply(log_p, known, input_lengths, target_lengths, blank)  # type: ignore[no-untyped-call]
    valid = feasible & (loss < -NEVER / 2)
    return reduce_rows(loss.to(upcast(logits).dtype), sample_weight, reduction, valid=valid)


def ctc_feasible(
    targets: Integer[Tensor, "batch labels"],
    input_lengths: Integer[Tensor, " batch"],
    target_lengths: Integer[Tensor, " batch"],
    *,
    blank: int = 0,
) -> Bool[Tensor, " batch"]:
    """Tells which targets a path can spell, the others being those from which :func:`ctc_loss` learns nothing.

    A target needs one step per label, and one more for the blank between each pair of equal neighbours: ``a a b`` needs
    4. One that holds the blank itself is never spelt. The result stays on the device, so asking waits for nothing.

    Args:
        targets: Labels, ``(N, S)``, padded with anything.
        input_lengths: Steps of each sequence, ``(N,)``.
        target_lengths: Labels of each target, ``(N,)``.
        blank: Class that stands for no label.

    Returns:
        One bool per sequence, ``(N,)``.

    Raises:
        TypeError: If labels or lengths are not integers, or an option has the wrong type.
        ValueError: If shapes disagree or an option is out of range.

    Example:
        >>> import torch
        >>> targets = torch.tensor([[1, 1, 2], [1, 2, 1]])
        >>> ctc_feasible(targets, torch.tensor([3, 3]), torch.tensor([3, 3]))
        tensor([False,  True])

    References:
        Graves, Fernández, Gomez, Schmidhuber, *Connectionist Temporal Classification: Labelling Unsegmented Sequence
        Data with Recurrent Neural Networks*, ICML 2006, section 3. https://doi.org/10.1145/1143844.1143891
    """
    check_options("ctc_feasible", blank=blank)
    _check_labels(targets, input_lengths, target_lengths)
    within = _within(targets, target_lengths)
    repeats = ((targets[:, 1:] == targets[:, :-1]) & within[:, 1:]).sum(dim=1)
    spelt = ~((targets == blank) & within).any(dim=1)
    return spelt & (input_lengths >= target_lengths + repeats)


def _within(targets: Tensor, target_lengths: Tensor) -> Tensor:
    return torch.arange(targets.shape[1], device=targets.device) < target_lengths.unsqueeze(1)


class _Kernel(torch.autograd.Function):
    """torch's kernel, its gradient taken at once, and a backward that can be differentiated itself."""

    @staticmethod
    def forward(ctx: Any, log_p: Tensor, labels: Tensor, steps: Tensor, count: Tensor, blank: int) -> Tensor:
        x = log_p.detach().requires_grad_(ctx.needs_input_grad[0])
        with torch.enable_grad():
            loss = F.ctc_loss(x, labels, steps, count, blank, reduction="none", zero_infinity=True)
        if x.requires_grad:
            (ctx.slope,) = torch.autograd.grad(loss, x, torch.ones_like(loss))
        ctx.save_for_backward(log_p, labels, steps, count)
        ctx.blank = blank
        return loss.detach()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None, None, None]:
        if not torch.is_grad_enabled():
            return ctx.slope * g.view(-1, 1), None, None, None, None
        log_p, labels, steps, count = ctx.saved_tensors
        loss = _plain(log_p, labels, steps.to(log_p.device), count.to(log_p.device), ctx.blank)
        return *torch.autograd.grad(loss, log_p, g, create_graph=True), None, None, None, None


def _plain(log_p: Tensor, labels: Tensor, input_lengths: Tensor, target_lengths: Tensor, blank: int) -> Tensor:
    """The forward recursion over the labels with blanks between them, `_ a _ b _`, of which all paths use a part."""
    steps, rows, _ = log_p.shape
    spaced = F.pad(labels.unsqueeze(2), (1, 0), value=blank).flatten(1)
    spaced = F.pad(spaced, (0, 1), value=blank)
    emitted = log_p.gather(2, spaced.expand(steps, -1, -1))
    # From a label to the next one, past the blank between them, unless they are equal.
    leap = (spaced != blank) & (spaced != F.pad(spaced, (2, 0), value=blank)[:, :-2])
    closed = torch.where(leap, 0.0, FLOOR).to(log_p.dtype)
    alpha = F.pad(log_p.new_zeros(rows, 1), (0, spaced.shape[1] - 1), value=FLOOR)
    for t, emission in enumerate(emitted.unbind(0)):
        behind = F.pad(alpha, (2, 0), value=FLOOR)
        came = torch.stack([alpha, behind[:, 1:-1], behind[:, :-2] + closed])
        alpha = torch.where((t < input_lengths).unsqueeze(1), came.logsumexp(dim=0) + emission, alpha)
    last = 2 * target_lengths.unsqueeze(1) + torch.arange(2, device=log_p.device)  # ends in its last label, or after
    return -F.pad(alpha, (1, 0), value=FLOOR).gather(1, last).logsumexp(dim=1)


def _check_logits(logits: Tensor, targets: Tensor, blank: int) -> None:
    check_floating("logits", logits)
    if logits.dim() != 3 or logits.shape[2] < 2:
        raise ValueError(
            "`logits` must have shape (T, N, C), one score per step, sequence and class, at least two classes, "
            f"got {tuple(logits.shape)}. For a single sequence add a batch axis: `logits.unsqueeze(1)`."
        )
    steps, rows, _ = logits.shape
    if isinstance(targets, Tensor) and targets.dim() == 2 and rows != targets.shape[0] == steps:
        raise ValueError(
            f"`logits` must have shape (T, N, C), the steps first, got {tuple(logits.shape)} beside {steps} rows of "
            "`targets`. Did you mean `logits.transpose(0, 1)`?"
        )
    if blank >= logits.shape[2]:
        raise ValueError(f"`blank` must be one of the {logits.shape[2]} classes of `logits`, got {blank}.")


def _check_labels(targets: Tensor, input_lengths: Tensor, target_lengths: Tensor, *, rows: int | None = None) -> None:
    if isinstance(targets, Tensor) and targets.dim() != 2:
        raise ValueError(
            "`targets` must have shape (N, S), the labels of each sequence, padded, "
            f"got {tuple(targets.shape)}. See `torch.nn.utils.rnn.pad_sequence`."
        )
    found = targets.shape if isinstance(targets, Tensor) else (0, 0)
    rows = found[0] if rows is None else rows
    check_integers("targets", targets, (rows, found[1]), "the labels of each sequence, padded")
    check_integers("input_lengths", input_lengths, (rows,), "the steps of each sequence")
    check_integers("target_lengths", target_lengths, (rows,), "the labels of each target")


class CTCLoss(Twin, of=ctc_loss): ...
