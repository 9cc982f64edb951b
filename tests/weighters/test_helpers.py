"""The guide's helpers: what they do, and what they do not do."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from companion.weighters import LogSum, gradient_clipping, integrate_scaling, loss_annealing, loss_weighting


def test_weighting_by_hand_by_name_and_by_place() -> None:
    parts = {"a": torch.tensor(2.0), "b": torch.tensor(5.0)}
    assert_close(loss_weighting(parts, {"b": 0.1, "a": 1.0}).item(), 2.5)
    assert_close(loss_weighting(parts, [1.0, 0.1]).item(), 2.5)
    assert_close(loss_weighting(list(parts.values()), torch.tensor([1.0, 0.1])).item(), 2.5)


def test_weighting_keeps_the_shape_and_passes_gradients_to_losses_and_weights() -> None:
    parts = [torch.ones(3, requires_grad=True), torch.full((3,), 2.0, requires_grad=True)]
    weights = torch.tensor([3.0, 0.0], requires_grad=True)
    total = loss_weighting(parts, weights)
    assert_close(total, torch.full((3,), 3.0))
    total.sum().backward()
    assert_close(parts[0].grad, torch.full((3,), 3.0))
    assert_close(weights.grad, torch.tensor([3.0, 6.0]))


@pytest.mark.as_user
def test_weighting_errors() -> None:
    one = torch.tensor(1.0)
    with pytest.raises(ValueError, match="`weight_vector` must hold 2 entries, one per loss, got 1"):
        loss_weighting([one, one], [1.0])
    with pytest.raises(ValueError, match="`weight_vector` must hold one entry for each of"):
        loss_weighting({"a": one}, {"b": 1.0})
    with pytest.raises(ValueError, match=r"`weight_vector\['a'\]` must be finite, got nan"):
        loss_weighting({"a": one}, {"a": math.nan})
    with pytest.raises(TypeError, match="`names` must be"):
        loss_weighting({1: one}, {1: 1.0})


def test_annealing_by_hand() -> None:
    assert loss_annealing(2.0, 0, 0.5) == 2.0
    assert math.isclose(loss_annealing(2.0, 3, math.log(2.0)), 0.25)  # 2 / 2^3


def trained(optimizer: type[torch.optim.Optimizer], scale: float) -> Tensor:
    x = torch.ones(2, requires_grad=True)
    steps = optimizer([x], lr=0.01)
    for _ in range(5):
        steps.zero_grad()
        (scale * (x * torch.tensor([1.0, 3.0])).square().sum()).backward()
        steps.step()
    return x.detach()


def test_annealing_the_whole_loss_is_a_smaller_rate_for_sgd_and_nothing_for_adam() -> None:
    scale = loss_annealing(1.0, 10, 0.1)
    assert (trained(torch.optim.SGD, scale) > trained(torch.optim.SGD, 1.0) + 0.01).all()
    assert_close(trained(torch.optim.Adam, scale), trained(torch.optim.Adam, 1.0), rtol=0, atol=1e-6)


@pytest.mark.as_user
def test_annealing_errors() -> None:
    with pytest.raises(ValueError, match=r"`decay_rate` must be at least 0\.0, got -1"):
        loss_annealing(1.0, 1, -1.0)
    with pytest.raises(ValueError, match=r"`epoch` must be at least 0\.0, got -1"):
        loss_annealing(1.0, -1, 1.0)


def with_gradients() -> list[Tensor]:
    parameters = [torch.zeros(1, requires_grad=True) for _ in range(3)]
    parameters[0].grad, parameters[1].grad = torch.tensor([3.0]), torch.tensor([-4.0])
    return parameters  # the last has none


@pytest.mark.parametrize(
    ("by", "threshold", "expected"),
    [
        ("norm", 1.0, [0.6, -0.8]),
        ("value", 3.5, [3.0, -3.5]),
        ("norm", 10.0, [3.0, -4.0]),
        ("value", 10.0, [3.0, -4.0]),
    ],
)
def test_clipping_by_hand(by: str, threshold: float, expected: list[float]) -> None:
    parameters = with_gradients()
    assert_close(gradient_clipping(iter(parameters), threshold, by=by).item(), 5.0)
    assert_close([p.grad.item() for p in parameters[:2]], expected, rtol=1e-5, atol=0)
    assert parameters[2].grad is None


def test_clipping_one_tensor_or_the_parameters_of_a_module() -> None:
    model = nn.Linear(2, 1)
    model(torch.ones(1, 2)).sum().backward()  # gradients 1, 1 and 1
    assert_close(gradient_clipping(model.parameters(), 0.5).item(), math.sqrt(3.0))
    assert_close(gradient_clipping(model.bias, 0.1, by="value").item(), 0.5 / math.sqrt(3.0), rtol=1e-5, atol=0)
    assert_close(model.bias.grad, torch.tensor([0.1]))


@pytest.mark.as_user
def test_clipping_errors() -> None:
    with pytest.raises(ValueError, match=r"`threshold` must be above 0\.0, got 0"):
        gradient_clipping([], 0.0)
    with pytest.raises(ValueError, match="`by` must be one of 'norm', 'value', got 'length'"):
        gradient_clipping([], 1.0, by="length")


def test_scaling_goes_between_loss_and_loop() -> None:
    def loop(loss_function, inputs, *, factor=1.0):
        """Trains."""
        return [factor * loss_function(value, 10.0) for value in inputs]

    scaled = integrate_scaling(loop, lambda loss: loss / 2)
    inputs = [torch.tensor(12.0), torch.tensor(14.0)]
    assert scaled(lambda value, target: value - target, inputs, factor=3.0) == [3.0, 6.0]  # 3 (12 - 10) / 2 first
    assert scaled.__doc__ == "Trains."


def test_a_weighter_is_a_scaling() -> None:
    def loop(loss_function, model, optimizer, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            loss_function(model).backward()
            optimizer.step()

    def parts(model):
        return {"near": (model - 1).square().sum(), "far": 1e6 * (model + 1).square().sum()}

    weighter, model = LogSum(["near", "far"]), torch.tensor([0.5], requires_grad=True)
    integrate_scaling(loop, weighter)(parts, model, torch.optim.SGD([model], lr=0.01), steps=3)
    assert weighter.step == 3
    assert model.item() > 0.5  # nearer to 1 in its own units, which a million would have drowned


@pytest.mark.as_user
def test_scaling_errors() -> None:
    with pytest.raises(TypeError, match="`loss_scaling_function` must be a function, got float"):
        integrate_scaling(print, 0.5)
