"""Elastic net: its two ends, a value by hand, and the minimiser that scikit-learn finds."""

import pytest
import torch
from sklearn.linear_model import ElasticNet
from torch import nn
from torch.testing import assert_close

from companion.losses import elastic_net_penalty, l1_penalty, l2_penalty

WEIGHTS = [torch.tensor([3.0, -4.0]), torch.tensor([[0.5]])]


def test_by_hand() -> None:
    assert_close(elastic_net_penalty([torch.tensor([3.0, -4.0])]), torch.tensor(9.75))
    assert_close(elastic_net_penalty([torch.tensor([3.0, -4.0])], l1_ratio=0.2), torch.tensor(1.4 + 10.0))


def test_the_ends_are_l1_and_half_of_l2() -> None:
    assert_close(elastic_net_penalty(WEIGHTS, l1_ratio=1.0), l1_penalty(WEIGHTS))
    assert_close(elastic_net_penalty(WEIGHTS, l1_ratio=0.0), l2_penalty(WEIGHTS) / 2)


def test_a_module_counts_neither_biases_nor_norms() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))
    assert_close(elastic_net_penalty(net), elastic_net_penalty([net[0].weight]))


def test_the_share_may_be_learned() -> None:
    share = torch.tensor(0.25, requires_grad=True)
    elastic_net_penalty(WEIGHTS, l1_ratio=share).backward()
    assert_close(share.grad, l1_penalty(WEIGHTS) - l2_penalty(WEIGHTS) / 2)


def test_the_slope_vanishes_at_the_minimum_that_scikit_learn_finds() -> None:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(60, 4, generator=draw, dtype=torch.float64)
    y = x @ torch.tensor([1.0, -2.0, 3.0, 0.5], dtype=torch.float64)
    fit = ElasticNet(alpha=0.1, l1_ratio=0.3, fit_intercept=False, tol=1e-14, max_iter=10**6).fit(x.numpy(), y.numpy())
    weight = torch.from_numpy(fit.coef_).requires_grad_()
    assert (weight != 0).all()
    ((x @ weight - y).square().mean() / 2 + 0.1 * elastic_net_penalty([weight], l1_ratio=0.3)).backward()
    assert_close(weight.grad, torch.zeros_like(weight), rtol=0, atol=1e-8)


@pytest.mark.as_user
def test_what_is_wrong_is_named() -> None:
    with pytest.raises(ValueError, match=r"`l1_ratio` must be between 0.0 and 1.0, got 1.5"):
        elastic_net_penalty(WEIGHTS, l1_ratio=1.5)
    with pytest.raises(TypeError, match=r"`params` must be a Module"):
        elastic_net_penalty(WEIGHTS[0])
