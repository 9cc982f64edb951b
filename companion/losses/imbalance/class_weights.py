"""Weights for classes of unequal size."""

from typing import Literal

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from companion._options import check_options


def class_weights(
    counts: Shaped[Tensor, " classes"],
    *,
    scheme: Literal["inverse", "sqrt", "effective", "median"] = "inverse",
    power: float = 1.0,
    beta: float = 0.999,
) -> Float[Tensor, " classes"]:
    r"""One weight per class, larger for the rarer ones, to hand to a loss as ``weight``.

    With :math:`n_c` examples of class c,

    ============== ==================================================== =======================================
    scheme         weight                                               scale
    ============== ==================================================== =======================================
    ``inverse``    :math:`n_c^{-\mathrm{power}}`                        mean 1
    ``sqrt``       :math:`n_c^{-1/2}`                                   mean 1
    ``effective``  :math:`(1 - \beta) / (1 - \beta^{n_c})`              mean 1
    ``median``     :math:`\mathrm{median}(n) / n_c`                     1 for the class of median size
    ============== ==================================================== =======================================

    ``inverse`` and ``median`` differ by a constant, which a weighted mean cancels. ``effective`` goes from no
    weights at ``beta=0`` to ``inverse`` as ``beta`` nears 1. The full correction of ``inverse`` makes a model answer
    as if the classes were even: its probabilities are then wrong for the data as they are.

    Args:
        counts: Examples per class, ``(C,)``, integer or floating point, such as ``torch.bincount(target)``. A count
            of 0 is read as 1.
        scheme: Which of the four.
        power: Strength of ``inverse``: 0 gives no weights, 0.5 is ``sqrt``.
        beta: Of ``effective``, in [0, 1): each further example is worth ``beta`` times the one before.

    Returns:
        Weights ``(C,)`` on the device of ``counts``, in the default floating point type or that of ``counts``.

    Raises:
        TypeError: If ``counts`` is not a tensor.
        ValueError: If ``counts`` has not one axis or an option is out of range.

    Example:
        >>> import torch
        >>> counts = torch.tensor([90, 9, 1])
        >>> class_weights(counts)  # (1/90, 1/9, 1) over their mean
        tensor([0.0297, 0.2970, 2.6733])
        >>> class_weights(counts, scheme="effective", beta=0.9)
        tensor([0.2375, 0.3877, 2.3748])

    References:
        Cui, Jia, Lin, Song, Belongie, *Class-Balanced Loss Based on Effective Number of Samples*, CVPR 2019,
        section 4 (``effective``, and its beta: 0.9, 0.99, 0.999 or 0.9999). https://arxiv.org/abs/1901.05555

        Eigen, Fergus, *Predicting Depth, Surface Normals and Semantic Labels with a Common Multi-Scale Convolutional
        Architecture*, ICCV 2015, section 6.3 (``median``). https://arxiv.org/abs/1411.4734
    """
    check_options("class_weights", counts=counts, scheme=scheme, power=power, beta=beta)
    n = counts if counts.is_floating_point() else counts.to(torch.get_default_dtype())
    n = n.clamp_min(1)
    if scheme == "median":
        return n.median() / n
    if scheme == "effective":
        if beta == 0:
            return torch.ones_like(n)
        # 1 - beta^n as -expm1(n log beta): no cancellation for beta near 1.
        w = 1 / -torch.expm1(n * torch.log(torch.tensor(beta, dtype=torch.float64)).to(n.dtype))
    else:
        w = n.pow(-0.5 if scheme == "sqrt" else -power)
    return w / w.mean()
