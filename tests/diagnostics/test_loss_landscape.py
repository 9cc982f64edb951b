"""Slices of bowls that are known, of networks by hand, and the plane of a path."""

import math
from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from companion.diagnostics import hessian_top_eigenvalues, loss_landscape


class Point(nn.Module):
    """Parameters without a model."""

    def __init__(self, *values: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(values, dtype=torch.float64))


def bowl(model: nn.Module) -> Tensor:
    return (torch.tensor([1.0, 10.0], dtype=torch.float64) * model.weight.square()).sum() / 2


def network() -> tuple[nn.Module, Tensor, Tensor]:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3))
    return model, torch.randn(20, 1, 5, 5), torch.randint(3, (20,))


def test_a_plane_through_a_bowl() -> None:
    found = loss_landscape(Point(1.0, 2.0), bowl, directions=torch.eye(2, dtype=torch.float64), span=3.0, steps=7)
    x, y = (at.double() for at in torch.meshgrid(*found.coordinates, indexing="ij"))
    torch.testing.assert_close(found.values, ((1 + x) ** 2 + 10 * (2 + y) ** 2) / 2)
    assert found.coordinates[0].tolist() == [-3, -2, -1, 0, 1, 2, 3]


def test_a_line_along_an_eigenvector_has_its_curvature() -> None:
    model = Point(1.0, 2.0)
    steepest = hessian_top_eigenvalues(model, bowl).vectors
    values = loss_landscape(model, bowl, directions=steepest, steps=3).values
    torch.testing.assert_close(values[0] - 2 * values[1] + values[2], torch.tensor(10.0, dtype=torch.float64))


def test_the_line_between_two_states_is_that_of_mixed_weights() -> None:
    model, x, y = network()
    other = deepcopy(model)
    with torch.no_grad():
        for p in other.parameters():
            p += torch.randn_like(p)
    states = [other.state_dict(), parameters_to_vector(other.parameters())]
    found = [loss_landscape(model, lambda m: F.cross_entropy(m(x), y), to=state, steps=7) for state in states]
    torch.testing.assert_close(found[0].values, found[1].values)
    ends = [parameters_to_vector(m.parameters()).detach() for m in (model, other)]
    for a, value in zip(found[0].coordinates[0].tolist(), found[0].values, strict=True):
        mixed = deepcopy(model)
        vector_to_parameters((1 - a) * ends[0] + a * ends[1], mixed.parameters())
        torch.testing.assert_close(value.float(), F.cross_entropy(mixed(x), y).detach())


def test_random_directions_have_the_norms_of_the_filters() -> None:
    model, x, y = network()
    found = loss_landscape(model, lambda m: F.cross_entropy(m(x), y), steps=3)
    for axis in found.directions.float():
        kernel, bias, weight, last = axis.split([p.numel() for p in model.parameters()])
        torch.testing.assert_close(kernel.view(4, -1).norm(dim=1), model[0].weight.detach().flatten(1).norm(dim=1))
        torch.testing.assert_close(weight.view(3, 36).norm(dim=1), model[3].weight.detach().norm(dim=1))
        assert not bias.any()
        assert not last.any()
    assert found.values.shape == (3, 3)
    assert found.values[1, 1] == F.cross_entropy(model(x), y).detach().double()


def test_filter_normalisation_undoes_a_rescaling_of_relus() -> None:
    model, x, y = network()
    scaled = deepcopy(model)
    with torch.no_grad():
        scaled[0].weight *= 16
        scaled[0].bias *= 16
        scaled[3].weight /= 16
    slices = [
        loss_landscape(m, lambda m: F.cross_entropy(m(x), y), dimensions=1, steps=5).values for m in (model, scaled)
    ]
    torch.testing.assert_close(slices[0], slices[1])
    sharp = [hessian_top_eigenvalues(m, lambda m: F.cross_entropy(m(x), y)).values for m in (model, scaled)]
    assert sharp[1] > 10 * sharp[0]  # the eigenvalues are fooled


def test_a_seed_names_the_directions() -> None:
    model, x, y = network()

    def slope(seed: int) -> Tensor:
        return loss_landscape(model, lambda m: F.cross_entropy(m(x), y), dimensions=1, steps=2, seed=seed).directions

    assert torch.equal(slope(3), slope(3))
    assert not torch.equal(slope(3), slope(4))


def test_the_plane_of_a_path_that_is_flat() -> None:
    path = torch.tensor([[4.0, 0.0], [3.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    basis = torch.linalg.qr(torch.randn(5, 2))[0]
    model = Point(*torch.randn(5).tolist())
    states = [(model.weight.detach() + basis.double() @ step.double()) for step in path]
    found = loss_landscape(model, lambda m: m.weight.square().sum(), trajectory=states, steps=4)
    torch.testing.assert_close(found.explained.sum(), torch.tensor(1.0, dtype=torch.float64))
    gaps = [torch.cdist(points.double(), points.double()) for points in (path, found.path)]
    torch.testing.assert_close(*gaps, rtol=1e-5, atol=1e-6)
    rebuilt = model.weight.detach() + found.path @ found.directions
    torch.testing.assert_close(rebuilt, torch.stack(states))
    for at, along in zip(found.coordinates, found.path.T, strict=True):
        assert at.min() < along.min()
        assert along.max() < at.max()


def test_a_random_walk_has_most_of_its_variance_in_two_components() -> None:
    class Origin(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(20_000))

    walk = torch.randn(200, 20_000).cumsum(0)
    found = loss_landscape(Origin(), lambda m: m.weight.sum(), trajectory=list(walk), steps=2)
    # For long walks in many dimensions the k-th component has 6 / (pi k)^2 of the variance.
    expected = torch.tensor([1.0, 0.25], dtype=torch.float64) * 6 / math.pi**2
    torch.testing.assert_close(found.explained, expected, rtol=0.05, atol=0)


def test_a_straight_path_has_one_component() -> None:
    model = Point(0.0, 0.0)
    states = [{"weight": torch.tensor([a, 2 * a])} for a in (0.0, 1.0, 3.0)]
    found = loss_landscape(model, bowl, trajectory=states, steps=3)
    torch.testing.assert_close(found.explained, torch.tensor([1.0, 0.0], dtype=torch.float64), atol=1e-12, rtol=0)
    assert found.coordinates[1][0] < found.coordinates[1][-1]


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_changed(fails: bool) -> None:
    model = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 1))
    x, weight = torch.randn(30, 5), model[0].weight
    weight.grad = gradient = torch.ones(4, 5)
    before, state = deepcopy(model.state_dict()), torch.get_rng_state()
    calls = iter(range(4 if fails else 100))

    def loss(m: nn.Module) -> Tensor:
        next(calls)
        return m(x).square().mean()

    if fails:
        with pytest.raises(StopIteration):
            loss_landscape(model, loss, steps=3)
    else:
        first = loss_landscape(model, loss, steps=3).values
        assert torch.equal(first, loss_landscape(model, loss, steps=3).values)  # dropout and all
    torch.testing.assert_close(dict(model.state_dict()), dict(before), rtol=0, atol=0)
    assert model[0].weight is weight
    assert weight.grad is gradient
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training


def test_every_point_gets_the_same_random_numbers() -> None:
    model, x = nn.Sequential(nn.Dropout(), nn.Linear(6, 1)), torch.randn(9, 6)
    values = loss_landscape(model, lambda m: m(x).square().mean(), directions=torch.zeros(1, 7), steps=5).values
    assert (values == values[0]).all()


def test_the_model_is_on_the_map_of_a_path_elsewhere() -> None:
    states = [torch.tensor([5.0, 9.0]), torch.tensor([6.0, 8.0]), torch.tensor([7.0, 9.0])]
    for at in loss_landscape(Point(0.0, 0.0), bowl, trajectory=states, steps=3).coordinates:
        assert at[0] < 0 < at[-1]


def test_every_point_starts_from_the_same_buffers() -> None:
    model, x = nn.utils.parametrizations.spectral_norm(nn.Linear(6, 6), n_power_iterations=1), torch.randn(9, 6)
    copy = deepcopy(model)  # each call in train mode moves the vectors of the power iteration

    def loss(m: nn.Module) -> Tensor:
        return m(x).square().mean()

    values = loss_landscape(model, loss, steps=5).values
    assert values[2, 2] == loss(copy).detach().double()


def test_a_loss_that_reaches_into_the_model_sees_the_point() -> None:
    model = nn.Linear(2, 1)
    found = loss_landscape(model, lambda _: model.weight.square().sum(), to=torch.zeros(3), steps=7)
    torch.testing.assert_close(found.values[5], torch.tensor(0.0, dtype=torch.float64))
    assert found.values[1] == model.weight.detach().square().sum().double()


def test_plots_take_infinities_and_paths() -> None:
    def cliff(model: nn.Module) -> Tensor:
        return torch.where(model.weight[0] > 0.5, torch.inf, bowl(model).exp())

    line = loss_landscape(Point(0.0, 0.0), cliff, directions=torch.eye(2)[:1]).plot()
    assert line.get_ylabel() == "loss"
    plane = loss_landscape(Point(0.0, 0.0), cliff, directions=torch.eye(2), span=2.0).plot()
    assert plane.get_xlabel() == "along the first direction"
    states = [torch.tensor([a, a**2]) for a in (-2.0, -1.0, 0.0)]
    path = loss_landscape(Point(0.0, 0.0), bowl, trajectory=states, steps=5).plot()
    assert path.get_xlabel().startswith("component 1: ")


POINT, MODEL = Point(1.0, 2.0), nn.Linear(2, 1)


@pytest.mark.parametrize(
    ("model", "loss", "options", "error", "says"),
    [
        (POINT, bowl, {}, ValueError, r"`torch.eye\(2\)`"),
        (MODEL, lambda m: m.weight, {}, ValueError, r"`loss\(model\)` must be a scalar"),
        (MODEL, lambda m: 1.0, {}, TypeError, r"`loss\(model\)` must be a floating point tensor"),
        (POINT, bowl, {"to": torch.ones(3)}, ValueError, r"`to` must hold the parameters of `model`, \(2,\)"),
        (POINT, bowl, {"to": {"bias": torch.ones(2)}}, ValueError, r"this name and shape: \['weight'\]"),
        (POINT, bowl, {"trajectory": [torch.ones(2)]}, ValueError, "at least three states, got 1"),
        (POINT, bowl, {"trajectory": [torch.ones(2)] * 3}, ValueError, "states that differ"),
        (POINT, bowl, {"trajectory": [torch.ones(1)] * 3}, ValueError, r"`trajectory\[0\]` must hold"),
        (POINT, bowl, {"directions": torch.ones(2)}, ValueError, r"`directions` must have shape \(1, 2\)"),
        (POINT, bowl, {"to": torch.ones(2), "directions": torch.eye(2)}, ValueError, "got `to` and `directions`"),
        (nn.ReLU(), bowl, {}, ValueError, "`model` must have parameters"),
        (MODEL, bowl, {"dimensions": 3}, ValueError, "`dimensions` must be 1 or 2"),
        (MODEL, bowl, {"span": 0.0}, ValueError, "`span` must be above 0"),
        (MODEL, bowl, {"steps": 1}, ValueError, "`steps` must be at least 2"),
        (MODEL, bowl, {"seed": 0.5}, TypeError, "`seed` must be an int"),
    ],
)
@pytest.mark.as_user
def test_errors_name_the_argument(model, loss, options, error, says) -> None:
    with pytest.raises(error, match=says):
        loss_landscape(model, loss, **options)
