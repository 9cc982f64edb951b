"""Losses with data of their own: torch.func, torch.compile and torch.export see the same loss as eager code."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import grad, jacfwd, jacrev, jvp, vmap
from torch.testing import assert_close

from tests.losses.info import OwnInfo
from tests.losses.own_registry import each_own, has_twin
from tests.losses.own_samples import Call, calls, example

pytestmark = [
    pytest.mark.as_user,  # the shape checks are not traceable
    pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning"),
]


@each_own()
def test_func_derivatives(info: OwnInfo) -> None:
    for call in calls(info):
        moving = [m.detach() for m in call.moving]
        right = torch.autograd.grad(call(*(leaves := call.moving)), leaves)
        for derivative in (grad, jacrev, jacfwd):
            for i, gradient in enumerate(right):
                assert_close(derivative(call, argnums=i)(*moving), gradient)
        slope = jvp(call, tuple(moving), tuple(torch.ones_like(m) for m in moving))[1]
        assert_close(slope, sum(g.sum() for g in right))


@each_own()
def test_hessian(info: OwnInfo) -> None:
    call = Call(info, example(info, rows=min(info.rows, 3)), {})
    first = call.moving[0].detach()
    eager = torch.autograd.functional.hessian(lambda x: call(x), first)
    for nested in (jacfwd(jacrev(call)), jacrev(jacrev(call)), jacrev(jacfwd(call))):
        assert_close(nested(first), eager)


@each_own()
def test_vmap_over_problems(info: OwnInfo) -> None:
    problems = [example(info, seed) for seed in range(3)]
    stacked = [torch.stack(tensors) for tensors in zip(*problems, strict=True)]
    assert_close(vmap(info)(*stacked), torch.stack([info(*data) for data in problems]))
    moving = [stacked[i].requires_grad_() for i in info.slopes]
    gradients = torch.autograd.grad(vmap(info)(*stacked).sum(), moving)
    for k, data in enumerate(problems):
        call = Call(info, data, {})
        alone = torch.autograd.grad(call(*(leaves := call.moving)), leaves)
        assert_close([g[k] for g in gradients], list(alone))


@pytest.fixture
def fresh() -> Iterator[None]:
    torch.compiler.reset()
    torch._dynamo.utils.counters.clear()
    yield
    torch.compiler.reset()


def agree(compiled: Any, call: Call) -> None:
    moving, again = call.moving, call.moving
    data = list(call.data)
    for i, tensor in zip(call.info.slopes, moving, strict=True):
        data[i] = tensor
    found = compiled(*data, **{**call.info.needs, **call.options})
    right = call(*again)
    assert_close(found, right)
    assert_close(torch.autograd.grad(found, moving), torch.autograd.grad(right, again))


@each_own()
@pytest.mark.usefixtures("fresh")
def test_compiles_whole_with_dynamic_shapes(info: OwnInfo) -> None:
    """Two numbers of rows through one graph, then options as arguments."""
    compiled = torch.compile(info.function, fullgraph=True, dynamic=True, backend="aot_eager")
    for rows in (5, 7):
        agree(compiled, Call(info, example(info, rows=rows), {}))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] <= 1, "a new number of rows must not compile again"
    agree(compiled, Call(info, example(info), info.sweep[-1]))


IN_C = {  # one of each kind of code
    "barron_loss",
    "boundary_loss",
    "crf_loss",
    "ctc_loss",
    "elbo_loss",
    "link_prediction_loss",
    "nt_xent_loss",
    "quantile_loss",
    "ssim_loss",
    "triplet_loss",
}


@pytest.mark.filterwarnings("ignore:`torch._prims_common.check` is deprecated:FutureWarning")  # by torch itself
@each_own(lambda info: info.name in IN_C)
@pytest.mark.usefixtures("fresh")
@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler")
@pytest.mark.skipif(" " in torch.__file__, reason="inductor does not quote the path of torch for the compiler")
def test_compiles_to_machine_code(info: OwnInfo) -> None:
    agree(
        torch.compile(info.function, fullgraph=True, dynamic=True), Call(info, example(info, dtype=torch.float32), {})
    )


@each_own(has_twin)
@pytest.mark.usefixtures("fresh")
def test_exports(info: OwnInfo) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.loss = info.twin(**info.needs)

        def forward(self, *data: Tensor) -> Tensor:
            return self.loss(*data)

    small, large = example(info, rows=4), example(info, rows=7)
    rows = [
        {axis: torch.export.Dim.AUTO for axis, (a, b) in enumerate(zip(one.shape, other.shape, strict=True)) if a != b}
        for one, other in zip(small, large, strict=True)
    ]
    program = torch.export.export(Model(), small, dynamic_shapes=(tuple(rows),))
    assert_close(program.module()(*large), info(*large))
