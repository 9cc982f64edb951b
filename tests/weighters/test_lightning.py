"""A weighter inside a LightningModule, as it is: automatic optimisation, checkpoints, and a run taken up again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from companion.weighters._base import Weighter
from tests.weighters.registry import WEIGHTERS, WeighterInfo
from tests.weighters.samples import NAMES, Model, batch, equal, shares_parameters, snapshot

lightning = pytest.importorskip("lightning")

pytestmark = [
    pytest.mark.as_user,
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec:FutureWarning"),  # Lightning 2.6 in torch 2.13
]
STEPS = 5
RING = ("_ring", "_ring_steps")


class Batches:
    """Any iterable with a length will do; a DataLoader would ask for worker processes."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[torch.Tensor]:
        return map(batch, range(self.count))


def module(info: WeighterInfo, seed: int = 0) -> Any:
    class System(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.weighter = Model(), info(NAMES, **info.sweep[0])

        def training_step(self, rows: torch.Tensor) -> torch.Tensor:
            losses, features = self.model(rows)
            return self.weighter(losses, shared=self.model.trunk if by_parameters else features)

        def validation_step(self, rows: torch.Tensor) -> None:
            losses, _ = self.model(rows)
            self.validated = self.weighter(losses), snapshot(self.weighter)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=0.01)

    by_parameters = shares_parameters(info, info.sweep[0])
    torch.manual_seed(seed)
    return System()


def fit(system: Any, epochs: int, resume: Path | None = None) -> Any:
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        gradient_clip_val=1.0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(system, Batches(STEPS), Batches(1), ckpt_path=resume)
    return trainer


def one_of_each_kind() -> list[WeighterInfo]:
    """Of values, of gradients, with parameters of its own."""
    kinds: dict[tuple[bool, bool], WeighterInfo] = {}
    for info in WEIGHTERS:
        weighter: Weighter = info(NAMES)
        kinds.setdefault((info.of_gradients, any(True for _ in weighter.parameters())), info)
    return list(kinds.values())


@pytest.mark.parametrize("info", one_of_each_kind(), ids=lambda info: info.name)
def test_fits_saves_and_resumes(info: WeighterInfo, tmp_path: Path) -> None:
    whole = module(info)
    fit(whole, 4)
    assert whole.weighter.step == 4 * STEPS
    assert torch.equal(whole.validated[1]["step"], whole.weighter.step)  # validation changes nothing

    fit(module(info), 2).save_checkpoint(tmp_path / "half.ckpt")
    resumed = module(info, seed=1)
    fit(resumed, 4, tmp_path / "half.ckpt")
    assert equal(snapshot(resumed.weighter, without=RING), snapshot(whole.weighter, without=RING))
    assert equal(resumed.model.state_dict(), whole.model.state_dict())
