"""Our weights beside those of TorchJD 0.18 and of LibMTL 1.1.5, the wheel of 2021.

The equation of the paper decides; a peer is a second reading of it. Directions are compared, scaled to magnitudes that
sum to 1, because the peers fix other sizes; a tolerance is that of the peer's solver. What is known to differ is
expected to fail, and says who follows the paper. LibMTL's wheel has no Aligned-MTL, NashMTL, FairGrad or UPGrad.
"""

import random
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torchjd import aggregation
from torchjd.linalg import QuadprogProjector

from companion import weighters
from companion.weighters._base import Weighter
from companion.weighters._orders import orders_of_others
from tests.weighters import libmtl
from tests.weighters.gradients import fresh, gradients, weights

SAMPLES = [(losses, seed, span) for losses in (2, 3, 5) for seed in range(4) for span in (1.0, 10.0)]
EACH_SAMPLE = pytest.mark.parametrize(("losses", "seed", "span"), SAMPLES)
EXACT = 1e-9
SHORT = 1e-5  # gradients shorter than TorchJD's `norm_eps`, 1e-4
known = partial(pytest.mark.xfail, strict=True, raises=AssertionError)

LIBMTL = pytest.fixture(scope="module", name="libmtl_rules")(libmtl.rules)


def agree(ours: Tensor, theirs: Tensor, tolerance: float = EXACT) -> None:
    """Whether directions, or weights, agree but for their size."""
    assert_close(ours / ours.abs().sum(), theirs / theirs.abs().sum(), rtol=0, atol=tolerance)


def needs_cvxpy() -> None:
    pytest.importorskip("cvxpy", reason="TorchJD solves this with cvxpy, which only `make bench` installs")


def torchjd_upgrad() -> aggregation.UPGradWeighting:
    """Without the multiple of the identity that TorchJD adds, 1e-4, and its fallback for short gradients."""
    return aggregation.UPGradWeighting(projector=QuadprogProjector(norm_eps=1e-12, reg_eps=1e-12))


@EACH_SAMPLE
@pytest.mark.parametrize(
    ("method", "options", "peer"),
    [
        (weighters.AlignedMTL, {}, aggregation.AlignedMTLWeighting),
        (weighters.AlignedMTL, {"scale": "rmse"}, lambda: aggregation.AlignedMTLWeighting(scale_mode="rmse")),
        (weighters.FairGrad, {"alpha": 1.0}, lambda: aggregation.FairGradWeighting(alpha=1.0)),
        (weighters.FairGrad, {"alpha": 2.0}, lambda: aggregation.FairGradWeighting(alpha=2.0)),
        (weighters.NashMTL, {}, lambda: aggregation.FairGradWeighting(alpha=1.0)),
        (weighters.IMTLG, {}, aggregation.IMTLGWeighting),
        (weighters.UPGrad, {}, torchjd_upgrad),
    ],
    ids=["AlignedMTL", "AlignedMTL-rmse", "FairGrad-1", "FairGrad-2", "NashMTL", "IMTLG", "UPGrad"],
)
def test_torchjd(
    method: type[Weighter], options: dict[str, Any], peer: Callable[[], Any], losses: int, seed: int, span: float
) -> None:
    places = gradients(losses, 8, seed, span)
    agree(weights(method, places, **options), peer()(places @ places.T))


@EACH_SAMPLE
def test_torchjd_cagrad(losses: int, seed: int, span: float) -> None:
    needs_cvxpy()
    places = gradients(losses, 8, seed, span)
    theirs = aggregation.CAGradWeighting(c=0.5)(places @ places.T)
    assert_close(weights(weighters.CAGrad, places), losses * theirs, rtol=0, atol=1e-3)  # a cone, solved to about 1e-5


UNSOLVED = known(reason="TorchJD's solver ends where w_k (G w)_k misses 1 by 0.35; ours solves the equation")


@pytest.mark.parametrize(
    ("losses", "seed", "span"),
    [*[sample for sample in SAMPLES if sample[2] == 1.0], pytest.param(3, 2, 10.0, marks=UNSOLVED)],
)
@pytest.mark.filterwarnings("ignore:You are solving a parameterized problem that is not DPP")  # TorchJD's own problem
def test_torchjd_nash_mtl(losses: int, seed: int, span: float) -> None:
    needs_cvxpy()
    places = gradients(losses, 8, seed, span)
    theirs = aggregation.NashMTL(n_tasks=losses)(places)
    agree(places.T @ weights(weighters.NashMTL, places), theirs, 1e-6)  # stops at 1e-6


@EACH_SAMPLE
def test_torchjd_mgda(losses: int, seed: int, span: float) -> None:
    # Frank-Wolfe ends above the minimum, the less the longer it goes on: with two losses at once, else within 3 %.
    places = gradients(losses, 8, seed, span)
    theirs = aggregation.MGDAWeighting(epsilon=1e-5, max_iters=1000)(places @ places.T)
    ours = weights(weighters.MGDA, places, sum_to=1.0)
    if losses == 2:
        agree(ours, theirs)
    shortest, short = (places.T @ ours).norm(), (places.T @ theirs).norm()
    assert shortest * (1 - EXACT) <= short <= 1.03 * shortest


@known(reason="TorchJD's Frank-Wolfe stops after 100 steps, far from the paper's minimum; ours is at it")
def test_torchjd_mgda_where_norms_differ() -> None:
    places = gradients(20, 40, span=100.0)
    theirs, ours = aggregation.MGDAWeighting()(places @ places.T), weights(weighters.MGDA, places, sum_to=1.0)
    assert (places.T @ theirs).norm() <= 1.1 * (places.T @ ours).norm()


@pytest.fixture
def same_orders(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets the peers meet the gradients in our order: both look up how to shuffle when they do."""

    def arrange(losses: int, own_place: int | None = 0) -> None:
        orders = orders_of_others(torch.tensor(0), torch.tensor(0), losses).tolist()
        by_torch = iter([[*order, row] for row, order in enumerate(orders)])
        by_random = iter(orders)

        def randperm(size: int) -> Tensor:
            *others, row = next(by_torch)
            # Where its own place is left out, the places after it move up.
            found = [*others, row] if size == losses else [other - (other > row) for other in others]
            return torch.tensor(found)

        def shuffle(found: list[int]) -> None:
            order = next(by_random)
            (row,) = set(range(losses)) - set(order)
            if len(found) == losses:
                order.insert(losses if own_place is None else own_place, row)
            found[:] = order

        monkeypatch.setattr(torch, "randperm", randperm)
        monkeypatch.setattr(random, "shuffle", shuffle)

    return arrange


ORDERED = pytest.mark.parametrize("method", ["PCGrad", "GradVac"])
OPTIONS: dict[str, dict[str, Any]] = {"PCGrad": {}, "GradVac": {"beta": 0.5}}


@ORDERED
@EACH_SAMPLE
def test_torchjd_in_our_order(
    same_orders: Callable[..., None], method: str, losses: int, seed: int, span: float
) -> None:
    places = gradients(losses, 8, seed, span)
    ours = weights(getattr(weighters, method), places)
    same_orders(losses)
    theirs = getattr(aggregation, f"{method}Weighting")()(places @ places.T)
    assert_close(ours, theirs, rtol=0, atol=1e-6)  # GradVac adds 1e-8 to its denominators


@ORDERED
@EACH_SAMPLE
def test_libmtl_in_our_order(
    same_orders: Callable[..., None], libmtl_rules: ModuleType, method: str, losses: int, seed: int, span: float
) -> None:
    places = gradients(losses, 8, seed, span)
    ours = places.T @ weights(getattr(weighters, method), places)
    same_orders(losses)
    theirs = libmtl.direction(getattr(libmtl_rules, method), places, **OPTIONS[method])
    assert_close(ours, theirs, rtol=0, atol=EXACT)


@known(reason="LibMTL's PCGrad projects a gradient on itself too, which matters unless it comes first; the paper's not")
def test_libmtl_pcgrad_with_itself_last(same_orders: Callable[..., None], libmtl_rules: ModuleType) -> None:
    for seed in range(200):
        places = gradients(4, 3, seed)
        ours = places.T @ weights(weighters.PCGrad, places)
        same_orders(4, None)
        assert_close(ours, libmtl.direction(libmtl_rules.PCGrad, places), rtol=0, atol=EXACT)


@known(reason="LibMTL's GradVac moves a target only when it bends; in the paper targets follow every step")
def test_libmtl_gradvac_after_a_look_without_bending(libmtl_rules: ModuleType) -> None:
    near = torch.tensor([[1.0, 0.0], [0.6, 0.8]], dtype=torch.float64)
    far = torch.tensor([[1.0, 0.0], [0.1, 0.99]], dtype=torch.float64)
    weighter = fresh(weighters.GradVac, 2)
    weights(weighter, near)
    theirs = libmtl.direction(libmtl_rules.GradVac, near, far, beta=0.5)
    assert_close(far.T @ weights(weighter, far), theirs, rtol=0, atol=EXACT)


@EACH_SAMPLE
def test_libmtl_imtlg(libmtl_rules: ModuleType, losses: int, seed: int, span: float) -> None:
    places = gradients(losses, 8, seed, span)
    agree(places.T @ weights(weighters.IMTLG, places), libmtl.direction(libmtl_rules.IMTL, places))


UPHILL = known(reason="The paper's weights, and the peers', sum to 1: a negative sum makes every loss rise. Ours turn")


@pytest.mark.parametrize("sign", [-1.0, pytest.param(1.0, marks=UPHILL)])
@pytest.mark.parametrize("peer", ["TorchJD", "LibMTL"])
def test_imtlg_where_the_sum_of_the_weights_is_negative(libmtl_rules: ModuleType, peer: str, sign: float) -> None:
    places = gradients(3, 3, seed=0, span=10.0)
    if peer == "LibMTL":
        theirs = libmtl.direction(libmtl_rules.IMTL, places)
    else:
        theirs = places.T @ aggregation.IMTLGWeighting()(places @ places.T)
    agree(places.T @ weights(weighters.IMTLG, places), sign * theirs)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("span", [1.0, 10.0])
@pytest.mark.parametrize(("rescale", "place"), [("none", 0), ("1+c^2", 1), ("1+c", 2)])
def test_libmtl_cagrad(libmtl_rules: ModuleType, rescale: str, place: int, seed: int, span: float) -> None:
    # Its default is 1, ours "none", the paper's. A general minimiser stops it at about 1e-4.
    places = gradients(3, 8, seed, span)
    ours = places.T @ weights(weighters.CAGrad, places, rescale=rescale) / 3
    theirs = libmtl.direction(libmtl_rules.CAGrad, places, calpha=0.5, rescale=place)
    assert_close(ours, theirs, rtol=0, atol=1e-3 * theirs.norm().item())


@known(raises=ValueError, reason="LibMTL's wheel reshapes to three losses, whatever their number")
@pytest.mark.parametrize("losses", [2, 5])
def test_libmtl_cagrad_of_other_than_three_losses(libmtl_rules: ModuleType, losses: int) -> None:
    libmtl.direction(libmtl_rules.CAGrad, gradients(losses, 8), calpha=0.5, rescale=0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("losses", "span"), [(2, 1.0), (3, 1.0), (3, 10.0)])
def test_libmtl_mgda(libmtl_rules: ModuleType, losses: int, seed: int, span: float) -> None:
    places = gradients(losses, 8, seed, span)
    theirs = libmtl.direction(libmtl_rules.MGDA, places, mgda_gn="none")
    agree(places.T @ weights(weighters.MGDA, places), theirs, 1e-4)  # stops when a step is below 1e-5


@known(reason="LibMTL's MGDA never gives all weight to one of two losses, and stalls with five; ours is at the minimum")
@pytest.mark.parametrize(("losses", "seed"), [(2, 0), (5, 3)])
def test_libmtl_mgda_away_from_the_minimum(libmtl_rules: ModuleType, losses: int, seed: int) -> None:
    places = gradients(losses, 8, seed, span=10.0)
    theirs = libmtl.direction(libmtl_rules.MGDA, places, mgda_gn="none")
    assert theirs.norm() <= 1.001 * (places.T @ weights(weighters.MGDA, places, sum_to=1.0)).norm()


@known(
    reason="TorchJD falls back to equal weights, or to none, where gradients are short; the papers know no such size"
)
@pytest.mark.parametrize("method", ["UPGrad", "CAGrad"])
def test_torchjd_with_short_gradients(method: str) -> None:
    if method == "CAGrad":
        needs_cvxpy()
    peer = {"UPGrad": aggregation.UPGradWeighting, "CAGrad": lambda: aggregation.CAGradWeighting(c=0.5)}[method]
    places = SHORT * gradients(3, 8)
    assert_close(
        len(places) * peer()(places @ places.T), weights(getattr(weighters, method), places), rtol=0, atol=1e-2
    )


@known(reason="TorchJD's FairGrad starts at equal weights and stops at an absolute residual; the equation has no unit")
def test_torchjd_fairgrad_with_short_gradients() -> None:
    places = SHORT * gradients(3, 8)
    agree(weights(weighters.FairGrad, places), aggregation.FairGradWeighting(alpha=1.0)(places @ places.T), 1e-2)


@pytest.mark.parametrize("peer", ["AlignedMTL", "IMTLG"])
def test_torchjd_with_short_gradients_where_nothing_is_added(peer: str) -> None:
    places = SHORT * gradients(3, 8)
    theirs = getattr(aggregation, f"{peer}Weighting")()(places @ places.T)
    agree(weights(getattr(weighters, peer), places), theirs)
