"""Time and peak memory of losses against their peers, in this process, on one thread; prints one JSON object.

``run.py`` starts this file several times and takes medians: a process inherits its luck with memory pages.
"""

import json
import statistics
import sys
import warnings

import torch
import torch.nn.functional as F
from timing import Loss, peak, step
from torch import Tensor

from companion import losses

REPEATS = 25


def of_margin() -> dict[str, Loss]:
    """Losses for noisy labels that need nothing but the margin."""
    found = [
        losses.mae_loss,
        losses.generalized_cross_entropy,
        losses.truncated_gce_loss,
        losses.reverse_cross_entropy,
        losses.symmetric_cross_entropy,
        losses.taylor_cross_entropy,
        losses.generalized_js_loss,
        losses.negative_learning_loss,
    ]
    return {loss.__name__: loss for loss in found}


def of_every_class() -> dict[str, Loss]:
    """Losses for noisy labels that look at every class."""
    plain = [
        losses.normalized_cross_entropy,
        losses.active_passive_loss,
        losses.bootstrap_loss,
        losses.confidence_penalty_loss,
        losses.bi_tempered_loss,
    ]
    return {
        **{loss.__name__: loss for loss in plain},
        "mixup_loss": lambda x, t: losses.mixup_loss(x, t, t.flip(0), 0.5),
        "peer_loss": lambda x, t: losses.peer_loss(x, t, prior=torch.ones(x.shape[1])),
        "forward_correction_loss": lambda x, t: losses.forward_correction_loss(x, t, transition=even(x.shape[1])),
        "backward_correction_loss": lambda x, t: losses.backward_correction_loss(x, t, transition=even(x.shape[1])),
    }


def even(classes: int) -> Tensor:
    """Labels of which a fifth is drawn anew."""
    return 0.8 * torch.eye(classes) + 0.2 / classes


def peers() -> dict[str, dict[str, Loss]]:
    """Per baseline, the losses compared with it. Libraries that are not installed are left out."""
    found: dict[str, dict[str, Loss]] = {
        "F.cross_entropy": {"cross_entropy": losses.cross_entropy, "focal_loss": losses.focal_loss},
        "F.cross_entropy, overlap": {"dice_loss": losses.dice_loss, "tversky_loss": losses.tversky_loss},
        "F.cross_entropy, of the margin": of_margin(),
        "F.cross_entropy, of every class": of_every_class(),
    }
    try:
        from kornia import losses as kornia
    except ImportError:
        return found
    found["F.cross_entropy"]["kornia focal"] = lambda x, t: kornia.focal_loss(x, t, alpha=None, reduction="mean")
    found["F.cross_entropy, overlap"]["kornia dice"] = lambda x, t: kornia.dice_loss(x, t)
    found["F.cross_entropy, overlap"]["kornia tversky"] = lambda x, t: kornia.tversky_loss(x, t, 0.3, 0.7)
    try:
        from monai import losses as monai
    except ImportError:
        return found
    focal = monai.FocalLoss(to_onehot_y=True, use_softmax=True)
    dice = monai.DiceLoss(to_onehot_y=True, softmax=True)
    tversky = monai.TverskyLoss(to_onehot_y=True, softmax=True, alpha=0.3, beta=0.7)
    found["F.cross_entropy"]["MONAI focal"] = lambda x, t: focal(x, t.unsqueeze(1))
    found["F.cross_entropy, overlap"]["MONAI dice"] = lambda x, t: dice(x, t.unsqueeze(1))
    found["F.cross_entropy, overlap"]["MONAI tversky"] = lambda x, t: tversky(x, t.unsqueeze(1))
    return found


def paired(baseline: Loss, rival: Loss, x: Tensor, t: Tensor) -> tuple[float, float]:
    """Median seconds of both, taken in turns; only the two, since a third would decide who finds memory pages ready."""
    turns = [(step(baseline, x, t), step(rival, x, t)) for _ in range(REPEATS + 3)][3:]
    return statistics.median(a for a, _ in turns), statistics.median(b for _, b in turns)


def measure(shape: tuple[int, ...], baseline: Loss, rivals: dict[str, Loss]) -> dict[str, dict[str, float]]:
    """Time, its ratio to the baseline, and peak memory of each."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=generator).requires_grad_()
    t = torch.randint(shape[1], (shape[0], *shape[2:]), generator=generator)
    found = {}
    for name, rival in rivals.items():
        plain, own = paired(baseline, rival, x, t)
        found[name] = {"milliseconds": 1e3 * own, "ratio": own / plain, "memory": peak(rival, x, t)}
    return {"baseline": {"milliseconds": 1e3 * plain, "ratio": 1.0, "memory": peak(baseline, x, t)}} | found


def main() -> None:
    """Measure the shapes named on the command line, such as ``4096x1000``."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of the peers
    found = {}
    for name in sys.argv[1:]:
        shape = tuple(map(int, name.split("x")))
        for baseline, rivals in peers().items():
            pixels = len(shape) > 2
            if ("overlap" not in baseline or pixels) and ("every class" not in baseline or not pixels):
                found[f"{name} {baseline}"] = measure(shape, F.cross_entropy, rivals)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
