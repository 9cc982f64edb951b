"""The plumbing of the losses of residuals: the short way of autograd and the plain one agree, far out as well."""

import pytest
import torch
from torch.func import grad
from torch.testing import assert_close

from companion import losses
from companion.losses.regression._residual import CAP, capped_exp
from tests.losses.info import OwnInfo
from tests.losses.own_regression import REGRESSION
from tests.losses.own_samples import far_out, value_and_gradients

SHORT = [losses.cauchy_loss, losses.charbonnier_loss, losses.geman_mcclure_loss, losses.log_cosh_loss]
SHORT += [losses.linex_loss, losses.tukey_loss, losses.welsch_loss, losses.barron_loss]


@pytest.mark.as_user
@pytest.mark.parametrize("info", REGRESSION, ids=lambda info: info.name)
def test_the_plain_way_is_as_exact_far_out(info: OwnInfo) -> None:
    """As torch.func and torch.compile go, which look into every step."""
    for call in far_out(info):
        plain = grad(lambda *moving, call=call: call.whole(*moving).sum())(*(m.detach() for m in call.moving))
        assert_close(plain, value_and_gradients(call)[1], rtol=1e-5, atol=1e-37)


@pytest.mark.parametrize("loss", SHORT, ids=lambda loss: loss.__name__)
def test_nothing_is_kept_but_the_residual(loss: object) -> None:
    input, target = torch.randn(200, 50), torch.randn(200, 50)
    kept: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        loss(input.requires_grad_(), target)
    assert sum(kept) == input.numel()


def test_capped_exp() -> None:
    u = torch.tensor([-1e4, 0.0, 40.0, 41.0, 1e4], dtype=torch.float64, requires_grad=True)
    found = capped_exp(u)
    found.sum().backward()
    top = torch.tensor(CAP, dtype=torch.float64).exp().item()
    assert_close(found.detach(), torch.tensor([0.0, 1.0, top, 2 * top, 9961 * top], dtype=torch.float64))
    assert_close(u.grad, torch.tensor([0.0, 1.0, top, top, top], dtype=torch.float64))
