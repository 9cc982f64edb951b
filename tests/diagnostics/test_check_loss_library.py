"""`check_loss` on our own losses and on torch's: no finding, but for the defects that torch's are known to have."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from companion import losses
from companion.diagnostics import check_loss
from tests.losses.info import LossInfo, OwnInfo
from tests.losses.own_registry import OWN
from tests.losses.own_samples import cast
from tests.losses.registry import LOSSES
from tests.losses.samples import IMAGES, example

pytestmark = pytest.mark.as_user  # a reader's loss is not hooked

ROWS = 8


def title(info: LossInfo | OwnInfo) -> str:
    return info.name


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def indices(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(3, shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("info", LOSSES, ids=title)
def test_no_finding_on_a_loss_of_classes_or_regions(info: LossInfo) -> None:
    shape = IMAGES if info.region else (ROWS, 3)
    input, target = example(info, "index", shape, torch.float32)
    report = check_loss(functools.partial(info.function, **info.needs(3)), input, target)
    assert report.ok, report


@pytest.mark.parametrize("info", [i for i in LOSSES if i.probabilities and not i.region], ids=title)
def test_no_finding_on_a_twin_with_a_target_of_probabilities(info: LossInfo) -> None:
    input, target = example(info, "probability", IMAGES, torch.float32)
    report = check_loss(info.twin(**info.needs(3)), input, target)
    assert report.ok, report


@pytest.mark.parametrize("info", OWN, ids=title)
def test_no_finding_on_a_loss_with_data_of_its_own(info: OwnInfo) -> None:
    input, *target = cast(info.example(max(info.rows, 6), torch.Generator().manual_seed(0)), torch.float32)
    needs = {name: v.float() if isinstance(v, Tensor) else v for name, v in info.needs.items()}
    report = check_loss(functools.partial(info.function, **needs), input, tuple(target) or None)
    assert report.ok, report


def penalty_of_rows(input: Tensor) -> Tensor:
    return losses.l2_penalty([input])


WITH_STATE: list[tuple[Callable[..., Any], Any]] = [
    (losses.ELRLoss(ROWS, 3), (indices(ROWS), torch.arange(ROWS))),
    (losses.AdaptiveBarronLoss(3), normal(ROWS, 3, seed=1)),
    (penalty_of_rows, None),
]


@pytest.mark.parametrize(("loss", "target"), WITH_STATE, ids=lambda v: type(v).__name__)
def test_no_finding_on_a_loss_that_learns_or_remembers(loss: Callable[..., Any], target: Any) -> None:
    report = check_loss(loss, normal(ROWS, 3), target)
    assert report.ok, report


SOFT = normal(ROWS, 3, seed=1).softmax(1)
IGNORED = torch.where(torch.arange(ROWS) % 3 == 0, -100, indices(ROWS))
BITS = (normal(ROWS, 3, seed=1) > 0).float()
POINTWISE = [F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss]
TORCH: list[tuple[Callable[..., Any], Tensor, Tensor]] = [
    (F.cross_entropy, normal(ROWS, 3), indices(ROWS)),
    (F.cross_entropy, normal(2, 3, 4, 5), indices(2, 4, 5)),
    (F.cross_entropy, 2 * normal(ROWS, 3), SOFT),
    (F.cross_entropy, normal(ROWS, 3), IGNORED),
    (functools.partial(F.cross_entropy, weight=torch.tensor([1.0, 2.0, 5.0])), normal(ROWS, 3), IGNORED),
    (functools.partial(F.cross_entropy, reduction="sum"), normal(ROWS, 3), indices(ROWS)),
    (F.cross_entropy, normal(1, 2), torch.tensor([1])),
    (F.binary_cross_entropy_with_logits, normal(ROWS), BITS[:, 0]),
    (F.binary_cross_entropy_with_logits, normal(ROWS, 3), BITS),
    (F.binary_cross_entropy_with_logits, normal(2, 1, 4, 5), (normal(2, 1, 4, 5, seed=1) > 0).float()),
    (F.binary_cross_entropy_with_logits, normal(ROWS, 3), SOFT),
    *((loss, normal(ROWS), normal(ROWS, seed=1)) for loss in POINTWISE),
    *((loss, 50 * normal(ROWS, 3), 50 * normal(ROWS, 3, seed=1)) for loss in POINTWISE),
    *((loss, normal(2, 1, 4, 5), normal(2, 1, 4, 5, seed=1)) for loss in POINTWISE),
    (torch.nn.CrossEntropyLoss(), normal(ROWS, 3).double(), indices(ROWS)),
    (torch.nn.MSELoss(), normal(ROWS, 1), normal(ROWS, 1, seed=1)),
]


@pytest.mark.parametrize(("loss", "input", "target"), TORCH)
def test_no_finding_on_torch(loss: Callable[..., Any], input: Tensor, target: Tensor) -> None:
    report = check_loss(loss, input, target)
    assert report.ok, report


PATHS = (torch.tensor([[1, 2], [3, 3]]), torch.tensor([6, 6]), torch.tensor([2, 2]))
TOO_LONG = (torch.tensor([[1, 1, 1, 1], [3, 3, 2, 2]]), torch.tensor([6, 6]), torch.tensor([4, 4]))


def ctc_of_logits(input: Tensor, *paths: Tensor) -> Tensor:
    return F.ctc_loss(input.log_softmax(-1), *paths)


def gaussian_of_variance(input: Tensor, mean: Tensor, target: Tensor) -> Tensor:
    return F.gaussian_nll_loss(mean, target, input)


DEFECTS = [
    # pytorch/pytorch#52241: the gradient is that of log_softmax, which the caller was to apply.
    (F.ctc_loss, normal(6, 2, 4).log_softmax(-1), PATHS, "detached"),
    # pytorch/pytorch#14401: a target that does not fit into its input.
    (ctc_of_logits, normal(6, 2, 4), TOO_LONG, "non-finite"),
    (F.poisson_nll_loss, normal(ROWS), torch.arange(8.0), "non-finite"),  # exp(100)
    (F.poisson_nll_loss, normal(ROWS), torch.arange(8.0), "broadcast"),
    (functools.partial(F.poisson_nll_loss, log_input=False), normal(ROWS), torch.arange(8.0), "non-finite"),
    (F.gaussian_nll_loss, normal(ROWS), (normal(ROWS, seed=1), torch.ones(ROWS)), "broadcast"),
    (F.gaussian_nll_loss, normal(ROWS), (normal(ROWS, seed=1), torch.ones(ROWS)), "host-sync"),
    # A batch of 70 000 logits is enough: the smoothing term is summed in half precision before it is divided.
    (functools.partial(F.cross_entropy, label_smoothing=0.2), normal(ROWS, 3), indices(ROWS), "half-precision"),
    (F.multilabel_soft_margin_loss, normal(ROWS, 1), (normal(ROWS, 1) > 0).float(), "broadcast"),
    # The variance is clamped where autograd does not see it: the gradient below 1e-6 is that of another loss.
    (gaussian_of_variance, torch.logspace(-9, 0, 8), (normal(8), normal(8, seed=1)), "detached"),
]


@pytest.mark.parametrize(("loss", "input", "target", "name"), DEFECTS)
def test_known_defects_of_torch_are_found(
    loss: Callable[..., Any], input: Tensor, target: Tensor | tuple[Tensor, ...], name: str
) -> None:
    report = check_loss(loss, input, target)
    assert name in report.names, report


@pytest.mark.parametrize(
    ("loss", "target"),
    [
        (losses.ctc_loss, PATHS),
        (losses.ctc_loss, TOO_LONG),
    ],
)
def test_our_own_loss_has_no_such_defect(loss: Callable[..., Any], target: tuple[Tensor, ...]) -> None:
    report = check_loss(loss, normal(6, 2, 4), target)
    assert report.ok, report
