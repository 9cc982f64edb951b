"""What every test starts from: the same random numbers, and examples that do not change from run to run."""

import pytest
import torch
from hypothesis import settings

settings.register_profile("same", derandomize=True, max_examples=20, deadline=None, database=None)
settings.load_profile("same")


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)
