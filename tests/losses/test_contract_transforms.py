"""torch.func, torch.compile and torch.export see the same loss as eager code."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap
from torch.testing import assert_close

from tests.losses.registry import LossInfo, each_loss, takes
from tests.losses.samples import IMAGES, PLAIN, Case, example, kinds

pytestmark = [
    pytest.mark.as_user,  # the shape checks are not traceable
    pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning"),
]


def value_and_gradient(loss: Any, input: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor]:
    input = input.detach().clone().requires_grad_()
    value = loss(input, *rest)
    return value.detach(), torch.autograd.grad(value, input)[0]


@each_loss()
def test_func_derivatives(info: LossInfo) -> None:
    for kind in kinds(info):
        for options in info.sweep:
            case = Case(info, *example(info, kind), options)
            (gradient,) = torch.autograd.grad(case(case.input.requires_grad_()), case.input)
            input = case.input.detach()
            for derivative in (grad, jacrev, jacfwd):
                assert_close(derivative(case)(input), gradient)
            slope = jvp(case, (input,), (torch.ones_like(input),))[1]
            assert_close(slope, gradient.sum(), atol=1e-12, rtol=1e-7)


@each_loss()
def test_hessian(info: LossInfo) -> None:
    for kind in kinds(info):
        case = Case(info, *example(info, kind), {})
        eager = torch.autograd.functional.hessian(case, case.input)
        for nested in (hessian, lambda f: jacrev(jacrev(f)), lambda f: jacfwd(jacfwd(f)), lambda f: jacrev(jacfwd(f))):
            assert_close(nested(case)(case.input), eager)


@each_loss()
def test_vmap_over_problems(info: LossInfo) -> None:
    """Stacked models on stacked batches; one batch for all; the problems on the last axis."""
    for shape in (PLAIN, IMAGES):
        problems = [example(info, shape=shape, seed=i) for i in range(3)]
        inputs, targets = (torch.stack(tensors) for tensors in zip(*problems, strict=True))
        one_by_one = torch.stack([info(x, y) for x, y in problems])
        assert_close(vmap(info)(inputs, targets), one_by_one)
        assert_close(vmap(info, in_dims=(inputs.dim() - 1, 0))(inputs.movedim(0, -1), targets), one_by_one)
        shared = torch.stack([info(x, targets[0]) for x in inputs])
        assert_close(vmap(info, in_dims=(0, None))(inputs, targets[0]), shared)
        gradients = torch.stack([value_and_gradient(info, x, y)[1] for x, y in problems])
        assert_close(vmap(grad(info))(inputs, targets), gradients)


@each_loss(takes("sample_weight"))
def test_vmap_over_weights(info: LossInfo) -> None:
    input, target = example(info)
    weights = torch.rand(5, len(input), dtype=torch.float64)
    found = vmap(lambda w: info(input, target, sample_weight=w))(weights)
    assert_close(found, torch.stack([info(input, target, sample_weight=w) for w in weights]))


@each_loss()
def test_gradient_of_stacked_models_by_backward(info: LossInfo) -> None:
    """``vmap(loss)(...).sum().backward()``, as companion.experiments trains many seeds at once."""
    problems = [example(info, seed=i) for i in range(3)]
    inputs, targets = (torch.stack(tensors) for tensors in zip(*problems, strict=True))
    inputs.requires_grad_()
    vmap(info)(inputs, targets).sum().backward()
    assert_close(inputs.grad, torch.stack([value_and_gradient(info, x, y)[1] for x, y in problems]))


@pytest.fixture
def fresh() -> Iterator[None]:
    torch.compiler.reset()
    torch._dynamo.utils.counters.clear()
    yield
    torch.compiler.reset()


def agree_when_compiled(info: LossInfo, backend: str) -> None:
    """Two batch sizes through one graph; then images, probabilities where they are taken, and options as arguments."""
    compiled = torch.compile(info.function, fullgraph=True, dynamic=True, backend=backend)
    cases = [Case(info, *example(info, shape=(rows, 3)), {}) for rows in (5, 7)]
    cases.append(Case(info, *example(info, kinds(info)[-1], IMAGES), info.sweep[-1]))
    for case in cases:
        options = {**info.needs(3), **case.options}
        found = value_and_gradient(lambda x, y, options=options: compiled(x, y, **options), case.input, case.target)
        assert_close(found, value_and_gradient(lambda x, y, case=case: case(x), case.input, case.target))
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    assert graphs <= 2, "a new batch size must not compile again"


@each_loss()
@pytest.mark.usefixtures("fresh")
def test_compiles_whole_with_dynamic_shapes(info: LossInfo) -> None:
    agree_when_compiled(info, "aot_eager")


NOT_IN_C = {  # the same code as one of the ten that are
    "balanced_softmax_loss": "logit_adjusted_loss",
    "dice_loss": "tversky_loss",
    "fbeta_loss": "tversky_loss",
    "binary_dice_loss": "binary_tversky_loss",
    "binary_fbeta_loss": "binary_tversky_loss",
    "jaccard_loss": "tversky_loss",
    "binary_jaccard_loss": "binary_tversky_loss",
    "focal_tversky_loss": "tversky_loss",
    "binary_focal_tversky_loss": "binary_tversky_loss",
    "binary_generalized_dice_loss": "generalized_dice_loss",
    "binary_mcc_loss": "mcc_loss",
}


@each_loss(lambda info: info.name not in NOT_IN_C)
@pytest.mark.usefixtures("fresh")
@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler")
@pytest.mark.skipif(" " in torch.__file__, reason="inductor does not quote the path of torch for the compiler")
def test_compiles_to_machine_code(info: LossInfo) -> None:
    compiled = torch.compile(info.function, fullgraph=True, dynamic=True)
    input, target = example(info, dtype=torch.float32)
    found = value_and_gradient(lambda x, y: compiled(x, y, **info.needs(3)), input, target)
    assert_close(found, value_and_gradient(info, input, target))


@each_loss()
@pytest.mark.usefixtures("fresh")
def test_exports(info: LossInfo) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.loss = info.twin(**info.needs(3))

        def forward(self, input: Tensor, target: Tensor) -> Tensor:
            return self.loss(input, target)

    for shape in (PLAIN, IMAGES):
        small, large = example(info, shape=shape), example(info, shape=(7, *shape[1:]))
        rows = torch.export.Dim("rows", min=2)
        program = torch.export.export(Model(), small, dynamic_shapes=({0: rows}, {0: rows}))
        assert_close(program.module()(*large), info(*large))
