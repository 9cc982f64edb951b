"""What a GPU would notice: waiting for a value, a copy left on the CPU, and memory. All of it is seen on the CPU."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from companion import losses
from tests.losses.registry import LossInfo, each_loss
from tests.losses.samples import IMAGES, PLAIN, Kind, example, random_cases
from tests.waiting import NoWaiting


@pytest.mark.parametrize(
    "wait",
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.any()),
        lambda x: x[x > 0],
        lambda x: torch.equal(x, x),
        lambda x: torch.linalg.eigh(x.diag()),
    ],
)
def test_waiting_is_noticed(wait: Callable[[Tensor], Any]) -> None:
    with pytest.raises(AssertionError, match="waits"), NoWaiting():
        wait(torch.ones(3))


@each_loss()
def test_nothing_waits_for_the_gpu(info: LossInfo) -> None:
    for case in random_cases(info):
        extra: dict[str, Tensor] = {}
        if info.takes("weight"):
            extra["weight"] = torch.ones(3)
        if info.takes("sample_weight"):
            extra["sample_weight"] = torch.ones(case.input.shape[0])
        input = case.input.clone().requires_grad_()
        with NoWaiting():
            loss = case(input, **extra)
            (gradient,) = torch.autograd.grad(loss, input, create_graph=True)
            if gradient.requires_grad:  # not where the loss is linear
                gradient.sum().backward()


def runs_on_meta(info: LossInfo, kind: Kind) -> None:
    """The meta device stands for a GPU: it refuses to be mixed with the CPU, and has no values to look at."""
    for shape in (PLAIN, IMAGES):
        input, target = (x.to("meta") for x in example(info, kind, shape))
        for extra in info.sweep:
            options = {**info.needs(3), **extra}
            moved = {name: v.to("meta") if isinstance(v, Tensor) else v for name, v in options.items()}
            loss = info.function(input.requires_grad_(), target, **moved)
            (gradient,) = torch.autograd.grad(loss, input)
            assert loss.device == gradient.device == input.device
            assert gradient.shape == input.shape


@each_loss()
def test_every_tensor_stays_on_the_device(info: LossInfo) -> None:
    runs_on_meta(info, "index")


@each_loss(lambda info: info.probabilities)
def test_every_tensor_stays_on_the_device_with_probabilities(info: LossInfo) -> None:
    runs_on_meta(info, "probability")


def peak_memory(loss: Callable[[Tensor, Tensor], Tensor], input: Tensor, target: Tensor) -> float:
    """The most that forward and backward hold at once, beside the input, as a multiple of it."""
    input = input.clone().requires_grad_()
    torch.autograd.grad(loss(input, target), input)  # once without the profiler: lazy set-up is not counted
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        torch.autograd.grad(loss(input, target), input)
    events = [e for e in record.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak / (input.numel() * input.element_size())


def test_memory_is_counted() -> None:
    x = torch.zeros(1000, 10)
    assert peak_memory(lambda a, _: a.exp().sum(), x, x) == pytest.approx(2, abs=0.1)  # exp(a), and the gradient


ON_THE_MARGIN = [losses.cross_entropy, losses.focal_loss, losses.poly_loss]


@pytest.mark.parametrize("loss", ON_THE_MARGIN, ids=lambda f: f.__name__)
@pytest.mark.parametrize("shape", [(256, 500), (2, 21, 64, 64)], ids=str)
def test_less_memory_than_cross_entropy(loss: Callable[..., Tensor], shape: tuple[int, ...]) -> None:
    input, target = torch.randn(shape), torch.zeros(shape[0], *shape[2:], dtype=torch.long)
    assert peak_memory(loss, input, target) < peak_memory(F.cross_entropy, input, target)
