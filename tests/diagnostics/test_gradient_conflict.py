"""Cosines, norms and gains of gradients that are known by hand."""

import math

import pytest
import torch
from torch import Tensor, nn

from companion.diagnostics import gradient_conflict


def linear(weight: Tensor, **directions: list[float]) -> dict[str, Tensor]:
    """Parts whose gradients are the directions."""
    return {name: (torch.tensor(direction) * weight).sum() for name, direction in directions.items()}


WEIGHT = torch.zeros(2, requires_grad=True)


def test_cosines_norms_and_gains_by_hand() -> None:
    found = gradient_conflict(linear(WEIGHT, a=[3.0, 0.0], b=[-4.0, 4.0], c=[0.0, 1.0]), WEIGHT)
    half = math.sqrt(0.5)
    assert found.names == ("a", "b", "c")
    torch.testing.assert_close(found.norms, torch.tensor([3.0, 8 * half, 1.0], dtype=torch.float64))
    expected = torch.tensor([[1, -half, 0], [-half, 1, half], [0, half, 1]], dtype=torch.float64)
    torch.testing.assert_close(found.cosines, expected)
    torch.testing.assert_close(found.gains, torch.tensor([-3.0, 24.0, 5.0], dtype=torch.float64))  # sum (-1, 5)


def test_a_conflict_names_the_pair_and_who_loses() -> None:
    report = gradient_conflict(linear(WEIGHT, a=[3.0, 0.0], b=[-4.0, 4.0], c=[0.0, 1.0]), WEIGHT).report
    (finding,) = report.findings
    assert finding.name == "gradient-conflict"
    assert finding.what == "a and b pull against each other; a step down the sum makes a worse."
    assert finding.where == "cosine -0.71"


def test_a_conflict_that_both_survive_says_so() -> None:
    (finding,) = gradient_conflict(linear(WEIGHT, a=[1.0, 0.5], b=[-1.0, 0.8]), WEIGHT).report.findings
    assert "still helps both" in finding.what


def test_gradients_of_the_same_way_are_no_finding() -> None:
    report = gradient_conflict(linear(WEIGHT, a=[1.0, 0.0], b=[1.0, 1.0], c=[-0.05, 1.0]), WEIGHT).report
    assert report.ok  # a and c have a cosine of -0.05, which is chance
    assert not gradient_conflict(linear(WEIGHT, a=[1.0, 0.0], c=[-0.05, 1.0]), WEIGHT, below=0.0).report.ok


def test_dominance_is_a_share_of_the_norms() -> None:
    parts = linear(WEIGHT, large=[20.0, 0.0], small=[0.0, 1.0])
    (finding,) = gradient_conflict(parts, WEIGHT).report.findings
    assert finding.name == "gradient-dominance"
    assert finding.what.startswith("large")
    assert finding.where == "95.2% of the sum of the norms"
    assert gradient_conflict(parts, WEIGHT, dominance=0.96).report.ok


def test_what_a_part_does_not_reach_counts_zero() -> None:
    shared, own = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)
    found = gradient_conflict([shared.sum(), shared.sum() + own.sum()], [shared, own])
    assert found.names == ("0", "1")
    torch.testing.assert_close(found.norms, torch.tensor([2.0, 5.0], dtype=torch.float64).sqrt())
    torch.testing.assert_close(found.cosines[0, 1], torch.tensor(2 / math.sqrt(10), dtype=torch.float64))


def test_a_gradient_of_zero_has_no_direction() -> None:
    found = gradient_conflict([(0 * WEIGHT).sum(), WEIGHT.sum()], WEIGHT)
    assert found.cosines[0].isnan().all()
    assert found.report.names == ["gradient-dominance"]


def test_a_gradient_that_is_not_finite_is_an_error() -> None:
    report = gradient_conflict({"root": WEIGHT.sqrt().sum(), "sum": WEIGHT.sum()}, WEIGHT).report
    assert report.names == ["non-finite"]
    assert "root" in report.findings[0].what


def test_equals_gradients_of_a_network() -> None:
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
    out = model(torch.randn(20, 3))
    parts = [out[:, 0].square().mean(), out[:, 1].exp().mean()]
    found = gradient_conflict(parts, model)
    flat = [
        torch.cat([g.flatten() for g in torch.autograd.grad(p, model.parameters(), retain_graph=True)]) for p in parts
    ]
    cosine = torch.nn.functional.cosine_similarity(flat[0], flat[1], dim=0).double()
    torch.testing.assert_close(found.cosines[0, 1], cosine, rtol=1e-5, atol=1e-6)
    assert list(found.table().columns) == ["norm", "gain", "cosine with 0", "cosine with 1"]


def test_nothing_is_changed_and_backward_still_works() -> None:
    model = nn.Linear(2, 2)
    model.weight.grad = before = torch.full((2, 2), 3.0)
    out = model(torch.randn(4, 2))
    parts = [out.square().mean(), out.abs().mean()]
    gradient_conflict(parts, model)
    assert model.weight.grad is before
    assert (before == 3).all()
    sum(parts).backward()
    assert model.bias.grad is not None


@pytest.mark.parametrize(
    ("losses", "options", "error", "says"),
    [
        (torch.stack([WEIGHT.sum(), WEIGHT.sum()]), {}, TypeError, "got a tensor"),
        ([WEIGHT.sum()], {}, ValueError, "at least two parts"),
        ([WEIGHT.sum(), 1.0], {}, TypeError, r"`losses\[1\]` must be a floating point tensor, got float"),
        ({"a": WEIGHT.sum(), "b": WEIGHT}, {}, ValueError, r"`losses\['b'\]` must be a scalar"),
        ({"a": WEIGHT.sum(), "b": torch.ones(())}, {}, ValueError, r"`losses\['b'\]` must depend on `parameters`"),
        ({1: WEIGHT.sum(), "1": 2 * WEIGHT.sum()}, {}, ValueError, "names that differ"),
        ([WEIGHT.sum(), 2 * WEIGHT.sum()], {"below": 0.5}, ValueError, "`below` must be between"),
        ([WEIGHT.sum(), 2 * WEIGHT.sum()], {"dominance": 2.0}, ValueError, "`dominance` must be between"),
    ],
)
@pytest.mark.as_user
def test_errors_name_the_argument(losses, options, error, says) -> None:
    with pytest.raises(error, match=says):
        gradient_conflict(losses, WEIGHT, **options)


def test_sparse_gradients_are_those_of_a_dense_table() -> None:
    table = torch.nn.Embedding(5, 2, sparse=True)
    dense = torch.nn.Embedding(5, 2, _weight=table.weight.detach().clone())
    found, expected = (
        gradient_conflict([m(torch.tensor([1, 2, 2])).sum(), -m(torch.tensor([2, 3])).square().sum()], m)
        for m in (table, dense)
    )
    torch.testing.assert_close(found.cosines, expected.cosines)
    torch.testing.assert_close(found.norms, expected.norms)


def test_complex_parameters_count_as_pairs_of_real_ones() -> None:
    pair = torch.tensor([[1.0, 2.0], [3.0, -1.0]], requires_grad=True)
    weight = torch.view_as_complex(pair).detach().requires_grad_()
    found, expected = (
        gradient_conflict([p[..., 0].square().sum(), (p[..., 1] - p[..., 0]).square().sum()], of)
        for p, of in ((torch.view_as_real(weight), weight), (pair, pair))
    )
    torch.testing.assert_close(found.cosines, expected.cosines)
    torch.testing.assert_close(found.norms, expected.norms)
