"""What a loss seems to be asked: where its truth lies, what a wrong prediction is, where predictions live.

Nothing is known of the loss but its numbers. Every guess here can be overruled by ``truth``.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from companion.diagnostics._loss.case import Case, show

Kind = Literal["classes", "binary", "soft", "real", "unknown"]
Domain = Literal["free", "positive", "unit", "simplex", "log-simplex"]
SURE = 20.0
LOOK = 1000  # targets among which single predictions are chosen
MARGINS = (10.0, 15.0, 20.0, 25.0, 30.0)


@dataclass(frozen=True)
class Question:
    """A case read as predictions and their target, with the prediction that is right where it is known."""

    case: Case
    given: Tensor | None = None
    guess: bool = True

    @functools.cached_property
    def domain(self) -> Domain:
        """Where predictions live, read off the given ones."""
        x = self.case.input
        if not bool(x.isfinite().all()) or x.numel() < 2:
            return "free"
        if bool((x >= 0).all()) and bool((x <= 1).all()):
            return "unit" if self._axis(x.log()) is None else "simplex"
        if self._axis(x) is not None:
            return "log-simplex"
        return "positive" if bool((x > 0).all()) and x.numel() > 3 else "free"

    def _axis(self, x: Tensor) -> int | None:
        """The axis along which the exponentials sum to 1."""
        wide = [d for d in (1, *range(x.dim() - 1, 1, -1)) if d < x.dim() and x.shape[d] > 1]
        return next((d for d in wide if bool((x.logsumexp(d).abs() < 1e-3).all())), None)

    def into(self, z: Tensor) -> Tensor:
        """The prediction of these logits."""
        if self.domain in ("simplex", "log-simplex"):
            x = self.case.input
            axis = self._axis(x if self.domain == "log-simplex" else x.log())
            log_p = z.log_softmax(1 if axis is None else axis)
            return log_p if self.domain == "log-simplex" else log_p.exp()
        return {"unit": torch.sigmoid, "positive": torch.exp}.get(self.domain, torch.clone)(z)

    def out(self, x: Tensor) -> Tensor:
        """The logits of a prediction, large ones cut where float32 would round."""
        if self.domain == "unit":
            return torch.logit(x.clamp(1e-9, 1 - 1e-6))
        if self.domain in ("positive", "simplex"):
            return x.clamp(min=1e-12).log()
        return x

    def move(self, x: Tensor, by: Tensor | float) -> Tensor:
        """A prediction moved within the domain."""
        return self.into(self.out(x) + by)

    @property
    def linked(self) -> Case:
        """The case as a function of logits."""
        if self.domain == "free":
            return self.case
        return replace(self.case, input=self.out(self.case.input), link=self.into)

    @functools.cached_property
    def kind(self) -> Kind:
        """Class indices; yes or no for each number; rows of probabilities; numbers; or nothing known."""
        x, target = self.case.input, self.case.target
        if not self.guess or not target:
            return "unknown"
        y = target[0]
        whole = not y.is_floating_point() and not y.is_complex()
        if y.shape == x.shape:
            if any(bool(((y == no) | (y == 1)).all()) for no in (0, -1)):
                return "binary"
            shares = not whole and y.dim() > 1 and y.shape[1] > 1 and bool((y >= 0).all())
            return "soft" if shares and torch.allclose(y.sum(1), torch.ones_like(y.sum(1)), atol=1e-3) else "real"
        rows = (*x.shape[:1], *x.shape[2:])
        if whole and x.dim() > 1 and y.shape == rows:
            inside = y[(y >= 0) & (y < x.shape[1])]
            return "classes" if inside.numel() and not self._only_compares() else "unknown"
        follows = not whole and y.dim() > 0 and x.dim() == y.dim() + 1 and y.shape == x.shape[:-1]
        return "real" if follows else "unknown"

    def _only_compares(self) -> bool:
        """Whether another name for every class changes nothing: then the target says which rows belong together."""
        case, y = self.case.fine, self.case.target[0]
        values = []
        for shift in (1, 2):
            other = torch.where(y >= 0, (y + shift) % self.case.input.shape[1], y)
            values.append(case.finite(case.input, (other, *case.target[1:])))
        here = case.value()
        return all(v is not None and abs(v - here) <= 1e-9 * (1 + abs(here)) for v in values)

    @functools.cached_property
    def truth(self) -> Tensor | None:
        """The prediction at which the loss is to be lowest."""
        if self.given is not None:
            return self.given.to(self.case.input)
        found = [(v, x) for x in self._candidates() if (v := self.case.finite(x)) is not None]
        if not found:
            return None
        lowest = min(v for v, _ in found)
        return next(x for v, x in found if v <= lowest + 1e-6 * (1 + abs(lowest)))

    def _candidates(self) -> Iterator[Tensor]:
        """Right predictions for each way of reading the input; the loss is lowest at the one that it means."""
        if self.kind in ("classes", "binary"):
            direction = self.direction()
            yield self.into(self._confidence(direction) * direction)
            if self.kind == "classes":  # of a yes or no for each class
                yield self.into(SURE * (2 * direction - 1))
        if self.kind in ("real", "binary", "soft"):
            y = self.case.target[0].to(self.case.input)
            y = y.reshape((*y.shape, *[1] * (self.case.input.dim() - y.dim()))).expand_as(self.case.input).clone()
            yield y
            if bool((y >= 0).all()):
                yield y.clamp(min=1e-9).log()
                if bool((y <= 1).all()):
                    yield torch.logit(y, eps=1e-9)

    def direction(self) -> Tensor:
        """1 for the true class and 0 for the others; for one logit, 1 for yes and -1 for no."""
        x, y = self.case.input, self.case.target[0]
        if self.kind == "binary":
            return 2 * (y > 0).to(x) - 1
        inside = (y >= 0) & (y < x.shape[1])
        one_hot = F.one_hot(torch.where(inside, y, 0).long(), x.shape[1]).movedim(-1, 1)
        return (one_hot * inside.unsqueeze(1)).to(x)

    def _confidence(self, direction: Tensor) -> float:
        """20, or less where the loss is lower there, as with label smoothing."""

        def at(size: float) -> float:
            value = self.case.finite(self.into(size * direction))
            return float("inf") if value is None else value

        best = min((SURE, 15.0, 10.0, 7.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.5), key=at)
        if best == SURE or at(SURE) - at(best) <= 1e-6 * (1 + abs(at(best))):
            return SURE
        low, high = best / 2, best * 1.5
        for _ in range(30):
            third = (high - low) / 3
            low, high = (low, high - third) if at(low + third) < at(high - third) else (low + third, high)
        return (low + high) / 2

    @property
    def settled(self) -> bool:
        """Whether the target, and it alone, tells the truth."""
        if self.given is not None:
            return True
        if self.truth is None or self.kind == "soft" or len(self.case.target) != 1:
            return False
        # Several columns for one target may be quantiles of it, or a mean and a variance.
        return self.kind == "classes" or self.case.target[0].numel() == self.case.input.numel()

    @property
    def sure(self) -> bool:
        """Whether the truth is known as far as it goes, and not the best of a range."""
        if self.given is not None or self.kind not in ("classes", "binary") or self.truth is None:
            return True
        return bool(self.truth.abs().max() >= SURE) or self.domain != "free"

    def units(self, most: int = 4) -> list[tuple[int | slice, ...]]:
        """Places of single predictions: rows of logits, or numbers, one for each target that occurs and some more."""
        if self.kind in ("unknown", "soft"):
            return []
        y = self.case.target[0]
        flat = y.flatten()[:LOOK].tolist()
        first = {v: i for i, v in reversed(list(enumerate(flat)))}.values()
        order = [*sorted(first), *sorted(set(range(len(flat))).difference(first))]
        if self.kind == "classes":
            order = [i for i in order if 0 <= flat[i] < self.case.input.shape[1]]
        places = [tuple(int(i) for i in torch.unravel_index(torch.tensor(i), y.shape)) for i in order[:most]]
        if self.kind == "classes":
            return [(place[0], slice(None), *place[1:]) for place in places]
        return [(*place, *[0] * (self.case.input.dim() - len(place))) for place in places]

    def describe(self, unit: tuple[int | slice, ...], x: Tensor) -> str:
        """A single prediction and its target."""
        y = self.case.target[0]
        target = y[tuple(i for i in unit if i != slice(None))[: y.dim()]]
        return f"one prediction is {show(x[unit])}, its target {show(target)}"

    def wrong(self, unit: tuple[int | slice, ...], margin: float) -> Tensor | None:
        """The given predictions but for one, which is wrong by this margin; None where the domain ends before."""
        x = self.case.input.clone()
        z = torch.zeros_like(x)
        if self.kind == "classes":
            y = int(self.case.target[0][(unit[0], *unit[2:])])
            z[unit][(y + 1) % x.shape[1]] = abs(margin)
        elif self.kind == "binary" and not self.reads_numbers:
            z[unit] = -abs(margin) * self.direction()[unit]
        else:
            if self.truth is None:
                return None
            x[unit] = self.truth[unit] + margin
            return x if self.domain == "free" or (self.domain == "positive" and x[unit] > 0) else None
        x[unit] = self.into(z)[unit]
        return x

    @property
    def reads_numbers(self) -> bool:
        """Whether the truth is the target itself, as for a residual."""
        y = self.case.target[0]
        if self.truth is None or self.truth.shape != y.shape or self.domain not in ("free", "positive"):
            return False
        return torch.equal(self.truth, y.to(self.truth))
