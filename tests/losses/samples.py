"""Inputs and targets for the contract, and what the equation of the paper says about them."""

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from mpmath import exp, mpf
from torch import Tensor

from tests.losses.references import Number, Row, gradient, softmax
from tests.losses.registry import LossInfo, Options

Kind = Literal["index", "probability"]
PLAIN, IMAGES = (4, 3), (2, 3, 2, 2)

# Logits on which 1 - p, p, a sum or a power leaves float32 if written the obvious way; ties at three heights.
ADVERSARIAL = [
    [20.0, 0.0, 0.0],
    [17.0, 0.0, -3.0],
    [40.0, 0.0, 39.0],
    [1e4, 0.0, 0.0],
    [-30.0, 0.0, 5.0],
    [-100.0, 0.0, 100.0],
    [1e4, -1e4, 0.0],
    [0.0, 0.0, 0.0],
    [1e4, 1e4, 0.0],
    [-1e4, -1e4, -1e4],
    [88.0, 0.0, 87.0],
]


@dataclass(frozen=True, eq=False)
class Case:
    """One call of a loss."""

    info: LossInfo
    input: Tensor
    target: Tensor
    options: Options

    def __call__(self, input: Tensor | None = None, **options: Any) -> Tensor:
        return self.info(self.input if input is None else input, self.target, **{**self.options, **options})


def example(
    info: LossInfo,
    kind: Kind = "index",
    shape: Sequence[int] = PLAIN,
    dtype: torch.dtype = torch.float64,
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    """Random logits, and class indices (0 and 1 for a binary loss) or probabilities."""
    draw = torch.Generator().manual_seed(seed)
    input = 2 * torch.randn(*shape, dtype=torch.float64, generator=draw)
    soft = torch.rand(*shape, dtype=torch.float64, generator=draw)
    if info.binary:
        target = soft if kind == "probability" else soft.round()
    else:
        target = (3 * soft).softmax(dim=1) if kind == "probability" else soft.argmax(dim=1)
    return input.to(dtype), target.to(dtype) if target.is_floating_point() else target


def kinds(info: LossInfo) -> tuple[Kind, ...]:
    return ("index", "probability") if info.probabilities else ("index",)


@functools.cache
def random_cases(info: LossInfo) -> list[Case]:
    """Every setting of the loss's own options, every kind of target, with and without spatial axes, in float64."""
    return [
        Case(info, *example(info, kind, shape, seed=seed), options)
        for seed, options in enumerate(info.sweep)
        for kind in kinds(info)
        for shape in (PLAIN, IMAGES)
    ]


@functools.cache
def adversarial_cases(info: LossInfo) -> list[Case]:
    """The adversarial logits in float32, each class being the target in turn, and a mixture of two."""
    z = torch.tensor(ADVERSARIAL)
    if info.binary:
        x, y = z.view(-1, 1).repeat(2, 1), torch.arange(2.0).repeat_interleave(z.numel()).unsqueeze(1)
    else:
        x, y = z.repeat(3, 1), torch.arange(3).repeat_interleave(len(z))
    calls = [(x, y)]
    if info.region:  # images of one pixel and of three: what is wrong must not hide in a large sum
        calls = [(x.unflatten(0, (-1, n)).movedim(1, -1), y.unflatten(0, (-1, n)).movedim(1, -1)) for n in (1, 3)]
    if info.probabilities:
        mixed = torch.full_like(x, 0.75) if info.binary else torch.tensor([0.75, 0.25, 0.0]).expand_as(x)
        calls.append((x.unsqueeze(2), mixed.unsqueeze(2)))
    return [Case(info, *call, options) for options in info.sweep for call in calls if "batch" not in options]


@functools.cache
def expected(case: Case) -> tuple[Tensor, Tensor]:
    """The losses under ``reduction="none"`` and the gradient of their sum, both flattened, by the equation."""
    z = [mpf(v) for v in case.input.flatten().tolist()]
    losses: list[float] = []
    slopes = [0.0] * len(z)
    for places, f in _regions(case) if case.info.region else _rows(case):
        at = [z[i] for i in places]
        losses += [float(v) for v in f(at)]
        for i, slope in zip(places, gradient(lambda v, f=f: sum(f(v)), at), strict=True):
            slopes[i] = float(slope)
    return torch.tensor(losses, dtype=torch.float64), torch.tensor(slopes, dtype=torch.float64)


Unit = tuple[
    list[int], Callable[[Row], list[Number]]
]  # places in the flattened logits, and losses as a function of them


def _options(case: Case) -> dict[str, Any]:
    options = {**case.info.needs(case.input.shape[1]), **case.options}
    return {k: v.tolist() if isinstance(v, Tensor) else v for k, v in options.items()}


def _rows(case: Case) -> Iterator[Unit]:
    """One row of logits, or one logit of a binary loss, at a time."""
    reference, options = case.info.reference, _options(case)
    places = torch.arange(case.input.numel()).view(case.input.shape)
    if case.info.binary:
        for i, y in zip(places.flatten().tolist(), case.target.flatten().tolist(), strict=True):
            yield [i], lambda z, y=y: [reference(z[0], mpf(y), **options)]
        return
    for row, y in zip(_by_row(places), _by_row(dense(case)), strict=True):
        yield row, lambda z, y=y: [sum(mpf(q) * reference(z, c, **options) for c, q in enumerate(y) if q)]


def _regions(case: Case) -> Iterator[Unit]:
    """One image, or the batch where it is the region, at a time: a loss per class."""
    reference, options = case.info.reference, _options(case)
    pooled, skip = options.pop("batch", False) or case.input.dim() == 2, _absent(case) == "skip"
    options.pop("absent", None)
    places = torch.arange(case.input.numel()).view(case.input.shape)
    images = [slice(None)] if pooled else [slice(n, n + 1) for n in range(len(places))]
    classes = case.input.shape[1]
    for image in images:
        rows, targets = _by_row(places[image]), _by_row(dense(case)[image])

        def f(z: Row, targets: list[list[float]] = targets) -> list[Number]:
            logits = [z[i : i + classes] for i in range(0, len(z), classes)]
            p = logits if case.info.scores else [_probabilities(row, case.info.binary) for row in logits]
            y = [[mpf(v) for v in row] for row in targets]
            both = [([row[c] for row in p], [row[c] for row in y]) for c in range(classes)]
            if case.info.pooled:
                return [reference(both, skip=skip, **options)]
            return [mpf(0) if skip and sum(yc) == 0 else reference(pc, yc, **options) for pc, yc in both]

        yield [i for row in rows for i in row], f


def _absent(case: Case) -> str:
    return str(case.options.get("absent", inspect.signature(case.info.function).parameters["absent"].default))


def _probabilities(row: Row, binary: bool) -> list[Number]:
    return [1 / (1 + exp(-v)) for v in row] if binary else softmax(row)


def _by_row(x: Tensor) -> list[list[Any]]:
    """(N, C, *) to rows of C."""
    return x.movedim(1, -1).reshape(-1, x.shape[1]).tolist()


def dense(case: Case) -> Tensor:
    """The target as probabilities in the shape of the input."""
    if case.target.shape == case.input.shape:
        return case.target.double()
    return F.one_hot(case.target, case.input.shape[1]).movedim(-1, 1).double()
