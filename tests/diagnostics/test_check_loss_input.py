"""`check_loss` given what it should not be given, and what it leaves behind: nothing."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from companion.diagnostics import check_loss

pytestmark = pytest.mark.as_user  # a reader's loss is not hooked

LOGITS = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 2, 1, 1, 0, 2, 2, 0])


def raises(input: Tensor, target: Tensor) -> Tensor:
    raise KeyError("no such class")


def one_hot_of_numpy(input: Tensor, target: Tensor) -> Tensor:
    """qubvel-org/segmentation_models.pytorch#372 and others: what works on data fails on what is trained."""
    return torch.as_tensor(abs(input.numpy()).mean())


def runs_on_probabilities_only(input: Tensor, target: Tensor) -> Tensor:
    if float(input.min()) < 0:
        raise ValueError("probabilities, please")
    return F.nll_loss(input.log(), target)


WRONG: list[tuple[Callable[..., Any], str]] = [
    (raises, "raises"),
    (one_hot_of_numpy, "raises"),
    (runs_on_probabilities_only, "raises"),
    (lambda input, target: F.cross_entropy(input, target, reduction="none"), "not-scalar"),
    (lambda input, target: F.cross_entropy(input, target)[None, None], "not-scalar"),
    (lambda input, target: F.cross_entropy(input, target).item(), "not-a-tensor"),
    (lambda input, target: None, "not-a-tensor"),
    (lambda input, target: (F.cross_entropy(input, target), {}), "not-a-tensor"),
    (lambda input, target: F.cross_entropy(input, target).detach().numpy(), "not-a-tensor"),
    (lambda input, target: (input.argmax(1) != target).sum(), "wrong-dtype"),
    (lambda input, target: (input.argmax(1) != target).any(), "wrong-dtype"),
    (lambda input, target: F.cross_entropy(input, target).to(torch.complex64), "wrong-dtype"),
    (lambda input, target: F.cross_entropy(input.float(), target), "wrong-dtype"),  # Project-MONAI/MONAI, FocalLoss
    (lambda input, target: F.cross_entropy(input.double(), target), "wrong-dtype"),
    (lambda input, target: F.cross_entropy(input, target) * float("nan"), "non-finite"),
    (lambda input, target: F.cross_entropy(input, target).detach(), "detached"),
    (lambda input, target: torch.tensor(0.0), "detached"),
    (lambda input, target: input.new_zeros(()), "detached"),
    (lambda input, target: F.cross_entropy(input.mul_(2), target), "mutates-input"),
    (lambda input, target: F.cross_entropy(input, target.sub_(target)), "mutates-input"),
]


@pytest.mark.parametrize(("loss", "name"), WRONG)
def test_a_broken_loss_is_a_finding_and_no_crash(loss: Callable[..., Any], name: str) -> None:
    report = check_loss(loss, LOGITS.clone(), LABELS.clone())
    assert name in report.names, report
    assert str(report)
    assert report._repr_html_()


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (2, 3), (8, 1), (3, 3)])
def test_small_batches_are_no_crash(shape: tuple[int, int]) -> None:
    target = torch.zeros(shape[0], dtype=torch.long)
    check_loss(F.cross_entropy, torch.randn(*shape, generator=torch.Generator().manual_seed(0)), target)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30, 0.0])
def test_extreme_examples_are_no_crash(value: float) -> None:
    report = check_loss(F.mse_loss, torch.full((4,), value), torch.zeros(4))
    assert ("non-finite" in report.names) == (value != 0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_an_example_of_any_precision(dtype: torch.dtype) -> None:
    report = check_loss(F.mse_loss, LOGITS.to(dtype), LOGITS.flip(0).to(dtype))
    assert report.ok, report


@pytest.mark.parametrize(
    ("input", "target", "error", "says"),
    [
        ([1.0], LABELS, TypeError, "`input`"),
        (LABELS, LABELS, TypeError, "`input`"),
        (LOGITS, [0, 1], TypeError, "`target`"),
        (LOGITS, (LABELS, 3), TypeError, "`target`"),
    ],
)
def test_errors_name_the_argument(input: Any, target: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        check_loss(F.cross_entropy, input, target)


def test_errors_name_the_options() -> None:
    with pytest.raises(TypeError, match="`loss`"):
        check_loss(3, LOGITS, LABELS)
    with pytest.raises(ValueError, match="`truth`"):
        check_loss(F.cross_entropy, LOGITS, LABELS, truth=LOGITS[:3])
    with pytest.raises(ValueError, match="`by_design`"):
        check_loss(F.cross_entropy, LOGITS, LABELS, by_design=("batch_coupling",))


class Remembers(nn.Module):
    """Divides by a running mean of itself, as BatchNorm does; draws noise; has a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.register_buffer("mean", torch.tensor(1.0))
        self.normalise = nn.BatchNorm1d(3)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        loss = F.cross_entropy(self.normalise(input) + 0.1 * torch.randn_like(input), target)
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * loss.detach()
        return self.scale * loss / self.mean


class FailsLater(Remembers):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        loss = super().forward(input, target)
        if input.abs().max() > 5:
            self.eval()
            raise RuntimeError("too large")
        return loss


@pytest.mark.parametrize("kind", [Remembers, FailsLater])
@pytest.mark.parametrize("training", [True, False])
def test_nothing_is_left_behind(kind: type[nn.Module], training: bool) -> None:
    loss = kind().train(training)
    loss.scale.grad = torch.tensor(7.0)
    input, target = LOGITS.clone().requires_grad_(), LABELS.clone()
    input.grad = torch.ones_like(input)
    before = {name: value.clone() for name, value in loss.state_dict().items()}
    held, seed, default, threads = loss.mean, torch.get_rng_state(), torch.get_default_dtype(), torch.is_grad_enabled()
    check_loss(loss, input, target)
    assert torch.equal(torch.get_rng_state(), seed)
    assert all(torch.equal(value, before[name]) for name, value in loss.state_dict().items())
    assert loss.mean is held
    assert loss.training == loss.normalise.training == training
    assert loss.scale.grad == 7
    assert loss.scale.dtype == torch.float32
    assert torch.equal(input.grad, torch.ones_like(input))
    assert torch.equal(input, LOGITS)
    assert input.requires_grad
    assert input.is_leaf
    assert torch.equal(target, LABELS)
    assert (torch.get_default_dtype(), torch.is_grad_enabled()) == (default, threads)


def test_it_works_without_gradients_and_in_inference() -> None:
    with torch.no_grad():
        assert check_loss(F.cross_entropy, LOGITS, LABELS).ok
        assert not torch.is_grad_enabled()


def test_random_numbers_are_no_fault() -> None:
    def noisy(input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(input + 0.1 * torch.randn_like(input), target)

    report = check_loss(noisy, LOGITS, LABELS)
    assert report.ok, report


def test_a_design_is_a_note() -> None:
    def pooled(input: Tensor, target: Tensor) -> Tensor:
        p = input.softmax(1)
        y = torch.zeros_like(p).scatter(1, target.unsqueeze(1), 1.0)
        return 1 - ((2 * p * y).sum(0) + 1).div((p + y).sum(0) + 1).mean()

    assert "batch-coupling" in check_loss(pooled, LOGITS, LABELS).names
    report = check_loss(pooled, LOGITS, LABELS, by_design=("batch-coupling",))
    assert report.ok, report
    assert [note.name for note in report.notes] == ["batch-coupling"]


def test_an_input_alone() -> None:
    report = check_loss(lambda input: input.square().mean(), LOGITS)
    assert report.ok, report
