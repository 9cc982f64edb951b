"""Half precision is computed in float32, float64 is kept, and every integer type names a class."""

import pytest
import torch
from torch.testing import assert_close

from tests.losses.registry import LossInfo, each_loss, multiclass
from tests.losses.samples import IMAGES, PLAIN, example, kinds

HALF = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)


@each_loss()
@HALF
def test_half_precision_is_computed_in_float32(info: LossInfo, dtype: torch.dtype) -> None:
    for kind in kinds(info):
        for shape in (PLAIN, IMAGES):
            input, target = example(info, kind, shape, dtype=dtype)
            half = input.requires_grad_()
            single = input.detach().float().requires_grad_()
            wide = target.float() if target.is_floating_point() else target
            for options in info.sweep:
                loss, right = info(half, target, **options), info(single, wide, **options)
                assert loss.dtype == torch.float32
                assert_close(loss, right, rtol=1e-6, atol=0)
                (gradient,), (exact,) = torch.autograd.grad(loss, half), torch.autograd.grad(right, single)
                assert gradient.dtype == dtype
                assert_close(gradient, exact.to(dtype), rtol=2 * torch.finfo(dtype).eps, atol=1e-7)


@each_loss()
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_single_and_double_precision_are_kept(info: LossInfo, dtype: torch.dtype) -> None:
    for kind in kinds(info):
        for reduction in ("none", "sum", "mean"):
            assert info(*example(info, kind, dtype=dtype), reduction=reduction).dtype == dtype


@each_loss()
@HALF
def test_large_images_do_not_overflow_half_precision(info: LossInfo, dtype: torch.dtype) -> None:
    """512 x 512 pixels: counts and sums pass 65504, the largest float16."""
    input = torch.zeros(1, 1 if info.binary else 2, 512, 512, dtype=dtype)
    input[:, -1] = -2.0  # the target's logit
    target = torch.ones_like(input) if info.binary else torch.ones(1, 512, 512, dtype=torch.long)
    single = info(input.float(), target, reduction="sum")
    assert single.isfinite()
    assert_close(info(input, target, reduction="sum"), single)
    if not info.region:
        assert single.abs() > 65504


@each_loss()
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_autocast_changes_nothing(info: LossInfo, dtype: torch.dtype) -> None:
    for kind in kinds(info):
        input, target = example(info, kind, dtype=torch.float32)
        input.requires_grad_()
        plain = info(input, target)
        with torch.autocast("cpu", dtype=dtype):
            cast = info(input, target)
        assert_close(cast, plain, rtol=1e-7, atol=0)
        assert_close(torch.autograd.grad(cast, input), torch.autograd.grad(plain, input), rtol=1e-7, atol=0)


@each_loss(multiclass)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32], ids=str)
def test_any_integer_names_a_class(info: LossInfo, dtype: torch.dtype) -> None:
    for shape in (PLAIN, IMAGES):
        input, target = example(info, shape=shape)
        assert_close(info(input, target.to(dtype)), info(input, target), rtol=0, atol=0)


@each_loss(multiclass)
def test_a_class_number_above_127_is_not_ignored_as_uint8(info: LossInfo) -> None:
    """-100, the default ``ignore_index``, reads as 156 in uint8."""
    input = torch.randn(2, 200)
    target = torch.tensor([156, 3], dtype=torch.uint8)
    options = {"counts": torch.ones(200), "prior": torch.ones(200), "cost": torch.ones(200, 200)}
    options["transition"] = 0.5 * torch.eye(200) + 0.5 / 200
    needed = {name: options[name] for name in info.needs(3)}
    whole = (info.function(input, y, **needed) for y in (target, target.long()))
    assert_close(*whole, rtol=0, atol=0)


@each_loss(lambda info: info.binary)
@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16], ids=str)
def test_masks_of_any_type(info: LossInfo, dtype: torch.dtype) -> None:
    input, target = example(info, shape=IMAGES)
    assert_close(info(input, target.to(dtype)), info(input, target), rtol=0, atol=0)


@each_loss(lambda info: info.probabilities)
def test_probabilities_may_be_less_precise_than_logits(info: LossInfo) -> None:
    input, target = example(info, "probability")
    half = target.half()
    assert_close(info(input, half), info(input, half.double()), rtol=0, atol=0)
    assert info(input.float(), half.double()).dtype == torch.float32
