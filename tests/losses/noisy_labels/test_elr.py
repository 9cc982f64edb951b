"""Early-learning regularisation: by hand, its memory, and the contract for a loss with a state of its own."""

import copy
import math
import pickle

import pytest
import torch
from torch.testing import assert_close

from companion.losses import ELRLoss, cross_entropy

# torch's own: it scripts its decompositions when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")

X = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
TARGET, INDEX = torch.tensor([0, 1, 2, 0]), torch.tensor([5, 0, 3, 2])


def test_by_hand() -> None:
    loss = ELRLoss(samples=4, classes=2, beta=0.5, strength=2.0)
    even, target, index = torch.zeros(1, 2), torch.tensor([0]), torch.tensor([1])
    # m = (1/4, 1/4), <p, m> = 1/4; then (3/8, 3/8)
    assert_close(loss(even, target, index).item(), math.log(2) + 2 * math.log(3 / 4))
    assert_close(loss(even, target, index).item(), math.log(2) + 2 * math.log(5 / 8))
    assert_close(loss.memory, torch.tensor([[0.0, 0.0], [0.375, 0.375], [0.0, 0.0], [0.0, 0.0]]))


def test_is_the_authors_loss() -> None:
    loss, memory = ELRLoss(samples=6, classes=3), torch.zeros(6, 3)
    for step in range(3):
        x = X + step
        p = x.softmax(1).clamp(1e-4, 1 - 1e-4)
        memory[INDEX] = 0.7 * memory[INDEX] + 0.3 * p / p.sum(1, keepdim=True)
        slowly = cross_entropy(x, TARGET) + 3 * (1 - (memory[INDEX] * p).sum(1)).log().mean()
        assert_close(loss(x, TARGET, INDEX), slowly)
        assert_close(loss.memory, memory)


def test_the_memory_gets_no_gradient() -> None:
    # slope of the second term: lambda p_j (<p, m> - m_j) / (1 - <p, m>), m being a constant
    loss, x = ELRLoss(samples=6, classes=3), X.double().requires_grad_()
    loss.double()(x, TARGET, INDEX, sample_weight=torch.ones(4)).backward()
    p, m = x.detach().softmax(1), loss.memory[INDEX]
    agreement = (p * m).sum(1, keepdim=True)
    term = 3 * p * (agreement - m) / (1 - agreement)
    assert_close(x.grad, (p - torch.nn.functional.one_hot(TARGET, 3) + term) / 4)


def test_evaluation_reads_and_does_not_write() -> None:
    loss = ELRLoss(samples=6, classes=3)
    loss(X, TARGET, INDEX)
    before = loss.memory.clone()
    loss.eval()
    first = loss(X, TARGET, INDEX)
    assert_close(loss(X, TARGET, INDEX), first, rtol=0, atol=0)
    assert_close(loss.memory, before, rtol=0, atol=0)
    apart = (1 - (before[INDEX] * X.softmax(1)).sum(1)).log().mean()
    assert_close(first, cross_entropy(X, TARGET) + 3 * apart)


def test_state_dict_is_all_there_is() -> None:
    one, other = ELRLoss(samples=6, classes=3), ELRLoss(samples=6, classes=3)
    one(X, TARGET, INDEX)
    other.load_state_dict(one.state_dict())
    copies = [other, copy.deepcopy(one), pickle.loads(pickle.dumps(one))]
    found = one(X, TARGET, INDEX)
    for each in copies:
        assert_close(each(X, TARGET, INDEX), found, rtol=0, atol=0)


def test_no_strength_is_cross_entropy() -> None:
    loss = ELRLoss(samples=6, classes=3, strength=0.0)
    assert_close(loss(X, TARGET, INDEX), cross_entropy(X, TARGET))


def test_bounded_and_finite_after_any_number_of_sure_visits() -> None:
    loss = ELRLoss(samples=1, classes=2)
    x = torch.tensor([[1e4, 0.0]], requires_grad=True)
    for _ in range(200):
        value = loss(x, torch.tensor([0]), torch.tensor([0]))
    assert_close(value.item(), 3 * math.log(1e-4), rtol=1e-3, atol=0)  # log 0 if predictions were stored as they are
    (slope,) = torch.autograd.grad(value, x, create_graph=True)
    (again,) = torch.autograd.grad(slope.sum(), x)
    assert slope.isfinite().all()
    assert again.isfinite().all()


def test_reductions_weights_and_what_is_ignored() -> None:
    weight = torch.tensor([0.5, 1.0, 3.0])
    rows = {r: ELRLoss(samples=6, classes=3, reduction=r)(X, TARGET, INDEX) for r in ("none", "mean", "sum")}
    assert rows["none"].shape == (4,)
    assert_close(rows["sum"], rows["none"].sum())
    assert_close(rows["mean"], rows["none"].mean())
    w = weight[TARGET]
    assert_close(ELRLoss(6, 3, weight=weight)(X, TARGET, INDEX), (w * rows["none"]).sum() / w.sum())
    target = TARGET.clone()
    target[1] = -100
    keep = torch.tensor([True, False, True, True])
    assert_close(ELRLoss(6, 3)(X, target, INDEX), rows["none"][keep].mean())
    soft = torch.rand(4, 3).softmax(1)
    by_hand = sum(soft[:, c] * ELRLoss(6, 3, reduction="none")(X, torch.full((4,), c), INDEX) for c in range(3))
    assert_close(ELRLoss(6, 3, reduction="none")(X, soft, INDEX), by_hand)


def test_derivatives() -> None:
    loss = ELRLoss(samples=6, classes=3).double()
    loss(X.double(), TARGET, INDEX)
    loss.eval()
    x = X.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: loss(z, TARGET, INDEX), x, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda z: loss(z, TARGET, INDEX), x)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_precision_of_the_input(dtype: torch.dtype) -> None:
    found = ELRLoss(samples=6, classes=3)(X.to(dtype), TARGET, INDEX)
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert_close(found.float(), ELRLoss(samples=6, classes=3)(X.to(dtype).float(), TARGET, INDEX))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32], ids=str)
def test_index_of_any_integer_type(dtype: torch.dtype) -> None:
    small, large = ELRLoss(samples=6, classes=3), ELRLoss(samples=6, classes=3)
    assert_close(small(X, TARGET, INDEX.to(dtype)), large(X, TARGET, INDEX))
    assert_close(small.memory, large.memory)


@pytest.mark.as_user
def test_compile_and_export_keep_the_memory() -> None:
    eager, compiled = ELRLoss(samples=6, classes=3), ELRLoss(samples=6, classes=3)
    step = torch.compile(compiled, fullgraph=True, backend="aot_eager")
    for _ in range(2):
        assert_close(step(X, TARGET, INDEX), eager(X, TARGET, INDEX))
    assert_close(compiled.memory, eager.memory)
    exported = torch.export.export(ELRLoss(samples=6, classes=3), (X, TARGET, INDEX)).module()
    fresh = ELRLoss(samples=6, classes=3)
    for _ in range(2):
        assert_close(exported(X, TARGET, INDEX), fresh(X, TARGET, INDEX))


@pytest.mark.as_user
def test_many_models_at_once_each_with_its_memory() -> None:
    loss = ELRLoss(samples=6, classes=3)
    xs = torch.stack([X, 2 * X])
    memories = torch.zeros(2, 6, 3)

    def step(memory: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(loss, {"memory": memory}, (x, TARGET, INDEX))

    found = torch.vmap(step)(memories, xs)
    alone = [ELRLoss(samples=6, classes=3) for _ in xs]
    assert_close(found, torch.stack([one(x, TARGET, INDEX) for one, x in zip(alone, xs, strict=True)]))
    assert_close(memories, torch.stack([one.memory for one in alone]))


def test_says_what_it_is() -> None:
    assert repr(ELRLoss(6, 3)) == "ELRLoss(samples=6, classes=3, beta=0.7, strength=3.0)"
    assert list(ELRLoss(6, 3).parameters()) == []


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    loss = ELRLoss(samples=6, classes=3)
    with pytest.raises(ValueError, match=r"`input` must have shape \(N, 3\), one logit per class, got \(4, 2\)"):
        loss(X[:, :2], TARGET, INDEX)
    with pytest.raises(TypeError, match=r"`index` must be an integer tensor.*from 0 to 5, got dtype torch.float32"):
        loss(X, TARGET, INDEX.float())
    with pytest.raises(TypeError, match=r"`index` must be an integer tensor.*got list"):
        loss(X, TARGET, [0, 1, 2, 3])
    with pytest.raises(ValueError, match=r"`index` must have shape \(4,\), one number per row of `input`, got \(3,\)"):
        loss(X, TARGET, INDEX[:3])
    with pytest.raises(IndexError, match=r"out of"):
        loss(X, TARGET, INDEX + 6)
    with pytest.raises(ValueError, match=r"`beta` must be at least 0.0 and below 1.0, got 1.0"):
        ELRLoss(6, 3, beta=1.0)
    with pytest.raises(ValueError, match=r"`samples` must be at least 1, got 0"):
        ELRLoss(0, 3)
    with pytest.raises(TypeError, match=r"`classes` must be an int, got float"):
        ELRLoss(6, 3.0)
