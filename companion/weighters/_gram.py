"""Inner products of the gradients of the losses: K x K numbers, of which every gradient method is a function."""

from collections.abc import Iterable, Mapping

import torch
import torch.distributed as dist
from torch import Tensor, nn

Shared = Tensor | Iterable[Tensor] | nn.Module

# Gradients of float16 activations on the way underflow without the scaling that the optimiser's own backward pass has.
# A power of two is exact in the other dtypes.
_SCALE = 4096.0


def gram_matrix(losses: Mapping[str, Tensor], shared: Shared | None) -> Tensor:
    """Inner products ``(K, K)``, float64, of the gradients of the losses with respect to what they share.

    Features (tensors that the model computed) are cheap: the trunk below them is not visited, and between ranks K x K
    numbers travel. Parameters cost K passes through the trunk, and their K x P gradients must be averaged.
    """
    tensors, features = _tensors(shared)
    rows = [_gradients(name, loss, tensors) for name, loss in losses.items()]
    gram = torch.zeros((), dtype=torch.float64, device=tensors[0].device)
    for parts in zip(*rows, strict=True):  # tensor by tensor: the K x P matrix is never built
        jacobian = torch.stack([part.flatten() for part in parts])
        if not features:
            jacobian = mean_over_ranks(jacobian)
        gram = gram + (jacobian @ jacobian.T).double()
    # The loss averaged over R ranks has 1/R of a rank's gradient at that rank's features, which no other rank shares.
    gram = gram / _SCALE**2
    return mean_over_ranks(gram) / _ranks() if features else gram


def gradient_sizes(losses: Mapping[str, Tensor], shared: Shared | None) -> tuple[Tensor, Tensor]:
    """Largest and mean magnitude over all parameters of the gradient of each loss, ``(K,)`` each, float64."""
    tensors, features = _tensors(shared)
    if features:
        raise ValueError("`shared` must be parameters or a module, got features. This rule compares single gradients.")
    sizes = []
    for name, loss in losses.items():
        flat = mean_over_ranks(torch.cat([part.flatten() for part in _gradients(name, loss, tensors)])).double().abs()
        sizes.append(torch.stack([flat.amax(), flat.mean()]))
    largest, mean = torch.stack(sizes, 1) / _SCALE
    return largest, mean


def mean_over_ranks(tensor: Tensor) -> Tensor:
    """The mean over the processes of ``torch.distributed``, or the tensor itself where there is one."""
    ranks = _ranks()
    if ranks == 1:
        return tensor
    total = tensor.clone()
    dist.all_reduce(total)
    return total / ranks


def _ranks() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def _tensors(shared: Shared | None) -> tuple[list[Tensor], bool]:
    """The tensors to differentiate by, and whether they are features."""
    if shared is None:
        raise ValueError("`shared` must be given to this method: `weighter(losses, shared=features)`, or parameters.")
    if isinstance(shared, Tensor):
        found = [shared]
    else:
        found = list(shared.parameters() if isinstance(shared, nn.Module) else shared)
    for tensor in found:
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"`shared` must hold tensors, got {type(tensor).__name__}. For a dict pass its `.values()`."
            )
    needed = [tensor for tensor in found if tensor.requires_grad]
    if not needed:
        cure = " Are gradients off (`torch.no_grad`), or is the trunk frozen?" if found else ""
        raise ValueError(f"`shared` must hold a tensor that requires a gradient, got {len(found)} that do not.{cure}")
    leaves = {tensor.is_leaf for tensor in needed}
    if len(leaves) > 1:
        raise ValueError("`shared` must hold features or parameters, got both.")
    return needed, False in leaves


def _gradients(name: str, loss: Tensor, tensors: list[Tensor]) -> list[Tensor]:
    """Gradients of ``_SCALE`` times the loss, at least float32."""
    # The original scalar: an entry of stacked losses would send every one of the K passes through all K heads.
    found: tuple[Tensor | None, ...] = (None,)
    if loss.requires_grad:
        start = torch.full_like(loss, _SCALE)
        found = torch.autograd.grad(loss, tensors, start, retain_graph=True, allow_unused=True)
    if all(gradient is None for gradient in found):
        raise ValueError(
            f"`losses[{name!r}]` must depend on `shared`, but its gradient there does not exist. Pass the very tensor "
            "that the losses are computed from; if the whole model is compiled, pass its parameters."
        )
    return [
        torch.zeros_like(tensor, dtype=_wide(tensor)) if gradient is None else gradient.to(_wide(tensor))
        for gradient, tensor in zip(found, tensors, strict=True)
    ]


def _wide(tensor: Tensor) -> torch.dtype:
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32
