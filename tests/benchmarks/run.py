"""``make bench``: time, memory and exactness of the losses beside their peers, recorded in ``speed.json``."""

import statistics
from pathlib import Path

import mpmath
import torch
from timing import in_processes

from companion import losses, report

WORKER = Path(__file__).with_name("one_process.py")
TIMING = Path(__file__).with_name("timing.py")
PROCESSES = 5
SHAPES = ["4096x1000", "4x21x256x256", "128x10"]
LIMITS = {"4096x1000": 1.15, "4x21x256x256": 1.5}  # against F.cross_entropy, of
OF_MARGIN = [  # losses that need nothing but the margin
    "focal_loss",
    "mae_loss",
    "generalized_cross_entropy",
    "truncated_gce_loss",
    "reverse_cross_entropy",
    "symmetric_cross_entropy",
    "taylor_cross_entropy",
]
CASES = [([20, 0, 0], 0), ([1e4, 0, 0], 0), ([1e4, 0, 0], 1), ([-30, 0, 5], 0), ([-30, 0, 5], 2), ([60, 1, 2], 0)]


def speed() -> dict[str, dict[str, dict[str, float]]]:
    """Medians over fresh processes."""
    runs = in_processes(PROCESSES, WORKER, *SHAPES)
    return {
        group: {
            name: {key: statistics.median(run[group][name][key] for run in runs) for key in values}
            for name, values in rivals.items()
        }
        for group, rivals in runs[0].items()
    }


def exact_focal(logits: list[float], target: int, gamma: float) -> tuple[mpmath.mpf, list[mpmath.mpf]]:
    """Focal loss and its gradient with 50 digits, from the definition."""
    z = [mpmath.mpf(v) for v in logits]
    e = [mpmath.exp(v - max(z)) for v in z]
    p, others = e[target] / sum(e), sum(v for j, v in enumerate(e) if j != target)
    q = others / sum(e)
    log_p = z[target] - max(z) - mpmath.log(sum(e))
    slope = gamma * q**gamma * p * log_p - q ** (gamma + 1)  # d loss / d margin
    return -(q**gamma) * log_p, [slope if j == target else -slope * v / others for j, v in enumerate(e)]


def exactness(gamma: float) -> float:
    """Largest relative error of value and gradient in float32; results below the smallest normal number count as 0."""
    worst = 0.0
    with mpmath.workdps(50):
        for logits, target in CASES:
            x = torch.tensor([logits], dtype=torch.float32, requires_grad=True)
            loss = losses.focal_loss(x, torch.tensor([target]), gamma=gamma)
            (gradient,) = torch.autograd.grad(loss, x)
            value, slopes = exact_focal(logits, target, gamma)
            for found, true in zip([loss.item(), *gradient[0].tolist()], [value, *slopes], strict=True):
                if abs(true) > torch.finfo(torch.float32).tiny:
                    worst = max(worst, float(abs((found - true) / true)))
    return worst


def main() -> int:
    """Print and record; 1 if a limit is missed."""
    found, errors = speed(), {str(gamma): exactness(gamma) for gamma in (0.0, 0.5, 2.0)}
    late = []
    for group, rivals in found.items():
        print(f"\n{group}\n{'':24}{'ms':>10}{'ratio':>8}{'memory':>8}")
        for name, row in rivals.items():
            print(f"{name:24}{row['milliseconds']:10.2f}{row['ratio']:8.2f}{row['memory']:8.2f}")
        limit = LIMITS.get(group.split()[0])
        for name in OF_MARGIN:
            if limit and name in rivals and rivals[name]["ratio"] > limit:
                late.append(f"{name} at {group}: {rivals[name]['ratio']:.2f}, limit {limit}")
    print("\nfocal_loss, largest relative error in float32 against 50 digits")
    for gamma, error in errors.items():
        print(f"gamma {gamma:4}{error:12.1e}")
        if error > 1e-5:
            late.append(f"focal_loss at gamma {gamma}: relative error {error:.1e}, limit 1e-5")
    report.record("speed", {"speed": found, "error": errors}, command="make bench", scripts=[__file__, WORKER, TIMING])
    print(*late, sep="\n")
    return bool(late)


if __name__ == "__main__":
    raise SystemExit(main())
