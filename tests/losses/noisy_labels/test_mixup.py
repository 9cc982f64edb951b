"""Mixup loss: by hand, as one loss of soft labels, and the contract for a loss with two targets."""

import copy
import functools
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from companion.losses import MixupLoss, cross_entropy, focal_loss, generalized_cross_entropy, mixup_loss

# torch's own: it scripts its decompositions when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")

DRAW = torch.Generator().manual_seed(0)
X = torch.randn(6, 3, dtype=torch.float64, generator=DRAW)
A, B = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([0, 2, 1, 1, 1, 0])
SHARES = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0, 0.9], dtype=torch.float64)
WEIGHT = torch.tensor([0.5, 1.0, 3.0], dtype=torch.float64)


def soft(lam: Tensor) -> Tensor:
    one = lam.view(-1, 1)
    return one * F.one_hot(A, 3) + (1 - one) * F.one_hot(B, 3)


def test_by_hand() -> None:
    # p = (0.9, 0.1): 0.75 * 0.1053605 + 0.25 * 2.3025851 = 0.6546667
    logits = torch.tensor([[0.9, 0.1]]).log()
    assert_close(mixup_loss(logits, torch.tensor([0]), torch.tensor([1]), 0.75).item(), 0.6546667)


def test_is_the_loss_of_soft_labels() -> None:
    for lam in (SHARES, torch.full((6,), 0.3, dtype=torch.float64)):
        for reduction in ("mean", "sum", "none"):
            by_hand = cross_entropy(X, soft(lam), reduction=reduction)
            assert_close(mixup_loss(X, A, B, lam, reduction=reduction), by_hand)
    assert_close(mixup_loss(X, A, B, 0.3), mixup_loss(X, A, B, torch.tensor(0.3)), rtol=1e-6, atol=0)


def test_all_of_one_is_the_loss_itself() -> None:
    for reduction in ("mean", "sum", "none"):
        for weight in (None, WEIGHT):
            options = {"weight": weight, "reduction": reduction}
            assert_close(mixup_loss(X, A, B, 1.0, **options), cross_entropy(X, A, **options))
            assert_close(mixup_loss(X, A, B, 0.0, **options), cross_entropy(X, B, **options))


def test_any_class_loss_will_do() -> None:
    gce = functools.partial(generalized_cross_entropy, q=0.5)
    by_hand = 0.3 * gce(X, A) + 0.7 * gce(X, B)
    assert_close(mixup_loss(X, A, B, 0.3, loss=gce), by_hand)
    assert_close(MixupLoss(loss=focal_loss)(X, A, B, 0.3), 0.3 * focal_loss(X, A) + 0.7 * focal_loss(X, B))


def test_each_label_counts_in_the_mean_with_its_share_and_weight() -> None:
    a, b = cross_entropy(X, A, reduction="none"), cross_entropy(X, B, reduction="none")
    wa, wb = SHARES * WEIGHT[A], (1 - SHARES) * WEIGHT[B]
    assert_close(mixup_loss(X, A, B, SHARES, weight=WEIGHT, reduction="none"), wa * a + wb * b)
    assert_close(mixup_loss(X, A, B, SHARES, weight=WEIGHT), (wa * a + wb * b).sum() / (wa + wb).sum())
    rows = torch.linspace(0, 2, 6, dtype=torch.float64)
    plain = SHARES * a + (1 - SHARES) * b
    assert_close(mixup_loss(X, A, B, SHARES, sample_weight=rows), (rows * plain).sum() / rows.sum())


def test_an_ignored_label_leaves_the_other() -> None:
    a = A.clone()
    a[1] = -100
    found = mixup_loss(X, a, B, SHARES, reduction="none")
    assert_close(found[1], 0.75 * cross_entropy(X[1:2], B[1:2]))
    both = mixup_loss(X, torch.full_like(A, -100), torch.full_like(B, -100), 0.5)
    assert both == 0


def test_images_and_probabilities() -> None:
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    a, b = torch.randint(0, 3, (2, 2, 4, 4)).unbind(0)
    lam = torch.tensor([0.2, 0.9], dtype=torch.float64)
    by_hand = lam.view(2, 1, 1) * cross_entropy(x, a, reduction="none")
    by_hand += (1 - lam).view(2, 1, 1) * cross_entropy(x, b, reduction="none")
    assert_close(mixup_loss(x, a, b, lam, reduction="none"), by_hand)
    assert_close(mixup_loss(x, a, b, lam), by_hand.mean())
    images = torch.rand(2, 4, 4, dtype=torch.float64)
    weighed = (images * by_hand).sum() / images.sum()
    assert_close(mixup_loss(x, a, b, lam, sample_weight=images), weighed)
    one_hot = [F.one_hot(t, 3).movedim(-1, 1).double() for t in (a, b)]
    assert_close(mixup_loss(x, *one_hot, lam, reduction="none"), by_hand)


def test_derivatives() -> None:
    x, lam = X.clone().requires_grad_(), SHARES.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda z, s: mixup_loss(z, A, B, s), (x, lam), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda z: mixup_loss(z, A, B, 0.3), x)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    x = X.to(dtype).requires_grad_()
    single = x.detach().float().requires_grad_()
    low, high = mixup_loss(x, A, B, 0.3), mixup_loss(single, A, B, 0.3)
    assert_close(low, high)
    assert low.dtype == torch.float32
    slope = torch.autograd.grad(high, single)[0].to(dtype)
    assert_close(torch.autograd.grad(low, x)[0], slope, rtol=torch.finfo(dtype).eps, atol=1e-7)


@pytest.mark.as_user
def test_compile_vmap_and_export() -> None:
    def loss(x: Tensor, lam: Tensor) -> Tensor:
        return mixup_loss(x, A, B, lam)

    assert_close(torch.compile(loss, fullgraph=True, backend="aot_eager")(X, SHARES), loss(X, SHARES))
    many = torch.vmap(loss, in_dims=(0, None))(torch.stack([X, 2 * X]), SHARES)
    assert_close(many, torch.stack([loss(X, SHARES), loss(2 * X, SHARES)]))
    assert_close(torch.func.grad(loss)(X, SHARES), torch.autograd.functional.jacobian(lambda x: loss(x, SHARES), X))
    exported = torch.export.export(MixupLoss(), (X, A, B, SHARES)).module()
    assert_close(exported(X, A, B, SHARES), loss(X, SHARES))


def test_module_remembers_its_options() -> None:
    module = MixupLoss(weight=WEIGHT, reduction="sum")
    for one in (module, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert_close(one(X, A, B, 0.3), mixup_loss(X, A, B, 0.3, weight=WEIGHT, reduction="sum"))
    assert repr(MixupLoss(reduction="sum")) == "MixupLoss(reduction='sum')"


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    with pytest.raises(ValueError, match=r"`lam` must be between 0.0 and 1.0, got 1.5"):
        mixup_loss(X, A, B, 1.5)
    with pytest.raises(ValueError, match=r"`lam` must be a number or have shape \(6,\), one share per row, got \(3,\)"):
        mixup_loss(X, A, B, torch.ones(3))
    with pytest.raises(TypeError, match=r"`lam` must be a number, got str"):
        mixup_loss(X, A, B, "half")
    with pytest.raises(
        ValueError, match=r"`target_a` and `target_b` must both hold class indices or both probabilities"
    ):
        mixup_loss(X, A, F.one_hot(B, 3).double(), 0.5)
    with pytest.raises(TypeError, match=r"`target_b` must be a tensor, got list.*`torch.as_tensor\(target_b\)`"):
        mixup_loss(X, A, [0, 1], 0.5)
    with pytest.raises(TypeError, match=r"`loss` must be a class loss such as `focal_loss`, got str"):
        MixupLoss(loss="focal")
    with pytest.raises(ValueError, match=r"`target_a` must have shape .*one index per row"):
        mixup_loss(X, A[:3], B[:3], 0.5)
