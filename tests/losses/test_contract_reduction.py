"""How losses add up: reductions, weights, what is ignored, and the two kinds of target."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from tests.losses.registry import LossInfo, both, each_loss, multiclass, rowwise, soft, takes
from tests.losses.samples import IMAGES, PLAIN, Case, example, kinds, random_cases

WEIGHT = torch.tensor([0.5, 1.0, 3.0], dtype=torch.float64)


def cases(info: LossInfo) -> list[Case]:
    """Every kind of target, with and without spatial axes, on the default options."""
    return [Case(info, *example(info, kind, shape), {}) for kind in kinds(info) for shape in (PLAIN, IMAGES)]


def per_class(x: Tensor, like: Tensor) -> Tensor:
    return x.view(-1, *[1] * (like.dim() - 2)).expand_as(like)


@each_loss()
def test_sum_adds_up_what_none_returns(info: LossInfo) -> None:
    for case in random_cases(info):
        assert_close(case(reduction="sum"), case(reduction="none").sum())


@each_loss()
def test_mean_is_the_default_and_averages_what_none_returns(info: LossInfo) -> None:
    every = {"absent": "penalise"} if info.region else {}
    for case in cases(info):
        assert_close(case(**every), case(reduction="none", **every).mean())
        assert_close(case(reduction="mean"), case())


@each_loss(rowwise)
def test_none_returns_one_loss_per_row_or_element(info: LossInfo) -> None:
    for shape in (PLAIN, (2, 3, 5), IMAGES, (2, 3, 1, 2, 3)):
        input, target = example(info, shape=shape)
        assert info(input, target, reduction="none").shape == target.shape


@each_loss(lambda info: info.region)
def test_none_returns_one_loss_per_region(info: LossInfo) -> None:
    for shape in ((2, 3, 5), IMAGES, (2, 3, 1, 2, 3)):
        input, target = example(info, shape=shape)
        assert info(input, target, reduction="none").shape == ((2,) if info.pooled else (2, 3))
        assert info(input, target, reduction="none", batch=True).shape == (() if info.pooled else (3,))
    input, target = example(info, shape=PLAIN)  # without spatial axes the batch is the region
    assert info(input, target, reduction="none").shape == (() if info.pooled else (3,))


@each_loss(lambda info: info.region)
def test_a_batch_as_one_region_is_one_long_image(info: LossInfo) -> None:
    input, target = example(info, shape=IMAGES)
    long = [x.movedim(0, -1).flatten(-2).unsqueeze(0) for x in (input, target)]
    assert_close(info(input, target, batch=True, reduction="none"), info(*long, reduction="none").squeeze(0))


@each_loss(both(rowwise, takes("weight")))
def test_weight_scales_the_loss_of_its_class_and_enters_the_mean(info: LossInfo) -> None:
    for shape in (PLAIN, IMAGES):
        input, target = example(info, shape=shape)
        bare = info(input, target, reduction="none")
        w = per_class(WEIGHT, bare) if info.binary else WEIGHT[target]
        assert_close(info(input, target, weight=WEIGHT, reduction="none"), w * bare)
        assert_close(info(input, target, weight=WEIGHT), (w * bare).sum() / w.sum())


@each_loss(both(lambda info: info.region, takes("weight")))
def test_weight_of_a_region_is_that_of_its_class(info: LossInfo) -> None:
    input, target = example(info, shape=IMAGES)
    bare = info(input, target, absent="penalise", reduction="none")
    assert_close(info(input, target, weight=WEIGHT, absent="penalise", reduction="none"), WEIGHT * bare)
    weighted = info(input, target, weight=WEIGHT, absent="penalise")
    assert_close(weighted, (WEIGHT * bare).sum() / (WEIGHT.sum() * len(bare)))


@each_loss(both(soft, takes("weight")))
def test_weight_does_not_enter_the_mean_over_probabilities(info: LossInfo) -> None:
    input, target = example(info, "probability")
    weighted = info(input, target, weight=WEIGHT, reduction="none")
    by_hand = sum(
        target[:, c] * WEIGHT[c] * info(input, torch.full((len(input),), c), reduction="none") for c in range(3)
    )
    assert_close(weighted, by_hand)
    assert_close(info(input, target, weight=WEIGHT), weighted.mean())


@each_loss(takes("weight"))
def test_weights_of_one_change_nothing(info: LossInfo) -> None:
    for case in cases(info):
        for reduction in ("mean", "sum", "none"):
            weighted = case(weight=torch.ones(3), reduction=reduction)
            assert_close(weighted, case(reduction=reduction), rtol=1e-14, atol=0)


@each_loss(takes("weight"))
def test_a_common_factor_of_the_weights_cancels_in_the_mean(info: LossInfo) -> None:
    input, target = example(info)
    assert_close(info(input, target, weight=7 * WEIGHT), info(input, target, weight=WEIGHT))


@each_loss(takes("sample_weight"))
def test_sample_weight_scales_rows_and_enters_the_mean(info: LossInfo) -> None:
    for case in cases(info):
        bare = case(reduction="none")
        w = torch.linspace(0.0, 2.0, bare.numel(), dtype=torch.float64).view(bare.shape)
        assert_close(case(sample_weight=w, reduction="none"), w * bare)
        assert_close(case(sample_weight=w), (w * bare).sum() / w.sum())


@each_loss(takes("sample_weight"))
def test_sample_weight_is_for_the_leading_axes(info: LossInfo) -> None:
    input, target = example(info, shape=(2, 3, 2, 2))  # as many rows as columns: a wrong alignment would pass unseen
    bare = info(input, target, reduction="none")
    w = torch.tensor([0.5, 2.0], dtype=torch.float64)
    by_hand = w.view(-1, *[1] * (bare.dim() - 1)) * bare
    assert_close(info(input, target, sample_weight=w, reduction="none"), by_hand)
    assert_close(info(input, target, sample_weight=w), by_hand.mean() / w.mean())
    stretched = torch.rand(2, 1, *bare.shape[2:], dtype=torch.float64)
    assert_close(info(input, target, sample_weight=stretched, reduction="none"), stretched * bare)


@each_loss(both(takes("sample_weight"), takes("weight"), multiclass))
def test_weights_of_class_and_row_multiply(info: LossInfo) -> None:
    input, target = example(info)
    w = torch.tensor([1.0, 0.0, 2.0, 0.5], dtype=torch.float64)
    both_at_once = info(input, target, weight=WEIGHT, sample_weight=w)
    assert_close(both_at_once, info(input, target, sample_weight=w * WEIGHT[target]))


@each_loss()
@pytest.mark.parametrize("ignore_index", [-100, 255, 1])
def test_ignoring_rows_is_leaving_them_out(info: LossInfo, ignore_index: int) -> None:
    for shape in (PLAIN, (4, 3, 1)):
        input, target = example(info, shape=shape)
        keep = torch.tensor([True, False, True, True])
        target[keep] *= target[keep] != 1  # class 1 may be the ignored one
        target[~keep] = ignore_index
        options = {"batch": True} if info.region else {}
        input.requires_grad_()
        loss = info(input, target, ignore_index=ignore_index, **options)
        (gradient,) = torch.autograd.grad(loss, input)
        assert_close(loss, info(input[keep], target[keep], **options))
        assert not gradient[~keep].any()


@each_loss(takes("sample_weight"))
def test_ignoring_is_weighing_by_nothing(info: LossInfo) -> None:
    input, target = example(info)
    without = info(input, target, sample_weight=torch.tensor([1.0, 0.0, 1.0, 1.0]))
    target[1] = -100
    assert_close(info(input, target), without)


@each_loss()
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_all_ignored_is_zero_with_zero_gradient(info: LossInfo, reduction: str) -> None:
    for shape in (PLAIN, IMAGES):
        input, target = example(info, shape=shape)
        input = (1e4 * input).requires_grad_()
        options = {"smooth": 0.0} if info.takes("smooth") else {}
        loss = info(input, torch.full_like(target, -100), reduction=reduction, **options).sum()
        (gradient,) = torch.autograd.grad(loss, input)
        assert loss == 0
        assert_close(gradient, torch.zeros_like(input), rtol=0, atol=0)


@each_loss()
def test_what_is_ignored_may_be_anything(info: LossInfo) -> None:
    """An absurd logit at an ignored place reaches neither the loss nor its gradient."""
    input, target = example(info, shape=IMAGES, dtype=torch.float32)
    target[0, ..., 0, 0] = -100
    input[0, :, 0, 0] = torch.tensor([-1e30, 1e30, 0.0])
    input.requires_grad_()
    loss = info(input, target)
    (gradient,) = torch.autograd.grad(loss, input)
    assert loss.isfinite()
    assert not gradient[0, :, 0, 0].any()
    assert gradient.isfinite().all()


@each_loss(both(multiclass, lambda info: info.probabilities))
def test_one_hot_probabilities_are_the_index(info: LossInfo) -> None:
    for options in info.sweep:
        for shape in (PLAIN, IMAGES):
            input, target = example(info, shape=shape)
            one_hot = F.one_hot(target, 3).movedim(-1, 1).double()
            for reduction in ("none", "sum"):
                by_index = info(input, target, reduction=reduction, **options)
                assert_close(info(input, one_hot, reduction=reduction, **options), by_index)


@each_loss(soft)
def test_the_loss_is_linear_in_the_probabilities(info: LossInfo) -> None:
    for options in info.sweep:
        input, one = example(info, "probability", seed=1)
        other = example(info, "probability", seed=2)[1]
        mixed = info(input, 0.3 * one + 0.7 * other, **options)
        assert_close(mixed, 0.3 * info(input, one, **options) + 0.7 * info(input, other, **options))


@each_loss(rowwise)
def test_the_sum_over_a_batch_is_the_sum_over_its_parts(info: LossInfo) -> None:
    for case in random_cases(info):
        halves = zip(case.input.split(1), case.target.split(1), strict=True)
        parts = [info(x, y, reduction="sum", **case.options) for x, y in halves]
        assert_close(case(reduction="sum"), torch.stack(parts).sum())


@each_loss(lambda info: info.region)
def test_images_do_not_see_each_other(info: LossInfo) -> None:
    input, target = example(info, shape=IMAGES)
    alone = [info(x, y, reduction="none") for x, y in zip(input.split(1), target.split(1), strict=True)]
    assert_close(info(input, target, reduction="none"), torch.cat(alone))


@each_loss(lambda info: info.region)
def test_absent_classes_are_skipped_or_counted(info: LossInfo) -> None:
    input, target = example(info, shape=IMAGES)
    if info.binary:
        target[0, 2] = 0.0
    else:
        target[0] = target[0].clamp_max(1)  # class 2 does not occur in the first image
    there = (target if info.binary else F.one_hot(target, 3).movedim(-1, 1)).flatten(2).any(dim=2)
    assert not there[0, 2]
    counted, skipped = (info(input, target, absent=absent, reduction="none") for absent in ("penalise", "skip"))
    if info.pooled:  # there what is absent weighs nothing
        whole = there.all(dim=1)
        assert (counted > skipped)[~whole].all()
        assert_close(counted[whole], skipped[whole])
        return
    assert (counted[~there] > 0).all()
    assert_close(skipped, counted.masked_fill(~there, 0.0))
    assert_close(info(input, target, absent="skip"), counted[there].mean())


@each_loss(lambda info: info.region)
@pytest.mark.parametrize("absent", ["penalise", "skip"])
def test_an_image_ignored_whole_is_left_out_of_the_mean(info: LossInfo, absent: str) -> None:
    input, target = example(info, shape=IMAGES)
    target[0] = -100
    assert_close(info(input, target, absent=absent), info(input[1:], target[1:], absent=absent))
