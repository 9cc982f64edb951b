"""What ``torchrun`` starts in test_distributed.py: a few steps of every weighter, on this rank's share of the rows."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from tests.weighters.registry import WEIGHTERS, Options, WeighterInfo
from tests.weighters.samples import NAMES, Model, batch, shares_parameters

STEPS = 4


def cases() -> list[tuple[str, WeighterInfo, Options, bool]]:
    """Every weighter: its first and last options, and features and parameters where it looks at gradients."""
    found = []
    for info in WEIGHTERS:
        for options in {id(o): o for o in (info.sweep[0], info.sweep[-1])}.values():
            only = shares_parameters(info, options)
            for by_parameters in [True] if only else [False, True] if info.of_gradients else [False]:
                name = f"{info.name} {dict(options)} {'parameters' if by_parameters else 'features'}"
                found.append((name, info, options, by_parameters))
    return found


def train(info: WeighterInfo, options: Options, by_parameters: bool, rank: int, ranks: int) -> list[Tensor]:
    """Weights of every step, then the parameters of the model."""
    torch.manual_seed(0)
    model, weighter = Model(), info(NAMES, **options)
    whole = DistributedDataParallel(model) if ranks > 1 else model
    optimizer = torch.optim.SGD([*model.parameters(), *weighter.parameters()], lr=0.05)
    weights = []
    for step in range(STEPS):
        rows = batch(step)
        losses, features = whole(rows[rank::ranks])
        loss = weighter(losses, shared=model.trunk if by_parameters else features)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        weights.append(weighter.weights.clone())
    return [*weights, nn.utils.parameters_to_vector(model.parameters()).detach()]


def main() -> None:
    """Train all on this rank and save what came of it."""
    dist.init_process_group("gloo")
    rank, ranks = dist.get_rank(), dist.get_world_size()
    found = {name: train(*case, rank, ranks) for name, *case in cases()}
    torch.save(found, Path(sys.argv[1]) / f"{rank}_of_{ranks}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
