"""Two processes of ``torchrun`` end with the same weights, those of one process that sees all rows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from tests.weighters import one_rank

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.as_user,
    pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without torch.distributed"),
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, list[torch.Tensor]]]:
    """By rank, then of one process: for every weighter its weights after each step and the parameters at the end."""
    here = tmp_path_factory.mktemp("ranks")
    script = [str(Path(one_rank.__file__)), str(here)]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *script]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(launch, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    alone = {name: one_rank.train(*case, rank=0, ranks=1) for name, *case in one_rank.cases()}
    return [torch.load(here / f"{rank}_of_2.pt", weights_only=True) for rank in range(2)] + [alone]


@pytest.mark.parametrize("name", [name for name, *_ in one_rank.cases()])
def test_two_ranks_are_one(runs: list[dict[str, list[torch.Tensor]]], name: str) -> None:
    first, second, alone = (run[name] for run in runs)
    for mine, theirs in zip(first, second, strict=True):
        assert torch.equal(mine, theirs)
    assert_close(first, alone, rtol=1e-4, atol=1e-5)


def test_the_ranks_saw_different_rows() -> None:
    losses = [one_rank.Model()(one_rank.batch(0)[rank::2])[0]["data"] for rank in range(2)]
    assert not torch.isclose(*losses, rtol=1e-2)
