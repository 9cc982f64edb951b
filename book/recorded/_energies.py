"""The energy of numbers of three digits with a check digit, and ways to train it."""

import torch
from _strips import CLASSES
from torch import Tensor, nn

from companion import experiments, losses


class Energy(nn.Module):
    """The energy of every number of three digits: what each image says against its digit, and a table of numbers."""

    def __init__(self, knows_numbers: bool = True) -> None:
        super().__init__()
        self.see = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, CLASSES))
        self.table = nn.Parameter(torch.zeros(CLASSES**3), requires_grad=knows_numbers)

    def forward(self, x: Tensor) -> Tensor:
        """One energy for each of the thousand numbers."""
        a, b, c = self.see(x).unbind(1)
        return -(a[:, :, None, None] + b[:, None, :, None] + c[:, None, None, :]).flatten(1) - self.table


def of(energies: Tensor, answers: Tensor) -> Tensor:
    """The energies of these answers."""
    return energies.gather(1, answers.view(len(energies), -1))


def at_random(energies: Tensor, count: int) -> Tensor:
    """Numbers drawn blindly, with their energies."""
    return of(energies, torch.randint_like(energies[:, :count], CLASSES**3).long())


def sampled(count: int) -> experiments.Loss:
    """The sum over all answers replaced by one over a few, drawn blindly, and the right one."""

    def loss(energies: Tensor, y: Tensor) -> Tensor:
        few = torch.cat([of(energies, y), at_random(energies, count)], 1)
        return losses.energy_nll_loss(few, torch.zeros_like(y))

    return loss


def gibbs(energies: Tensor, y: Tensor, rounds: int) -> Tensor:
    """Starts at the right answer and draws one digit after another, given the other two."""
    scores = -energies.detach()
    for _ in range(rounds):
        for power in (100, 10, 1):
            rest = y - y // power % CLASSES * power
            options = rest[:, None] + power * torch.arange(CLASSES)
            noise = -torch.rand_like(options.float()).clamp(1e-9, 1 - 1e-6).log().neg().log()
            y = of(options, (of(scores, options) + noise).argmax(1))[:, 0]
    return y


def contrastive(rounds: int) -> experiments.Loss:
    """Contrastive divergence."""

    def loss(energies: Tensor, y: Tensor) -> Tensor:
        return losses.contrastive_divergence_loss(of(energies, y)[:, 0], of(energies, gibbs(energies, y, rounds))[:, 0])

    return loss


def against_noise(count: int) -> experiments.Loss:
    """Noise-contrastive estimation with blindly drawn numbers."""
    known = -torch.tensor(float(CLASSES**3)).log()

    def loss(energies: Tensor, y: Tensor) -> Tensor:
        noise = at_random(energies, count)
        own = -of(energies, y)[:, 0]
        return losses.nce_loss(own, known.expand_as(own), -noise, known.expand_as(noise))

    return loss


def as_printed(energies: Tensor, y: Tensor) -> Tensor:
    """The formula with its sign as the guide prints it."""
    return (of(energies, y)[:, 0] - (-energies).logsumexp(1)).mean()
