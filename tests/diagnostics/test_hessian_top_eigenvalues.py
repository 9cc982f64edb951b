"""Eigenvalues against bowls and saddles that are known, and against the whole Hessian of a network."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.functional import hessian
from torch.func import functional_call

from companion.diagnostics import hessian_top_eigenvalues
from companion.losses import focal_loss


class Point(nn.Module):
    """Parameters without a model."""

    def __init__(self, size: int, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size, dtype=dtype))


def bowl(matrix: Tensor) -> Callable[[nn.Module], Tensor]:
    return lambda model: model.weight @ matrix @ model.weight / 2


@pytest.mark.parametrize("size", [1, 5, 200])
@pytest.mark.parametrize(
    ("which", "expected"), [("magnitude", [-30, 20]), ("largest", [20, 10]), ("smallest", [-30, 1])]
)
def test_a_saddle_whose_eigenvalues_are_known(size: int, which: str, expected: list[float]) -> None:
    values = torch.ones(200, dtype=torch.float64)
    values[:3] = torch.tensor([10, -30, 20])
    values = values[:size]
    rotation = torch.linalg.qr(torch.randn(size, size, dtype=torch.float64))[0]
    matrix = rotation @ torch.diag(values) @ rotation.T
    k = min(2, size)
    found = hessian_top_eigenvalues(Point(size), bowl(matrix), k=k, which=which)
    wanted = torch.tensor(expected if size > 1 else [10.0], dtype=torch.float64)
    torch.testing.assert_close(found.values, wanted)
    torch.testing.assert_close(matrix @ found.vectors.T, found.vectors.T * found.values, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.vectors @ found.vectors.T, torch.eye(k, dtype=torch.float64))


def network(dtype: torch.dtype) -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).to(dtype)
    x, y = torch.randn(50, 4, dtype=dtype), torch.randint(3, (50,))
    return model, lambda m: focal_loss(m(x), y)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_the_whole_hessian_of_a_network(dtype: torch.dtype) -> None:
    model, loss = network(dtype)
    named = dict(model.named_parameters())
    sizes = [p.numel() for p in named.values()]

    def of_vector(vector: Tensor) -> Tensor:
        parts = vector.split(sizes)
        values = {n: part.view_as(p) for (n, p), part in zip(named.items(), parts, strict=True)}
        return loss(lambda x: functional_call(model, values, (x,)))

    whole = hessian(of_vector, torch.cat([p.detach().flatten() for p in named.values()]))
    expected = torch.linalg.eigvalsh(whole.double())
    tight = {torch.float32: 1e-4, torch.float64: 1e-8}[dtype]
    top = hessian_top_eigenvalues(model, loss, k=3, which="largest").values
    torch.testing.assert_close(top, expected.flip(0)[:3], rtol=tight, atol=tight * float(expected.max()))
    bottom = hessian_top_eigenvalues(model, loss, k=2, which="smallest").values
    torch.testing.assert_close(bottom, expected[:2], rtol=tight, atol=tight * float(expected.max()))
    assert bottom[0] < 0  # and negative ones are shown


def test_least_squares_has_the_spectrum_of_its_inputs() -> None:
    x, y = torch.randn(100, 60, dtype=torch.float64), torch.randn(100, 1, dtype=torch.float64)
    model = nn.Linear(60, 1, bias=False, dtype=torch.float64)
    found = hessian_top_eigenvalues(model, lambda m: F.mse_loss(m(x), y), k=4)
    expected = torch.linalg.svdvals(x)[:4].square() * 2 / 100
    torch.testing.assert_close(found.values, expected)


@pytest.mark.parametrize("size", [3, 100])
def test_linear_pieces_bend_nowhere(size: int) -> None:
    model, x = nn.Linear(size, 1), torch.randn(10, size)
    for loss in (lambda m: m(x).abs().mean(), lambda m: m(x).relu().sum()):
        found = hessian_top_eigenvalues(model, loss, k=2)
        assert found.values.tolist() == [0.0, 0.0]
        assert found.vectors.shape == (2, size + 1)


def test_frozen_parameters_are_left_out() -> None:
    model = nn.ParameterDict({"a": torch.ones(2), "b": torch.ones(2)})
    model["a"].requires_grad_(False)
    found = hessian_top_eigenvalues(model, lambda m: (7 * m["a"].square() + 2 * m["b"].square()).sum(), k=2)
    assert found.values.tolist() == [4.0, 4.0]


def test_every_eigenvalue_may_be_asked_for() -> None:
    values = torch.arange(1.0, 41.0, dtype=torch.float64)
    found = hessian_top_eigenvalues(Point(40), bowl(torch.diag(values)), k=40)
    torch.testing.assert_close(found.values, values.flip(0))


def test_nothing_is_changed_even_under_no_grad() -> None:
    model = nn.Sequential(nn.Linear(5, 20), nn.BatchNorm1d(20), nn.Dropout(), nn.Tanh(), nn.Linear(20, 1))
    model[0].weight.grad = gradient = torch.ones(20, 5)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    x, state = torch.randn(30, 5), torch.get_rng_state()
    with torch.no_grad():
        first = hessian_top_eigenvalues(model, lambda m: m(x).square().mean()).values
    assert torch.equal(first, hessian_top_eigenvalues(model, lambda m: m(x).square().mean()).values)
    torch.testing.assert_close(dict(model.state_dict()), before, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), state)
    assert model[0].weight.grad is gradient
    assert model[4].weight.grad is None


@pytest.mark.parametrize(
    ("model", "loss", "options", "error", "says"),
    [
        (Point(3), lambda m: m.weight, {}, ValueError, r"`loss\(model\)` must be a scalar"),
        (Point(3), lambda m: 1.0, {}, TypeError, r"`loss\(model\)` must be a floating point tensor"),
        (Point(3), lambda m: m.weight.sum(), {"k": 4}, ValueError, "`k` must be at most 3"),
        (Point(3), lambda m: m.weight.sum(), {"k": 0}, ValueError, "`k` must be at least 1"),
        (Point(3), lambda m: m.weight.sum(), {"which": "best"}, ValueError, "`which` must be one of"),
        (Point(3, torch.bfloat16), lambda m: m.weight.sum(), {}, TypeError, "got torch.bfloat16"),
        (Point(3), lambda m: (0 * m.weight).sqrt().sum(), {}, ValueError, "`loss` must have a finite Hessian"),
        (Point(3).requires_grad_(False), lambda m: m.weight.sum(), {}, ValueError, "`model` must have a parameter"),
        (Point(3), lambda m: m.weight.square().sum().detach(), {}, ValueError, "must have a graph"),
    ],
)
@pytest.mark.as_user
def test_errors_name_the_argument(model, loss, options, error, says) -> None:
    with pytest.raises(error, match=says):
        hessian_top_eigenvalues(model, loss, **options)
