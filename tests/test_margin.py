"""The margin m = z_t - logsumexp of the others: its digits, its derivatives of every order, its two code paths."""

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import hessian, jacfwd, jacrev
from torch.testing import assert_close

from companion import _margin
from companion._margin import margin, margins, plain_margin, sigmoid, upcast

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")

Z = torch.tensor([[1.0, -2.0, 0.5], [0.0, 0.0, 0.0], [30.0, -5.0, 29.0]], dtype=torch.float64)
T = torch.tensor([0, 1, 2])


def by_definition(z: Tensor, t: Tensor) -> Tensor:
    others = z.masked_fill(F.one_hot(t, z.shape[1]).bool(), -torch.inf)
    return z.gather(1, t[:, None]).squeeze(1) - others.logsumexp(1)


@pytest.fixture(params=["kernel", "plain"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test through the autograd.Function and through plain operations."""
    if request.param == "plain":
        monkeypatch.setattr(_margin, "_in_transform", lambda: True)


@pytest.mark.usefixtures("path")
def test_definition() -> None:
    assert_close(margin(Z, T), by_definition(Z, T))


@pytest.mark.usefixtures("path")
def test_pixels() -> None:
    z, t = torch.randn(2, 4, 3, 5, dtype=torch.float64), torch.randint(4, (2, 3, 5))
    rows = by_definition(z.movedim(1, -1).reshape(-1, 4), t.reshape(-1)).view(2, 3, 5)
    assert_close(margin(z, t), rows)


@pytest.mark.usefixtures("path")
def test_two_classes_are_one_logit() -> None:
    x = torch.tensor([-80.0, -3.0, 0.0, 7.5, 80.0])
    two = torch.stack([torch.zeros_like(x), x], dim=1)
    assert_close(margin(two, torch.ones(5, dtype=torch.long)), x)
    assert_close(margin(two, torch.zeros(5, dtype=torch.long)), -x)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_is_at_least_single_precision(dtype: torch.dtype) -> None:
    z = Z.to(dtype)
    found = margin(z, T)
    assert found.dtype == torch.promote_types(dtype, torch.float32)
    assert_close(found, by_definition(upcast(z), T))


@pytest.mark.usefixtures("path")
def test_first_to_third_derivatives() -> None:
    z = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    t = torch.tensor([2, 0])
    assert gradcheck(lambda x: margin(x, t), z, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(lambda x: margin(x, t), z, check_fwd_over_rev=True, check_batched_grad=True)

    def slope(x: Tensor) -> Tensor:
        return torch.autograd.grad(margin(x, t).sin().sum(), x, create_graph=True)[0]

    assert gradgradcheck(slope, z)


def test_backward_may_run_again_in_any_order() -> None:
    """The kernel may use up what it saved; another pass through the same graph must not see that."""
    for plan in ([False, False], [True, False], [False, True, False], [False, True, True]):
        z = Z.clone().requires_grad_()
        loss = margin(z, T).sin().sum()
        right = torch.autograd.grad(by_definition(z, T).sin().sum(), z)[0]
        for create_graph in plan:
            (found,) = torch.autograd.grad(loss, z, retain_graph=True, create_graph=create_graph)
            assert_close(found, right)


def test_the_logits_may_be_overwritten_after_the_forward_pass() -> None:
    """As after torch's own cross entropy, which keeps the softmax and not the logits."""
    for loss in (F.cross_entropy, lambda y, t: -F.logsigmoid(margin(y, t)).mean()):
        z = Z.clone().requires_grad_()
        logits = 1 * z
        value = loss(logits, T)
        logits.detach().zero_()
        value.backward()
        assert_close(z.grad, torch.autograd.grad(F.cross_entropy(z, T), z)[0])


@pytest.mark.as_user
def test_every_nesting_of_the_transforms_agrees() -> None:
    def f(z: Tensor) -> Tensor:
        return margin(z, T).sin().sum()

    right = torch.autograd.functional.hessian(f, Z)
    for nested in (hessian(f), jacrev(jacrev(f)), jacfwd(jacfwd(f)), jacfwd(jacrev(f)), jacrev(jacfwd(f))):
        assert_close(nested(Z), right)
    third = torch.autograd.functional.jacobian(lambda z: torch.autograd.functional.hessian(f, z, create_graph=True), Z)
    for nested in (jacfwd(jacfwd(jacfwd(f))), jacrev(jacfwd(jacrev(f)))):
        assert_close(nested(Z), third)


@pytest.mark.as_user
def test_transforms_are_noticed() -> None:
    """Were torch to drop the private name, every call would take the plain path: right, and slower."""
    seen = []
    torch.func.vmap(lambda x: seen.append(_margin._in_transform()) or x)(torch.zeros(2))
    assert seen == [True]
    assert not _margin._in_transform()


@pytest.mark.usefixtures("path")
def test_impossible_others() -> None:
    z = torch.tensor([[1.0, -torch.inf, -torch.inf]], requires_grad=True)
    m = margin(z, torch.tensor([0]))
    assert m > 1e38
    (gradient,) = torch.autograd.grad(F.logsigmoid(m), z)
    assert not gradient.any()  # finite, too: NaN counts as true


@pytest.mark.usefixtures("path")
def test_an_impossible_target_is_infinitely_wrong() -> None:
    assert margin(torch.tensor([[-torch.inf, 0.0, 0.0]]), torch.tensor([0])) == -torch.inf


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("index", [-1, 3, 4, 300])
def test_an_index_out_of_range_raises(index: int) -> None:
    """By position in memory an index of 3 would be the first class of the next row."""
    for shape in ((4, 3), (4, 3, 2)):
        t = torch.zeros(4, *shape[2:], dtype=torch.long)
        t.view(-1)[1] = index
        with pytest.raises((IndexError, RuntimeError), match=r"out of (range|bounds)"):
            margin(torch.zeros(shape), t)


def test_margins_are_those_of_every_class() -> None:
    z = torch.randn(4, 5, 2, dtype=torch.float64)
    each = torch.stack([margin(z, torch.full((4, 2), c)) for c in range(5)], dim=1)
    assert_close(margins(z), each)


def test_margins_keep_their_digits_in_both_tails() -> None:
    z = torch.tensor([[20.0, 0.0, 0.0], [5.0, 5.0, -90.0], [1e4, 0.0, 50.0]])
    right = torch.stack([by_definition(z.double(), torch.full((3,), c)) for c in range(3)], dim=1)
    found = margins(z)
    assert_close(found.double()[:2], right[:2], rtol=1e-6, atol=1e-6)
    assert_close(F.logsigmoid(found[2]).double(), F.logsigmoid(right[2]), rtol=1e-6, atol=0)


def test_margins_have_two_derivatives() -> None:
    z = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(margins, z, check_forward_ad=True)
    assert gradgradcheck(margins, z)


def test_sigmoid_has_a_slope_at_both_ends() -> None:
    for x in (40.0, -40.0):
        t = torch.tensor(x, requires_grad=True)
        sigmoid(t).backward()
        assert_close(t.grad.item(), math.exp(-40), rtol=1e-6, atol=0)
    flat = torch.tensor(40.0, requires_grad=True)
    torch.sigmoid(flat).backward()
    assert flat.grad == 0  # what it is for


def test_upcast() -> None:
    assert upcast(torch.zeros(1, dtype=torch.float16)).dtype == torch.float32
    for dtype in (torch.float32, torch.float64):
        x = torch.zeros(1, dtype=dtype)
        assert upcast(x) is x


def test_every_pass_through_one_graph_gives_the_same_gradient():
    x = torch.randn(5, 4, requires_grad=True)
    m = margin(x, torch.tensor([0, 1, 2, 3, 0]))
    first, second = (torch.autograd.grad(m.sum(), x, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)


def test_batched_gradients_on_the_first_pass():
    x = torch.randn(2, 3, requires_grad=True)
    m = margin(x, torch.tensor([0, 2]))
    (rows,) = torch.autograd.grad(m, x, torch.eye(2), is_grads_batched=True)
    one_by_one = [torch.autograd.grad(margin(x, torch.tensor([0, 2]))[i], x)[0] for i in range(2)]
    torch.testing.assert_close(rows, torch.stack(one_by_one))


@pytest.mark.parametrize("of", [margin, plain_margin])
def test_what_is_not_a_number_stays_one(of: Callable[[Tensor, Tensor], Tensor]) -> None:
    """A model that has diverged must not look perfect, compiled or not."""
    x = torch.tensor([[torch.nan, torch.nan], [1.0, torch.nan], [torch.nan, 1.0]])
    assert of(x, torch.zeros(3, dtype=torch.long)).isnan().all()
