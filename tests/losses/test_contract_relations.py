"""What must hold between two calls, whatever the logits: symmetries, limits and special cases."""

import functools
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from companion import losses
from tests.losses.registry import LOSSES, LossInfo, each_loss, multiclass, rowwise

CLASSES = 4
BY_NAME = {info.name: info for info in LOSSES}
number = st.floats(-30.0, 30.0, width=32)
rows = st.lists(st.lists(number, min_size=CLASSES, max_size=CLASSES), min_size=1, max_size=4)


def logits(rows: list[list[float]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def targets(info: LossInfo, input: Tensor, first: int = 0) -> Tensor:
    """The classes in turn, or for a binary loss 0 and 1 in turn."""
    if info.binary:
        return (torch.arange(input.numel()) + first).remainder(2).view(input.shape).double()
    return (torch.arange(len(input)) + first).remainder(CLASSES)


@each_loss()
@given(rows=rows, first=st.integers(0, 3))
def test_never_negative(info: LossInfo, rows: list[list[float]], first: int) -> None:
    input = logits(rows)
    assert (info(input, targets(info, input, first), reduction="none") >= 0).all()


@each_loss(multiclass)
@given(rows=rows, shift=st.floats(-100.0, 100.0, width=32))
def test_a_shift_of_all_logits_changes_nothing(info: LossInfo, rows: list[list[float]], shift: float) -> None:
    input = logits(rows)
    target = targets(info, input)
    assert_close(info(input + shift, target), info(input, target), rtol=1e-9, atol=1e-12)


@each_loss()
@given(rows=rows, order=st.permutations(range(CLASSES)))
def test_classes_may_be_renamed(info: LossInfo, rows: list[list[float]], order: list[int]) -> None:
    """Class ``order[c]`` is called c: in the logits, in the target and in every option with one entry per class."""
    input, place = logits(rows), torch.tensor(order)
    target = targets(info, input)
    renamed = target[:, place] if info.binary else place.argsort()[target]
    options = {name: v[place] for name, v in info.needs(CLASSES).items()}
    for matrix in {"cost", "transition"} & options.keys():
        options[matrix] = options[matrix][:, place]
    found = info(input[:, place], renamed, **options)
    assert_close(found, info(input, target))


@each_loss(rowwise)
@given(rows=rows, gain=st.floats(0.0, 10.0, width=32))
def test_a_better_logit_never_costs_more(info: LossInfo, rows: list[list[float]], gain: float) -> None:
    input = logits(rows)
    target = targets(info, input)
    toward = 2 * target - 1 if info.binary else F.one_hot(target, CLASSES)
    worse, better = (info(x, target, reduction="none") for x in (input, input + gain * toward))
    assert (better <= worse + 1e-12).all()


@each_loss(lambda info: info.region)
@given(rows=rows, gain=st.floats(0.0, 10.0, width=32))
def test_a_better_pixel_never_costs_more(info: LossInfo, rows: list[list[float]], gain: float) -> None:
    input = logits(rows)
    target = targets(info, input)
    toward = 2 * target - 1 if info.binary else F.one_hot(target, CLASSES)
    worse, better = (info(x, target, reduction="sum") for x in (input, input + gain * toward))
    assert better <= worse + 1e-12


@each_loss(lambda info: info.region)
@given(rows=rows)
def test_regions_lie_between_nothing_and_everything(info: LossInfo, rows: list[list[float]]) -> None:
    input = logits(rows)
    found = info(input, targets(info, input), reduction="none")
    assert ((found >= 0) & (found <= info.most)).all()


@each_loss()
def test_a_perfect_prediction_costs_nothing(info: LossInfo) -> None:
    input = torch.zeros(3, 3)
    target = targets(info, input)
    sure = 1000 * (2 * target.float() - 1) if info.binary else 1000.0 * F.one_hot(target, 3)
    assert_close(info(sure, target), torch.tensor(0.0), rtol=0, atol=1e-12)


TWO_CLASSES = (
    "focal_loss",
    "dice_loss",
    "tversky_loss",
    "fbeta_loss",
    "jaccard_loss",
    "focal_tversky_loss",
    "mcc_loss",
)
SIBLINGS = [(name, "binary_" + name) for name in TWO_CLASSES]


@pytest.mark.parametrize(("softmax", "sigmoid"), SIBLINGS)
@given(rows=rows)
def test_two_classes_are_one_logit(softmax: str, sigmoid: str, rows: list[list[float]]) -> None:
    x = logits(rows)
    y = targets(BY_NAME[sigmoid], x)
    two = torch.stack([torch.zeros_like(x), x], dim=1)
    if softmax == "focal_loss":
        assert_close(
            losses.focal_loss(two, y.long(), reduction="none"), losses.binary_focal_loss(x, y, reduction="none")
        )
        assert_close(losses.focal_loss(two, y.long(), alpha=0.25), losses.binary_focal_loss(x, y, alpha=0.25))
        return
    many, one = BY_NAME[softmax], BY_NAME[sigmoid]
    for options in one.sweep:
        assert_close(
            many(two, y.long(), reduction="none", **options)[..., -1:],
            one(x.unsqueeze(1), y.unsqueeze(1), reduction="none", **options),
        )


COUNTS = torch.tensor([50, 10, 4, 2])
PRIOR = COUNTS / COUNTS.sum(dtype=torch.float64)
ONES = torch.ones(4, 4, dtype=torch.float64).fill_diagonal_(0)
EQUAL: dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {
    "focal at gamma 0": (functools.partial(losses.focal_loss, gamma=0.0), losses.cross_entropy),
    "poly at epsilon 0": (functools.partial(losses.poly_loss, epsilon=0.0), losses.cross_entropy),
    "logit adjusted at tau 0": (
        functools.partial(losses.logit_adjusted_loss, prior=PRIOR, tau=0.0),
        losses.cross_entropy,
    ),
    "logit adjusted at an even prior": (
        functools.partial(losses.logit_adjusted_loss, prior=torch.ones(4), tau=2.0),
        losses.cross_entropy,
    ),
    "counts for a prior": (
        functools.partial(losses.logit_adjusted_loss, prior=COUNTS),
        functools.partial(losses.logit_adjusted_loss, prior=PRIOR),
    ),
    "balanced softmax": (
        functools.partial(losses.balanced_softmax_loss, counts=COUNTS),
        functools.partial(losses.logit_adjusted_loss, prior=PRIOR),
    ),
    "LDAM without a margin": (
        functools.partial(losses.ldam_loss, counts=COUNTS, max_margin=0.0, scale=1.0),
        losses.cross_entropy,
    ),
    "class balanced at beta 0": (
        functools.partial(losses.class_balanced_loss, counts=COUNTS, beta=0.0, gamma=1.5),
        functools.partial(losses.focal_loss, gamma=1.5),
    ),
    "class balanced is focal with weights": (
        functools.partial(losses.class_balanced_loss, counts=COUNTS.double(), gamma=1.5),
        functools.partial(
            losses.focal_loss, gamma=1.5, weight=losses.class_weights(COUNTS.double(), scheme="effective")
        ),
    ),
    "every mistake costs 1": (
        functools.partial(losses.cost_sensitive_loss, cost=ONES),
        lambda z, t: 1 - z.softmax(1)[torch.arange(len(z)), t].mean(),
    ),
    "Tversky at a half": (functools.partial(losses.tversky_loss, alpha=0.5, beta=0.5), losses.dice_loss),
    "F1 is Dice": (losses.fbeta_loss, losses.dice_loss),
    "F2 is Tversky": (
        functools.partial(losses.fbeta_loss, beta=2.0),
        functools.partial(losses.tversky_loss, alpha=0.2, beta=0.8),
    ),
    "Tversky at one": (functools.partial(losses.tversky_loss, alpha=1.0, beta=1.0), losses.jaccard_loss),
    "focal Tversky at gamma 1": (functools.partial(losses.focal_tversky_loss, gamma=1.0), losses.tversky_loss),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=EQUAL.keys())
@given(rows=rows)
def test_special_cases(pair: tuple[Callable[..., Tensor], Callable[..., Tensor]], rows: list[list[float]]) -> None:
    one, other = pair
    input = logits(rows)
    target = torch.arange(len(input)).remainder(CLASSES)
    assert_close(one(input, target), other(input, target), rtol=1e-9, atol=1e-12)


BINARY_EQUAL: dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {
    "focal at gamma 0": (
        functools.partial(losses.binary_focal_loss, gamma=0.0),
        F.binary_cross_entropy_with_logits,
    ),
    "Tversky at a half": (
        functools.partial(losses.binary_tversky_loss, alpha=0.5, beta=0.5),
        losses.binary_dice_loss,
    ),
    "F1 is Dice": (losses.binary_fbeta_loss, losses.binary_dice_loss),
    "F2 is Tversky": (
        functools.partial(losses.binary_fbeta_loss, beta=2.0),
        functools.partial(losses.binary_tversky_loss, alpha=0.2, beta=0.8),
    ),
}


@pytest.mark.parametrize("pair", BINARY_EQUAL.values(), ids=BINARY_EQUAL.keys())
@given(rows=rows)
def test_binary_special_cases(
    pair: tuple[Callable[..., Tensor], Callable[..., Tensor]], rows: list[list[float]]
) -> None:
    one, other = pair
    input = logits(rows)
    target = torch.arange(input.numel()).remainder(2).view(input.shape).double()
    assert_close(one(input, target), other(input, target), rtol=1e-9, atol=1e-12)
