"""The rule of every option of every loss, in one table for the functions and their Modules alike."""

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from companion._checks import (
    Rule,
    above,
    above_up_to,
    at_least,
    below,
    between,
    count,
    finite,
    flag,
    from_up_to,
    inside,
    integer,
    one_of,
)


def loss_function(name: str, value: Any) -> None:
    if value is not None and not callable(value):
        raise TypeError(f"`{name}` must be a class loss such as `focal_loss`, got {type(value).__name__}.")


def per_class(name: str, value: Any, *, of: str = "class") -> None:
    """One number per class, in a tensor; that it fits `input` is known only when the loss is called."""
    if value is None:
        return
    if not isinstance(value, Tensor):
        raise TypeError(f"`{name}` must be a tensor, got {type(value).__name__}. Did you mean `torch.tensor({name})`?")
    if value.dim() != 1:
        raise ValueError(f"`{name}` must have one axis, one number per {of}, got shape {tuple(value.shape)}.")


def square(name: str, value: Any, *, of: str = "class") -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"`{name}` must be a tensor, got {type(value).__name__}. Did you mean `torch.tensor({name})`?")
    if value.dim() != 2 or value.shape[0] != value.shape[1]:
        raise ValueError(f"`{name}` must be square, one row and one column per {of}, got shape {tuple(value.shape)}.")


def focal_alpha(name: str, value: Any) -> None:
    if isinstance(value, Tensor) and value.dim() > 0:
        per_class(name, value)
    else:
        share(name, value)


def class_index(name: str, value: Any) -> None:
    integer(name, value)
    if value < 0:
        raise ValueError(f"`{name}` must be the index of a class, at least 0, got {value}.")


def count_or_none(name: str, value: Any) -> None:
    if value is not None:
        count(name, value)


def share(name: str, value: Any) -> None:
    if value is not None:
        between(0.0, 1.0, learned=True)(name, value)


def positive(name: str, value: Any) -> None:
    """A number above 0, or a tensor to be learned, whatever its value."""
    if isinstance(value, Tensor):
        at_least(0.0, learned=True)(name, value)
    else:
        above(0.0)(name, value)


def per_tag(name: str, value: Any) -> None:
    per_class(name, value, of="tag")


def between_tags(name: str, value: Any) -> None:
    square(name, value, of="tag")


def between_tags_or_none(name: str, value: Any) -> None:
    if value is not None:
        between_tags(name, value)


def price(name: str, value: Any) -> None:
    """A number, or a tensor with one or with one per pair of tags, whole or not."""
    if not isinstance(value, Tensor):
        at_least(0.0)(name, value)
    elif value.dim() > 0:
        between_tags(name, value)


def odd(name: str, value: Any) -> None:
    count(name, value)
    if value % 2 == 0:
        raise ValueError(f"`{name}` must be odd, so that it has a middle, got {value}.")


def level(name: str, value: Any) -> None:
    """A number strictly between 0 and 1, or a tensor with one."""
    (between(0.0, 1.0, learned=True) if isinstance(value, Tensor) else inside(0.0, 1.0))(name, value)


def levels(name: str, value: Any) -> None:
    """One level, or several that rise; the values of a tensor are not looked at."""
    if isinstance(value, Tensor) and value.dim() == 1 and len(value) > 0 and value.is_floating_point():
        return
    if isinstance(value, (Tensor, int, float)):
        level(name, value)
        return
    if not isinstance(value, (tuple, list)):
        raise TypeError(f"`{name}` must be a number, or several in a tuple or a tensor, got {type(value).__name__}.")
    for one in value:
        inside(0.0, 1.0)(name, one)
    if not value or any(a >= b for a, b in pairwise(value)):
        raise ValueError(f"`{name}` must be quantiles in rising order, at least one, got {value}.")


def barron_alpha(name: str, value: Any) -> None:
    if not isinstance(value, Tensor) and value == -math.inf:
        return
    if isinstance(value, Tensor):
        finite(name, value)
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"`{name}` must be a number, got {type(value).__name__}.")
    elif not value <= 2:
        raise ValueError(f"`{name}` must be at most 2, above which the loss is not robust, got {value}.")


def random_source(name: str, value: Any) -> None:
    if value is not None and not isinstance(value, torch.Generator):
        raise TypeError(f"`{name}` must be a torch.Generator or None, got {type(value).__name__}.")


def nonzero(name: str, value: Any) -> None:
    below(math.inf)(name, value)
    if value == 0:
        raise ValueError(f"`{name}` must not be 0, got {value}.")


# One rule per option name, for the functions and their Modules alike; "function.option" overrides "option".
RULES: dict[str, Rule] = {
    "A": below(0.0),
    "AdaptiveBarronLoss.alpha": inside(0.001, 1.999),
    "AdaptiveBarronLoss.c": above(1e-5),
    "ELRLoss.beta": from_up_to(0.0, 1.0),
    "a": nonzero,
    "absent": one_of("penalise", "skip"),
    "alpha": at_least(0.0, learned=True),
    "barron_loss.alpha": barron_alpha,
    "batch": flag,
    "beta": at_least(0.0, learned=True),
    "binary_focal_loss.alpha": share,
    "binary_focal_tversky_loss.gamma": positive,
    "blank": class_index,
    "bootstrap_loss.beta": share,
    "c": above(0.0),
    "charbonnier_loss.eps": above(0.0),
    "chunk_size": count_or_none,
    "class_balanced_loss.beta": from_up_to(0.0, 1.0),
    "class_weights.beta": from_up_to(0.0, 1.0),
    "classes": count,
    "cost": square,
    "counts": per_class,
    "crossing": at_least(0.0),
    "data_range": above(0.0),
    "delta": above(0.0),
    "elbo_loss.free_bits": at_least(0.0),
    "end": per_tag,
    "epsilon": finite,
    "expectile_loss.tau": level,
    "false_weight": at_least(0.0),
    "features": count_or_none,
    "focal_loss.alpha": focal_alpha,
    "focal_tversky_loss.gamma": positive,
    "full": flag,
    "gamma": at_least(0.0, learned=True),
    "gaussian_nll_loss.beta": between(0.0, 1.0),
    "generator": random_source,
    "gradient_penalty.one_sided": flag,
    "gradient_penalty.target": at_least(0.0),
    "ignore_index": integer,
    "introvae_loss.margin": at_least(0.0),
    "introvae_loss.player": one_of("encoder", "generator"),
    "k": from_up_to(0.0, 1.0),
    "l1_ratio": between(0.0, 1.0, learned=True),
    "label_smoothing": between(0.0, 1.0),
    "loss": loss_function,
    "margin": at_least(0.0),
    "max_margin": at_least(0.0),
    "max_positives": count_or_none,
    "mining": one_of("all", "hard", "semi-hard"),
    "miss_weight": at_least(0.0),
    "mode": one_of("soft", "hard"),
    "order": count,
    "per": one_of("token", "sequence"),
    "pi": inside(0.0, 1.0),
    "power": at_least(0.0),
    "prior": per_class,
    "proximal_l1_.threshold": at_least(0.0),
    "q": above_up_to(0.0, 1.0, learned=True),
    "quantile_loss.tau": levels,
    "reduction": one_of("none", "mean", "sum"),
    "samples": count,
    "scale": above(0.0),
    "scheme": one_of("inverse", "sqrt", "effective", "median"),
    "sigma": above(0.0),
    "smooth": at_least(0.0),
    "smooth_l1_loss.beta": at_least(0.0),
    "soft_margin": flag,
    "sparsity_kl.rho": inside(0.0, 1.0),
    "squared": flag,
    "ssim_loss.sigma": at_least(0.1),
    "ssim_loss.window": odd,
    "start": per_tag,
    "strength": at_least(0.0),
    "structured_hinge_loss.cost": price,
    "structured_hinge_loss.transitions": between_tags_or_none,
    "t1": between(0.0, 1.0),
    "t2": between(1.0, 5.0),
    "tau": at_least(0.0, learned=True),
    "temperature": positive,
    "total_variation.isotropic": flag,
    "transition": square,
    "transitions": between_tags,
    "tweedie_loss.power": inside(1.0, 2.0),
    "weight": per_class,
}


def check_options(function: str, /, **options: Any) -> None:
    """Check every option of `function` against its rule."""
    for name, value in options.items():
        (RULES.get(f"{function}.{name}") or RULES[name])(name, value)
