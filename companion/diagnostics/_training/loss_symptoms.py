"""Symptoms in the course of the losses, each with its threshold named and explained."""

import torch
from torch import Tensor

from companion.diagnostics._training.layer_symptoms import exploding_gradient
from companion.diagnostics._training.record import Record
from companion.diagnostics._training.symptom import Symptom, listed, symptom

LEAST = 30  # steps before a course is judged
OPENING = 10  # steps whose median says where a loss began
STUCK = 0.02  # a loss that has fallen by less than this share of where it began has not moved
SPIKE = 20.0  # so many times the upper spread (90 % to 50 %) of the losses around it, and three times the beginning
PERIODIC = 0.4  # share of the variance at one frequency: noise of 100 steps reaches 0.15, a smooth course 0.2
SWING = 0.05  # and so large a deviation, as a share of the level and of all that was gained
LOST = 0.5  # a loss that has lost more than this share of what it had gained, and of its size, diverges
VALIDATIONS = 5  # before overfitting is judged
OVERFIT = 0.1  # a held-out loss that has lost so much of what was gained; half of it is common noise
GREW = 100.0  # times the first value: what becomes infinite after that has been too large before
IMPROVED = 0.1  # what others must have gained before a part is called idle
TINY = 1e-3  # share of the sum below which a part that does not fall is too small to be heard


def smooth(values: Tensor) -> Tensor:
    """Medians over a twentieth of the course, at least 10 steps, from every step that has so many after it."""
    return values.unfold(0, max(10, len(values) // 20), 1).median(-1).values


def noise(values: Tensor) -> float:
    """Spread of neighbouring steps about their trend, by the median of their differences; robust to spikes."""
    return float(1.05 * values.diff().abs().median())


def non_finite(record: Record) -> Symptom | None:
    """The first loss, or failing that weight, that is NaN or infinite."""
    first = {}
    for name, (steps, values) in record.parts().items():
        bad = steps[~values.isfinite()]
        if len(bad):
            first[name] = int(bad[0])
    held = {}
    for name, series in record.validation.items():
        steps, values = series.tensors()
        if not values.isfinite().all():
            held[name] = int(steps[~values.isfinite()][0])
    weights = ~(record.weight.isfinite() & record.update.isfinite())
    rows = weights.any(1).nonzero().flatten().tolist()
    if not first and not held and not rows:
        return None
    step = min([*first.values(), *held.values(), *(record.steps[i] for i in rows[:1])])
    blamed = [name for name, at in first.items() if at == step]
    places = [f"in {_loss(blamed)}"] if blamed else []
    if step in held.values():
        places.append(f"in {_loss([name for name, at in held.items() if at == step])}, held out")
    if rows and record.steps[rows[0]] == step:
        places.append(
            f"in the update of {listed([n for n, w in zip(record.names, weights[rows[0]], strict=True) if w])}"
        )
    if _grew(record, step):
        cure = "It had grown before: lower the learning rate, clip the gradient norm, and see the other findings."
    elif not blamed and step in held.values():
        cure = "In training it is finite, so look at the held-out rows: missing values, categories or labels not seen."
    elif blamed and (len(blamed) < len(record.parts()) or len(blamed) == 1):
        cure = (
            "Look at what this loss takes the logarithm, root or quotient of, and ask check_loss; take logits instead "
            "of probabilities. If its value cannot be at fault, its gradient was, the step before."
        )
    else:
        cure = (
            "No loss by itself but its gradient, the step before or this one: look for a root, a norm or a quotient at "
            "0. Repeat it with interval=1; torch.autograd.set_detect_anomaly(True) names the operation."
        )
    return symptom(step, "non-finite", "A number is NaN or infinite.", " and ".join(places), cure, "error")


def _loss(names: list[str]) -> str:
    return "the loss" if names == ["loss"] else f"the loss {listed(names)}"


def _grew(record: Record, step: int) -> bool:
    """Whether the loss or the gradient were far too large before."""
    steps, values = record.total()
    before = values[steps < step].abs()
    exploded = exploding_gradient(record)
    return (exploded is not None and exploded.step < step) or bool((before > GREW * before[:1]).any())


def plateau(steps: Tensor, values: Tensor) -> Symptom | None:
    """The loss has never moved from where it began; in much noise the lowest median lies lower, and none is seen."""
    if len(values) < LEAST or not values.isfinite().all():
        return None
    best, began = float(smooth(values).min()), float(values[:OPENING].median())
    if began - best > STUCK * abs(began):
        return None
    first = float(values[0])
    if first - best > max(STUCK * abs(first), SPIKE * noise(values)):
        return None  # all was learned in a few steps, as by L-BFGS
    return symptom(
        int(steps[0]),
        "plateau",
        f"The loss has not fallen: it began at {began:.4g}, and its best level was {best:.4g}.",
        f"{len(values)} steps without progress",
        "See first whether a few rows can be learned by heart; then look at the learning rate (lr_range_test), at the "
        "gradients of the layers, and whether the labels belong to the rows.",
    )


def spike(steps: Tensor, values: Tensor) -> Symptom | None:
    """Single losses far above those around them."""
    if len(values) < LEAST or not values.isfinite().all():
        return None
    width = min(100, len(values))
    around = values.unfold(0, width, width // 2)
    middle = around.quantile(0.5, dim=1)
    # A last window that is not full shares the window before.
    window = (torch.arange(len(values)) // (width // 2) - 1).clamp(0, len(around) - 1)
    spread = (around.quantile(0.9, dim=1) - middle)[window]
    began = max(values[:OPENING].median().abs(), values[0].abs())  # all may be learned in the first few steps
    high = (values > middle[window] + SPIKE * spread) & (values > 3 * began)
    if not bool(high.any()) or high.sum() > 0.1 * len(values):
        return None
    at = int(high.nonzero()[0])
    return symptom(
        int(steps[at]),
        "spike",
        f"The loss jumped to {float(values[at]):.4g}, where {float(middle[window[at]]):.4g} is usual; "
        f"{int(high.sum())} such steps in all.",
        "a single step, or a few",
        "Look at the batch of that step for outliers or wrong labels; use a robust loss, clip the gradient norm, warm "
        "the learning rate up.",
    )


def oscillation(steps: Tensor, values: Tensor) -> Symptom | None:
    """The loss swings at one frequency, by much."""
    late = values[-min(256, len(values) // 2) :]
    if len(values) < 2 * LEAST or not values.isfinite().all():
        return None
    time = torch.linspace(-1, 1, len(late), dtype=torch.float64)
    trend = torch.stack([torch.ones_like(time), time, time.square()], 1)
    rest = late - trend @ torch.linalg.lstsq(trend, late.unsqueeze(1)).solution.squeeze(1)
    power = torch.fft.rfft(rest).abs().square()
    peak = int(power[3:].argmax()) + 3  # slower than a third of the window is the trend
    share = float(power[peak - 1 : peak + 2].sum() / power[1:].sum().clamp_min(1e-300))
    gained = values[:OPENING].median() - values.min()
    size = share**0.5 * float(rest.std())
    if share < PERIODIC or size < SWING * max(float(late.median().abs()), float(gained)):
        return None
    return symptom(
        int(steps[-len(late)]),
        "oscillation",
        f"The loss swings by {size:.2g} around {float(late.median()):.4g}, once in {len(late) / peak:.0f} steps.",
        f"{share:.0%} of its variance is at that frequency",
        "Lower the learning rate, two to ten times, or the momentum. Where batches are not shuffled, shuffle them.",
    )


def divergence(steps: Tensor, values: Tensor) -> Symptom | None:
    """The loss has risen by more than half of what it had gained and of its own size."""
    finite = values.isfinite().long().cumprod(0).bool()
    steps, values = steps[finite], values[finite]
    if len(values) < 4:
        return None
    enough = len(values) >= LEAST
    course = smooth(values) if enough else values
    best, now = int(course.argmin()), float(course[-1])
    began = float(values[: OPENING if enough else 1].median())
    lost, gained = now - float(course[best]), began - float(course[best])
    size = max(abs(began), abs(float(course[best])), 3 * noise(values) if enough else 0.0)
    if lost < LOST * max(gained, size):
        return None
    return symptom(
        int(steps[best]),
        "divergence",
        f"The loss rises: its best level was {float(course[best]):.4g}, and now it is {now:.4g}.",
        f"it began at {began:.4g}",
        "Lower the learning rate, ten times at first (lr_range_test finds it), and warm it up; clip the gradient norm; "
        "check the sign of every term.",
    )


def overfitting(record: Record) -> Symptom | None:
    """A held-out loss rises while that of training falls."""
    for name, series in record.validation.items():
        steps, values = series.tensors()
        if len(values) < VALIDATIONS or not values.isfinite().all() or name not in record.losses:
            continue
        best, now = int(values.argmin()), float(values[-3:].median())
        at, trained = record.losses[name].tensors()
        then = float(trained[at <= steps[best]][-OPENING:].median())
        end, began = float(trained[-OPENING:].median()), float(trained[:OPENING].median())
        gained = max(began - float(values[best]), OVERFIT * abs(float(values[best])))
        if now - float(values[best]) > OVERFIT * gained and best < len(values) - 2 and end < then:
            return symptom(
                int(steps[best]),
                "overfitting",
                f"Held out, {_loss([name])} rose from {float(values[best]):.4g} to {now:.4g}; in training it fell "
                f"from {then:.4g} to {end:.4g}.",
                "where the held-out loss was best",
                "Stop there; or get more data, augment it, use weight decay or a smaller model. If it happens from the "
                "start, look whether the labels belong to the rows.",
            )
    return None


def idle_parts(record: Record) -> list[Symptom]:
    """Parts of the loss that do not fall while the others do."""
    found = []
    courses = {n: v for n, (_, v) in record.parts().items() if len(v) >= LEAST and bool(v.isfinite().all())}
    began = {n: float(v[:OPENING].median()) for n, v in courses.items()}
    ends = {n: float(smooth(v)[-1]) for n, v in courses.items()}
    for name, values in courses.items():
        others = [n for n in courses if n != name]
        gained = sum(began[n] - ends[n] for n in others) / max(sum(abs(began[n]) for n in others), 1e-300)
        share = abs(ends[name]) / max(sum(map(abs, ends.values())), 1e-300)
        fell = began[name] - ends[name]
        flat = abs(fell) < max(STUCK * abs(began[name]), 0.5 * noise(values))
        if gained > IMPROVED and (flat or (fell < 0 and share < TINY)):
            found.append(
                symptom(
                    int(record.losses[name].steps[0]),
                    "idle-part",
                    f"The part {name} has not fallen ({began[name]:.4g} at first, {ends[name]:.4g} now), while the "
                    f"others fell by {gained:.0%}; it makes {share:.2%} of the sum.",
                    f"the part {name}",
                    "See whether it has a gradient at all, and how large (gradient_conflict shows norms and cosines); "
                    "raise its weight, or let a weighter balance the parts.",
                )
            )
    return found
