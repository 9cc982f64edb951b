"""Trainings, healthy and sick, of which a monitor must tell which is which."""

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes, load_digits
from torch import Tensor, nn

from companion.diagnostics import TrainingMonitor

Batch = tuple[Tensor, Tensor]
Objective = Callable[[nn.Module, Tensor, Tensor], Tensor | dict[str, Tensor]]


def digits() -> Batch:
    x, t = load_digits(return_X_y=True)
    return torch.tensor(x / 16, dtype=torch.float32), torch.tensor(t)


def diabetes(*, raw: bool = False) -> Batch:
    x, y = load_diabetes(return_X_y=True)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32).unsqueeze(1)
    return x / x.std(0), y if raw else (y - y.mean()) / y.std()


def batches(data: Batch, size: int, steps: int, seed: int = 0) -> Iterator[Batch]:
    """Shuffled anew in every epoch."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.zeros(0, dtype=torch.long)
    for _ in range(steps):
        if len(order) < size:
            order = torch.randperm(len(data[0]), generator=generator)
        rows, order = order[:size], order[size:]
        yield data[0][rows], data[1][rows]


def mlp(inputs: int, outputs: int, *, hidden: int = 64, activation: type[nn.Module] = nn.ReLU, depth: int = 1):
    layers: list[nn.Module] = [nn.Linear(inputs, hidden), activation()]
    for _ in range(depth - 1):
        layers += [nn.Linear(hidden, hidden), activation()]
    return nn.Sequential(*layers, nn.Linear(hidden, outputs))


def cross_entropy(model: nn.Module, x: Tensor, t: Tensor) -> Tensor:
    return F.cross_entropy(model(x), t)


def mse(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(model(x), y)


def train(
    model: nn.Module,
    data: Batch,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    *,
    steps: int = 600,
    size: int = 64,
    held_out: Batch | None = None,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    zero_grad: bool = True,
    clip: float | None = None,
    interval: int = 20,
) -> TrainingMonitor:
    """Train with a monitor, and validate every 30 steps."""
    monitor = TrainingMonitor(model, optimizer, interval=interval)
    for step, (x, t) in enumerate(batches(data, size, steps)):
        losses = objective(model, x, t)
        if zero_grad:
            optimizer.zero_grad()
        (sum(losses.values()) if isinstance(losses, dict) else losses).backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        monitor.log(losses)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        if held_out is not None and step % 30 == 29:
            with torch.no_grad():
                monitor.validate(objective(model, *held_out))
    return monitor


def divided(data: Batch, share: float = 0.7) -> tuple[Batch, Batch]:
    order = torch.randperm(len(data[0]), generator=torch.Generator().manual_seed(1))
    first, second = order[: int(share * len(order))], order[int(share * len(order)) :]
    return (data[0][first], data[1][first]), (data[0][second], data[1][second])


# Healthy.


def digits_with(optimizer: Callable[..., torch.optim.Optimizer], *, size: int = 64, steps: int = 600, **options):
    def run() -> TrainingMonitor:
        seen, held_out = divided(digits())
        model = mlp(64, 10)
        return train(
            model, seen, cross_entropy, optimizer(model.parameters(), **options),
            size=size, steps=steps, held_out=held_out,
        )  # fmt: skip

    return run


def digits_scheduled(kind: str) -> TrainingMonitor:
    seen, held_out = divided(digits())
    model = mlp(64, 10, depth=2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    lr = torch.optim.lr_scheduler
    scheduler = {
        "cosine": lambda: lr.CosineAnnealingLR(optimizer, 600),
        "one cycle": lambda: lr.OneCycleLR(optimizer, 1e-2, total_steps=601),
        "steps": lambda: lr.StepLR(optimizer, 200, gamma=0.1),
    }[kind]()
    return train(model, seen, cross_entropy, optimizer, held_out=held_out, scheduler=scheduler)


def noisy_labels() -> TrainingMonitor:
    """A third of the labels are wrong, and a small model does not learn them by heart."""
    (x, t), held_out = divided(digits())
    wrong = torch.rand(len(t), generator=torch.Generator().manual_seed(0)) < 1 / 3
    t = torch.where(wrong, torch.randint(10, t.shape, generator=torch.Generator().manual_seed(0)), t)
    model = nn.Linear(64, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return train(model, (x, t), cross_entropy, optimizer, held_out=held_out)


def regression(objective: Objective, *, raw: bool = False, lr: float = 1e-3, size: int = 32, steps: int = 600):
    def run() -> TrainingMonitor:
        seen, held_out = divided(diabetes(raw=raw))
        model = mlp(10, 1, hidden=16, activation=nn.Tanh)
        if raw:
            with torch.no_grad():
                model[-1].bias.fill_(float(seen[1].mean()))
        optimizer = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=1e-3)
        return train(model, seen, objective, optimizer, size=size, steps=steps, held_out=held_out)

    return run


def weak_signal() -> TrainingMonitor:
    """Nine tenths of the variance are noise."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2000, 10, generator=generator)
    y = x[:, :1] + 3 * torch.randn(2000, 1, generator=generator)
    model = nn.Linear(10, 1)
    seen, held_out = divided((x, y))
    return train(model, seen, mse, torch.optim.SGD(model.parameters(), lr=0.02), held_out=held_out)


def convolutional() -> TrainingMonitor:
    (x, t), (hx, ht) = divided(digits())
    layers = [nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU()]
    model = nn.Sequential(*layers, nn.MaxPool2d(4), nn.Flatten(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    data = (x.view(-1, 1, 8, 8), t), (hx.view(-1, 1, 8, 8), ht)
    return train(model, data[0], cross_entropy, optimizer, steps=300, held_out=data[1])


class Recurrent(nn.Module):
    """Reads a digit row by row."""

    def __init__(self, rnn: nn.RNNBase) -> None:
        super().__init__()
        self.rnn, self.head = rnn, nn.Linear(rnn.hidden_size, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x.view(len(x), -1, self.rnn.input_size))[0][:, -1])


def recurrent() -> TrainingMonitor:
    seen, held_out = divided(digits())
    model = Recurrent(nn.GRU(8, 32, batch_first=True))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return train(model, seen, cross_entropy, optimizer, held_out=held_out, clip=1.0, steps=400)


class Autoencoder(nn.Module):
    """With a classifier on its code, and noise in it if it is variational."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder, self.head = mlp(64, 16), mlp(8, 64), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = self.encoder(x).chunk(2, 1)
        return mean, log_variance, self.decoder(mean + (0.5 * log_variance).exp() * torch.randn_like(mean))


def elbo(model: nn.Module, x: Tensor, _: Tensor) -> dict[str, Tensor]:
    mean, log_variance, decoded = model(x)
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
    return {"reconstruction": F.binary_cross_entropy_with_logits(decoded, x, reduction="none").sum(1).mean(), "kl": kl}


def variational() -> TrainingMonitor:
    """One part rises while the other falls, as it must."""
    seen, held_out = divided(digits())
    model = Autoencoder()
    model.head.requires_grad_(False)
    return train(model, seen, elbo, torch.optim.Adam(model.parameters(), lr=2e-3), held_out=held_out)


def penalised(model: nn.Module, x: Tensor, t: Tensor) -> dict[str, Tensor]:
    return {"task": F.cross_entropy(model(x), t), "l2": 1e-3 * sum(p.square().sum() for p in model.parameters())}


def small_penalty() -> TrainingMonitor:
    seen, held_out = divided(digits())
    model = mlp(64, 10)
    return train(model, seen, penalised, torch.optim.Adam(model.parameters()), held_out=held_out)


def fine_tuned() -> TrainingMonitor:
    """The first layer is frozen on purpose."""
    seen, held_out = divided(digits())
    model = mlp(64, 10)
    model[0].requires_grad_(False)
    return train(model, seen, cross_entropy, torch.optim.Adam(model.parameters(), lr=1e-2), held_out=held_out)


def full_batch() -> TrainingMonitor:
    data = digits()
    model = mlp(64, 10)
    return train(model, data, cross_entropy, torch.optim.SGD(model.parameters(), lr=0.3), size=len(data[0]), steps=300)


HEALTHY: dict[str, Callable[[], TrainingMonitor]] = {
    "adam": digits_with(torch.optim.Adam, lr=1e-3),
    "adam, fast": digits_with(torch.optim.Adam, lr=1e-2),
    "adam, long": digits_with(torch.optim.Adam, lr=2e-3, steps=3000),
    "sgd": digits_with(torch.optim.SGD, lr=0.1),
    "momentum": digits_with(torch.optim.SGD, lr=0.05, momentum=0.9),
    "batch of 8": digits_with(torch.optim.SGD, lr=0.05, size=8, steps=1500),
    "batch of 4": digits_with(torch.optim.Adam, lr=1e-3, size=4, steps=2000),
    "batch of 512": digits_with(torch.optim.Adam, lr=3e-3, size=512, steps=200),
    "cosine": lambda: digits_scheduled("cosine"),
    "one cycle": lambda: digits_scheduled("one cycle"),
    "steps of the rate": lambda: digits_scheduled("steps"),
    "noisy labels": noisy_labels,
    "mse": regression(mse, lr=2e-3, steps=300),
    "l1": regression(lambda m, x, y: F.l1_loss(m(x), y), steps=400),
    "huber": regression(lambda m, x, y: F.huber_loss(m(x), y), steps=400),
    "gaussian nll": regression(lambda m, x, y: F.gaussian_nll_loss(m(x), y, torch.ones_like(y)), steps=400),
    "mse of raw targets": regression(mse, raw=True, lr=0.02, steps=300),
    "weak signal": weak_signal,
    "convolutional": convolutional,
    "recurrent": recurrent,
    "variational": variational,
    "small penalty": small_penalty,
    "fine-tuned": fine_tuned,
    "full batch": full_batch,
}

# Sick.


def rate(lr: float, optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.SGD, **options):
    return digits_with(optimizer, lr=lr, steps=300, **options)


def dead_relus() -> TrainingMonitor:
    model = mlp(64, 10)
    with torch.no_grad():
        model[0].bias.fill_(-10.0)
    return train(model, digits(), cross_entropy, torch.optim.SGD(model.parameters(), lr=0.1), steps=200)


def exploding_rnn() -> TrainingMonitor:
    """Reads a digit pixel by pixel; what it remembers grows by half at each."""
    model = Recurrent(nn.RNN(1, 32, nonlinearity="relu", batch_first=True))
    with torch.no_grad():
        model.rnn.weight_hh_l0.copy_(1.5 * torch.eye(32))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    return train(model, digits(), cross_entropy, optimizer, steps=60)


def deep_linear() -> TrainingMonitor:
    model = nn.Sequential(*(nn.Linear(64, 64) for _ in range(12)), nn.Linear(64, 10))
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(3.0)
    return train(model, digits(), cross_entropy, torch.optim.SGD(model.parameters(), lr=0.01), steps=200)


def deep_sigmoids(optimizer: Callable[..., torch.optim.Optimizer], lr: float):
    def run() -> TrainingMonitor:
        model = mlp(64, 10, activation=nn.Sigmoid, depth=10)
        return train(model, digits(), cross_entropy, optimizer(model.parameters(), lr=lr), steps=300)

    return run


def log_of_zero() -> TrainingMonitor:
    """The logarithm of probabilities, at a rate at which they reach 0."""

    def objective(model: nn.Module, x: Tensor, t: Tensor) -> dict[str, Tensor]:
        p = model(20 * x).softmax(1)
        return {"entropy": 0.1 * (p * p.log()).sum(1).mean(), "task": F.cross_entropy(model(x), t)}

    model = mlp(64, 10)
    return train(model, digits(), objective, torch.optim.SGD(model.parameters(), lr=0.5), steps=300)


def root_of_zero() -> TrainingMonitor:
    """A loss that is finite, with a gradient that is not: the distance of a code from itself."""

    def objective(model: nn.Module, x: Tensor, t: Tensor) -> Tensor:
        z = model(x)
        return F.cross_entropy(z, t) + 1e-3 * (z - z.clone() * (x.sum() != 1)).square().sum().sqrt()

    model = mlp(64, 10)
    return train(model, digits(), objective, torch.optim.SGD(model.parameters(), lr=0.1), steps=100)


def shuffled_labels() -> TrainingMonitor:
    (x, t), held_out = divided(digits())
    t = t[torch.randperm(len(t), generator=torch.Generator().manual_seed(0))]
    model = mlp(64, 10, hidden=256)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return train(model, (x[:400], t[:400]), cross_entropy, optimizer, held_out=held_out)


def small_data() -> TrainingMonitor:
    (x, t), held_out = divided(diabetes())
    model = mlp(10, 1, hidden=128)
    return train(model, (x[:80], t[:80]), mse, torch.optim.Adam(model.parameters(), lr=3e-3), held_out=held_out)


def no_zero_grad(optimizer: Callable[..., torch.optim.Optimizer], lr: float, clip: float | None = None):
    def run() -> TrainingMonitor:
        model = mlp(64, 10)
        parameters = model.parameters()
        return train(
            model, digits(), cross_entropy, optimizer(parameters, lr=lr), zero_grad=False, steps=300, clip=clip
        )

    return run


def frozen_layer() -> TrainingMonitor:
    """The optimizer was made of the head alone, by mistake."""
    model = mlp(64, 10)
    return train(model, digits(), cross_entropy, torch.optim.SGD(model[2].parameters(), lr=0.1), steps=200)


class Branched(nn.Module):
    """Two branches, of which one is detached."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.head = nn.Linear(64, 32), nn.Linear(64, 32), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.cat([self.left(x), self.right(x).detach()], 1).relu())


def detached_branch() -> TrainingMonitor:
    model = Branched()
    return train(model, digits(), cross_entropy, torch.optim.Adam(model.parameters()), steps=200)


def dominated() -> TrainingMonitor:
    """Pixels from 0 to 255 and their squared error, whose rate leaves nothing to the classes."""

    def objective(model: nn.Module, x: Tensor, t: Tensor) -> dict[str, Tensor]:
        mean, _, decoded = model(x)
        return {"pixels": F.mse_loss(255 * decoded, 255 * x), "classes": F.cross_entropy(model.head(mean), t)}

    model = Autoencoder()
    return train(model, digits(), objective, torch.optim.SGD(model.parameters(), lr=1e-5), steps=400)


def outlier_batch() -> TrainingMonitor:
    x, y = diabetes()
    y = y.clone()
    y[7] = 400.0
    model = mlp(10, 1, hidden=16, activation=nn.Tanh)
    return train(model, (x, y), mse, torch.optim.SGD(model.parameters(), lr=1e-3), size=16, steps=400)


def swinging() -> TrainingMonitor:
    """So much momentum that every step overshoots."""
    data = diabetes()
    model = mlp(10, 1, hidden=16, activation=nn.Tanh)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.995)
    return train(model, data, mse, optimizer, size=len(data[0]), steps=300)


SICK: dict[str, tuple[Callable[[], TrainingMonitor], set[str]]] = {
    "rate far too large": (rate(30.0), {"large-update"}),
    "rate too large": (rate(3.0), {"large-update"}),
    "rate too large, adam": (rate(1.0, torch.optim.Adam), {"large-update"}),
    "rate too small": (rate(1e-5), {"plateau"}),
    "rate far too small": (rate(1e-7), {"small-update"}),
    "rate too small, adam": (rate(1e-7, torch.optim.Adam), {"plateau"}),
    "dead relus": (dead_relus, {"dead-units"}),
    "exploding rnn": (exploding_rnn, {"exploding-gradient"}),
    "deep linear": (deep_linear, {"exploding-gradient"}),
    "deep sigmoids": (deep_sigmoids(torch.optim.SGD, 0.1), {"vanishing-gradient"}),
    "deep sigmoids, adam": (deep_sigmoids(torch.optim.Adam, 1e-3), {"vanishing-gradient"}),
    "log of zero": (log_of_zero, {"non-finite"}),
    "root of zero": (root_of_zero, {"non-finite"}),
    "shuffled labels": (shuffled_labels, {"overfitting"}),
    "small data": (small_data, {"overfitting"}),
    "no zero_grad": (no_zero_grad(torch.optim.SGD, 0.05), {"stale-gradient"}),
    "no zero_grad, adam": (no_zero_grad(torch.optim.Adam, 1e-3), {"stale-gradient"}),
    "no zero_grad, clipped": (no_zero_grad(torch.optim.SGD, 0.05, clip=1.0), {"stale-gradient"}),
    "frozen layer": (frozen_layer, {"small-update"}),
    "detached branch": (detached_branch, {"no-gradient"}),
    "dominated part": (dominated, {"idle-part"}),
    "outlier": (outlier_batch, {"spike"}),
    "too much momentum": (swinging, {"oscillation"}),
}


def healthy_loss(monitor: TrainingMonitor) -> float:
    """The loss at the end, relative to that at the start."""
    table = monitor.table()
    losses = table[table["quantity"].str.startswith("loss/")].groupby("step")["value"].sum()
    return float(losses.iloc[-20:].mean() / losses.iloc[:5].mean()) if len(losses) else math.nan
