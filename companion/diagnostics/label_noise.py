"""Label noise by confident learning: which labels look wrong, and how often is which class called which?"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor


class LabelNoise(NamedTuple):
    """What :func:`label_noise` returns."""

    transition: Tensor
    prior: Tensor
    believed: Tensor
    suspect: Tensor


def label_noise(labels: Integer[Tensor, " rows"], prob: Float[Tensor, "rows classes"]) -> LabelNoise:
    r"""Finds the labels that a model which has not seen them does not believe, and estimates the noise from them.

    A row seems to have class j if its probability reaches what is usual for rows that are labelled j,

    .. math:: p_j(x) \ge \frac{1}{|\{i : y_i = j\}|} \sum_{i : y_i = j} p_j(x_i) ,

    and if several classes do, it has the most probable of them. The counts of given against apparent class, scaled so
    that each given class has as many rows as there are labels, estimate the joint distribution of given and true label.

    It can only see noise that the model does not share. Where the labels err in the same way for everything that looks
    alike, the model learns the errors, and nothing seems wrong.

    Args:
        labels: Given labels ``(N,)``, each class at least once.
        prob: Probabilities ``(N, C)`` from a model that was not trained on the row in question, for instance by
            cross-validation. A model that has seen the label believes it.

    Returns:
        * ``transition``: estimated probability of each label ``(C, C)``, the row being the true class, the column the
          given one; rows sum to 1. It is what :func:`companion.losses.forward_correction_loss` takes. A class that no
          row seems to have is taken to be free of noise.
        * ``prior``: estimated share of each true class ``(C,)``.
        * ``believed``: the class that each row seems to have ``(N,)``; its label where it seems to have none.
        * ``suspect``: where ``believed`` is not the label ``(N,)``.

    Raises:
        TypeError: If ``labels`` is not integer or ``prob`` not floating point.
        ValueError: If shapes disagree, a label is out of range, or a class has no row.

    Example:
        >>> labels = torch.tensor([0, 0, 0, 1, 1, 1])
        >>> prob = torch.tensor([0.9, 0.8, 0.1, 0.2, 0.1, 0.2])  # of class 0: the third row looks like class 1
        >>> found = label_noise(labels, torch.stack([prob, 1 - prob], 1))
        >>> found.suspect
        tensor([False, False,  True, False, False, False])
        >>> found.transition  # a quarter of the rows of class 1 are called 0
        tensor([[1.0000, 0.0000],
                [0.2500, 0.7500]])

    References:
        Northcutt, Jiang, Chuang, *Confident Learning: Estimating Uncertainty in Dataset Labels*, Journal of Artificial
        Intelligence Research 2021, equations (1) to (3). https://arxiv.org/abs/1911.00068
    """
    _check(labels, prob)
    classes = prob.shape[1]
    labels = labels.long()
    of_label = torch.nn.functional.one_hot(labels, classes).to(prob.dtype)
    size = of_label.sum(0)
    usual = (of_label * prob).sum(0) / size
    confident = prob >= usual
    counted = confident.any(1)
    believed = torch.where(counted, prob.masked_fill(~confident, -1.0).argmax(1), labels)

    pairs = torch.bincount(labels[counted] * classes + believed[counted], minlength=classes**2)
    clean = torch.eye(classes).to(prob)
    given_true = pairs.view(classes, classes).to(prob.dtype)
    # The surest row of a label reaches its mean, but for rounding where all are alike.
    given_true = torch.where(given_true.sum(1, keepdim=True) > 0, given_true, clean)
    joint = given_true / given_true.sum(1, keepdim=True) * size.unsqueeze(1) / size.sum()
    prior = joint.sum(0)
    transition = torch.where(prior.unsqueeze(1) > 0, joint.t() / prior.unsqueeze(1), clean)
    return LabelNoise(transition, prior, believed, believed != labels)


def _check(labels: Tensor, prob: Tensor) -> None:
    if not prob.is_floating_point() or prob.dim() != 2 or prob.shape[1] < 2:
        kind = ValueError if prob.is_floating_point() else TypeError
        raise kind(
            "`prob` must hold floating-point probabilities (N, C) with at least two classes, "
            f"got {tuple(prob.shape)} of {prob.dtype}."
        )
    if labels.is_floating_point() or labels.dtype == torch.bool:
        raise TypeError(f"`labels` must hold integer class indices, got {labels.dtype}.")
    if labels.shape != prob.shape[:1]:
        raise ValueError(f"`labels` must have shape ({len(prob)},), one per row of `prob`, got {tuple(labels.shape)}.")
    classes = prob.shape[1]
    if int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise ValueError(
            f"`labels` must lie between 0 and {classes - 1}, got {int(labels.min())} to {int(labels.max())}."
        )
    empty = [c for c, n in enumerate(torch.bincount(labels.long(), minlength=classes).tolist()) if n == 0]
    if empty:
        raise ValueError(f"`labels` must hold every class of `prob` at least once, got none of {empty}.")
