"""``make bench``: losses of regions beside their peers, recorded in ``regions_speed.json``.

Forward and backward pass on four images of 256 x 256 pixels, 21 classes (one for the hinge), on one thread. Ours and
one peer take turns in a process; the medians over the turns give a ratio, and the median over fresh processes the
figure. A peer is correct if its value and gradient on these images are those of its own formula in float64; the error
of its value with the images in float16 is shown beside.
"""

import functools
import json
import statistics
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from timing import Loss, in_processes, peak, step
from torch import Tensor

from companion import losses, report

PROCESSES = 5
VALUE, GRADIENT = 1e-5, 1e-3  # relative errors up to which a result is correct
NO_SLOWER = 1.0  # than the fastest correct peer
LOVASZ = {"ratio": 0.85, "memory_ratio": 0.5}  # of kornia's
TIMING = Path(__file__).with_name("timing.py")


class Pair(NamedTuple):
    """One of our losses, a peer, and for both what they should return."""

    name: str
    ours: Loss
    peer_name: str
    peer: Loss
    right: Loss
    peer_right: Loss
    turns: int = 25
    bars: dict[str, float] = {}  # noqa: RUF012


def counts(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """TP, FP, FN and TN (N, C) from the definition."""
    p, y = x.softmax(dim=1).flatten(2), F.one_hot(t, x.shape[1]).movedim(-1, 1).flatten(2)
    return (p * y).sum(2), (p * (1 - y)).sum(2), ((1 - p) * y).sum(2), ((1 - p) * (1 - y)).sum(2)


def tversky(x: Tensor, t: Tensor, alpha: float, beta: float, above: float = 0.0, below: float = 0.0) -> Tensor:
    tp, fp, fn, _ = counts(x, t)
    return (1 - (tp + above) / (tp + alpha * fp + beta * fn + below)).mean()


def micro_dice(x: Tensor, t: Tensor, below: float) -> Tensor:
    """The classes of an image pooled."""
    tp, fp, fn, _ = (c.sum(dim=1) for c in counts(x, t))
    return (1 - 2 * tp / (2 * tp + fp + fn + below)).mean()


def generalized_dice(x: Tensor, t: Tensor, smooth: float, relative: bool) -> Tensor:
    tp, fp, fn, _ = counts(x, t)
    w = (tp + fn) ** -2.0
    w = w / w.amax(dim=1, keepdim=True) if relative else w
    return (1 - (2 * (w * tp).sum(1) + smooth) / ((w * (2 * tp + fp + fn)).sum(1) + smooth)).mean()


def mcc(x: Tensor, t: Tensor, below: float = 0.0) -> Tensor:
    tp, fp, fn, tn = counts(x, t)
    return (1 - (tp * tn - fp * fn) / ((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn) + below).sqrt()).mean()


def lovasz(error: Tensor, y: Tensor) -> Tensor:
    """Differences of the Jaccard loss along the sorted errors (..., P)."""
    error, order = error.sort(dim=-1, descending=True)
    y = y.gather(-1, order).double()
    size, found = y.sum(-1, keepdim=True), y.cumsum(-1)
    f = 1 - (size - found) / (size + (1 - y).cumsum(-1))
    return (error * f.diff(dim=-1, prepend=torch.zeros_like(f[..., :1]))).sum(-1).mean()


def lovasz_softmax(x: Tensor, t: Tensor) -> Tensor:
    y = F.one_hot(t, x.shape[1]).movedim(-1, 1).flatten(2)
    return lovasz((x.softmax(dim=1).flatten(2) - y).abs(), y)


def lovasz_hinge(x: Tensor, t: Tensor) -> Tensor:
    y = t.flatten(1)
    return lovasz((1 - x.flatten(1) * (2 * y - 1)).relu(), y)


def pairs() -> list[Pair]:
    """Every loss that a peer has too, with the options under which the two mean nearly the same."""
    import monai.losses as monai
    from kornia import losses as kornia

    def of_monai(loss: Any) -> Loss:
        return lambda x, t: loss(x, t.unsqueeze(1))

    dice = functools.partial(tversky, alpha=0.5, beta=0.5)
    plain = functools.partial(tversky, alpha=0.3, beta=0.7)
    both, small = {"to_onehot_y": True, "softmax": True}, 1e-5
    no_slower = {"ratio": NO_SLOWER}

    def ours_hinge(x: Tensor, t: Tensor) -> Tensor:
        return losses.lovasz_hinge_loss(x, t.unsqueeze(1))

    def ours_dice(peer_name: str, peer: Loss, right: Loss) -> Pair:
        ours = functools.partial(dice, above=1.0, below=1.0)
        return Pair("dice_loss", losses.dice_loss, peer_name, peer, ours, right, bars=no_slower)

    def ours_tversky(peer_name: str, peer: Loss, right: Loss) -> Pair:
        ours = functools.partial(plain, above=1.0, below=1.0)
        return Pair("tversky_loss", losses.tversky_loss, peer_name, peer, ours, right, bars=no_slower)

    return [
        ours_dice("kornia, classes pooled", kornia.dice_loss, functools.partial(micro_dice, below=1e-8)),
        ours_dice("kornia", functools.partial(kornia.dice_loss, average="macro"), dice),
        ours_dice("MONAI", of_monai(monai.DiceLoss(**both)), functools.partial(dice, above=small / 2, below=small / 2)),
        ours_tversky("kornia", functools.partial(kornia.tversky_loss, alpha=0.3, beta=0.7), plain),
        ours_tversky(
            "MONAI",
            of_monai(monai.TverskyLoss(alpha=0.3, beta=0.7, **both)),
            functools.partial(plain, above=small, below=small),
        ),
        Pair(
            "generalized_dice_loss",
            losses.generalized_dice_loss,
            "MONAI",
            of_monai(monai.GeneralizedDiceLoss(**both)),
            functools.partial(generalized_dice, smooth=2.0, relative=True),
            functools.partial(generalized_dice, smooth=small, relative=False),
            bars=no_slower,
        ),
        Pair(
            "jaccard_loss",
            losses.jaccard_loss,
            "MONAI",
            of_monai(monai.DiceLoss(jaccard=True, **both)),
            functools.partial(tversky, alpha=1.0, beta=1.0, above=1.0, below=1.0),
            functools.partial(tversky, alpha=1.0, beta=1.0, above=small / 2, below=small / 2),
            bars=no_slower,
        ),
        Pair(
            "mcc_loss",
            functools.partial(losses.mcc_loss, smooth=0.0),
            "MONAI",
            of_monai(monai.MCCLoss(**both)),
            mcc,
            functools.partial(mcc, below=small),
            bars=no_slower,
        ),
        Pair(
            "lovasz_softmax_loss",
            losses.lovasz_softmax_loss,
            "kornia",
            kornia.lovasz_softmax_loss,
            lovasz_softmax,
            lovasz_softmax,
            turns=4,
            bars=LOVASZ,
        ),
        Pair(
            "lovasz_hinge_loss",
            ours_hinge,
            "kornia",
            kornia.lovasz_hinge_loss,
            lovasz_hinge,
            lovasz_hinge,
            bars=no_slower,
        ),
    ]


def images(name: str) -> tuple[Tensor, Tensor]:
    """Logits and targets; all classes occur in every image."""
    draw, hinge = torch.Generator().manual_seed(0), name == "lovasz_hinge_loss"
    x = torch.randn(4, 1 if hinge else 21, 256, 256, generator=draw)
    return x.requires_grad_(), torch.randint(2 if hinge else 21, (4, 256, 256), generator=draw)


def wrong_by(loss: Loss, right: Loss, x: Tensor, t: Tensor) -> dict[str, float]:
    """Relative errors of value and gradient, and of the value in float16; infinite where it is not finite."""
    z = x.detach().double().requires_grad_()
    value, exact = loss(x, t), right(z, t)
    (g,), (h,) = torch.autograd.grad(value, x), torch.autograd.grad(exact, z)
    half = x.detach().half()
    with torch.no_grad():
        coarse, coarse_exact = loss(half, t).double(), right(half.double(), t)
    errors = (value - exact).abs() / exact, (g - h).norm() / h.norm(), (coarse - coarse_exact).abs() / coarse_exact
    value_error, gradient_error, half_error = (e.item() if e.isfinite() else 1e9 for e in errors)
    return {"value_error": value_error, "gradient_error": gradient_error, "half_error": half_error}


def measure() -> list[dict[str, Any]]:
    """Every pair in this process."""
    found = []
    for pair in pairs():
        x, t = images(pair.name)
        turns = [(step(pair.ours, x, t), step(pair.peer, x, t)) for _ in range(pair.turns + 2)][2:]
        ours, peer = (statistics.median(times) for times in zip(*turns, strict=True))
        memory, peer_memory = peak(pair.ours, x, t), peak(pair.peer, x, t)
        row = {"milliseconds": 1e3 * ours, "peer_milliseconds": 1e3 * peer, "ratio": ours / peer}
        row |= {"memory": memory, "peer_memory": peer_memory, "memory_ratio": memory / peer_memory}
        row |= wrong_by(pair.ours, pair.right, x, t)
        row |= {f"peer_{name}": error for name, error in wrong_by(pair.peer, pair.peer_right, x, t).items()}
        found.append(row)
    return found


def correct(row: dict[str, Any], whose: str = "") -> bool:
    return bool(row[f"{whose}value_error"] <= VALUE and row[f"{whose}gradient_error"] <= GRADIENT)


def missed(pair: Pair, row: dict[str, Any]) -> list[str]:
    found = [] if correct(row) else [f"{pair.name} is not correct"]
    if row["peer_correct"]:
        who = f"{pair.name} beside {pair.peer_name}"
        found += [f"{who}: {key} {row[key]:.2f}, bar {bar}" for key, bar in pair.bars.items() if row[key] > bar]
    return found


def main() -> int:
    """Print and record; 1 if a bar is missed."""
    runs = in_processes(PROCESSES, __file__, "one")
    rows, late = [], []
    print(f"{'':46}{'ms':>8}{'peer':>8}{'ratio':>8}{'memory':>8}{'peer':>8}   peer's errors: value, gradient, in half")
    for pair, found in zip(pairs(), zip(*runs, strict=True), strict=True):
        row: dict[str, Any] = {key: statistics.median(run[key] for run in found) for key in found[0]}
        row |= {"loss": pair.name, "peer": pair.peer_name, "correct": correct(row)}
        row |= {"peer_correct": correct(row, "peer_"), "bars": pair.bars}
        times = f"{row['milliseconds']:8.1f}{row['peer_milliseconds']:8.1f}{row['ratio']:8.2f}"
        errors = "".join(f"{row[f'peer_{of}_error']:10.1e}" for of in ("value", "gradient", "half"))
        verdict = "" if row["peer_correct"] else "  not correct"
        name = f"{pair.name} ({pair.peer_name})"
        print(f"{name:46}{times}{row['memory']:8.1f}{row['peer_memory']:8.1f}   {errors}{verdict}")
        late += missed(pair, row)
        rows.append(row)
    report.record("regions_speed", rows, command="make bench", scripts=[__file__, TIMING])
    print(*late, sep="\n")
    return bool(late)


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of the peers
    if sys.argv[1:] == ["one"]:
        print(json.dumps(measure()))
    else:
        raise SystemExit(main())
