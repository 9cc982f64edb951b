"""Where the notebooks run."""

import pytest
import torch

import companion


@pytest.mark.parametrize(("there", "name"), [(True, "cuda"), (False, "cpu")])
def test_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch, there: bool, name: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert companion.device() == torch.device(name)
