"""Trainings that a careless detector takes for others: each has been a false alarm, a miss or a crash."""

import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from companion.diagnostics import TrainingMonitor
from companion.diagnostics._training.dead_units import DeadUnits


def mlp(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, outputs))


def step(monitor: TrainingMonitor, loss: Tensor) -> None:
    monitor.optimizer.zero_grad()
    loss.backward()
    monitor.log(loss)
    monitor.optimizer.step()


def test_gradients_of_a_generator_are_not_stale_in_its_discriminator() -> None:
    torch.manual_seed(0)
    generator, critic = mlp(4, 2), mlp(2, 1)
    of_generator = torch.optim.Adam(generator.parameters(), lr=1e-3)
    monitor = TrainingMonitor(critic, torch.optim.Adam(critic.parameters(), lr=1e-3))
    for _ in range(50):
        real, fake = torch.randn(32, 2) + 1, generator(torch.randn(32, 4))
        step(monitor, F.softplus(-critic(real)).mean() + F.softplus(critic(fake.detach())).mean())
        of_generator.zero_grad()
        F.softplus(-critic(fake)).mean().backward()  # reaches the critic, too
        of_generator.step()
    assert "stale-gradient" not in monitor.diagnose().names


def test_a_gradient_that_is_only_looked_at_is_not_stale() -> None:
    torch.manual_seed(0)
    x, model = torch.randn(32, 4), mlp(4, 1)
    monitor = TrainingMonitor(model, torch.optim.Adam(model.parameters(), lr=1e-3))
    for _ in range(20):
        loss = F.mse_loss(model(x), x[:, :1])
        torch.autograd.grad(loss, list(model.parameters()), retain_graph=True)
        step(monitor, loss)
    assert "stale-gradient" not in monitor.diagnose().names


def test_stale_gradients_are_seen_behind_clipping_accumulation_and_sparsity() -> None:
    torch.manual_seed(0)
    rows = torch.randint(0, 9, (32, 3))
    dense = nn.Sequential(nn.EmbeddingBag(9, 4), nn.Linear(4, 1))
    for model in (dense, nn.EmbeddingBag(9, 1, sparse=True)):
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        monitor = TrainingMonitor(model, optimizer)
        for _ in range(20):
            for half in rows.chunk(2):
                loss = model(half).square().mean()
                loss.backward()
                monitor.log(loss)
            if model is dense:
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        assert "stale-gradient" in monitor.diagnose().names


def test_batches_of_one_row_have_no_dead_units() -> None:
    torch.manual_seed(0)
    x, model = torch.randn(300, 4), mlp(4, 1)
    monitor = TrainingMonitor(model, torch.optim.SGD(model.parameters(), lr=1e-3), interval=1)
    for row in x.split(1):
        step(monitor, F.mse_loss(model(row), row[:, :1]))
    assert "dead-units" not in monitor.diagnose().names


def test_dead_channels_of_a_sequence_are_seen() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv1d(2, 8, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(1))
    x = torch.randn(64, 2, 12)
    model(x)
    model[0].bias.data[:6] = -50.0
    monitor = TrainingMonitor(model, torch.optim.Adam(model.parameters(), lr=1e-3))
    for _ in range(64):
        step(monitor, F.mse_loss(model(x), x[:, 0, :1]))
    (found,) = (f for f in monitor.diagnose().findings if f.name == "dead-units")
    assert "75% of 1 (ReLU)" in found.what


def test_dead_units_go_on_from_a_checkpoint_on_another_device() -> None:
    units = DeadUnits(nn.Sequential(nn.ReLU()))
    units._see("0 (ReLU)", torch.zeros(8, 3))
    units.load(units.state())
    units._see("0 (ReLU)", torch.zeros(8, 3, device="meta"))
    assert all(rows.is_meta for rows in units._alike["0 (ReLU)"].values())


def test_a_training_that_has_long_converged_has_no_findings() -> None:
    torch.manual_seed(0)
    x, model = torch.randn(64, 4), nn.Linear(4, 1)
    target = x @ torch.randn(4, 1)
    monitor = TrainingMonitor(model, torch.optim.SGD(model.parameters(), lr=0.1))
    for _ in range(2000):
        step(monitor, F.mse_loss(model(x), target))
    assert monitor.diagnose().ok, str(monitor.diagnose())


def test_a_training_that_converges_in_two_steps_has_no_findings() -> None:
    torch.manual_seed(0)
    x, model = torch.randn(64, 4), nn.Linear(4, 1)
    target = x @ torch.randn(4, 1) + torch.randn(64, 1)
    optimizer = torch.optim.LBFGS(model.parameters(), line_search_fn="strong_wolfe")
    monitor = TrainingMonitor(model, optimizer)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        monitor.log(loss)
        return loss

    for _ in range(40):
        optimizer.step(closure)
    assert not {"plateau", "small-update", "spike"} & set(monitor.diagnose().names)


def test_a_loss_that_begins_at_zero_has_no_exploding_gradient() -> None:
    torch.manual_seed(0)
    x, model = torch.randn(64, 4), mlp(4, 1)
    monitor = TrainingMonitor(model, torch.optim.Adam(model.parameters(), lr=1e-4))
    baseline = F.mse_loss(model(x), x[:, :1]).detach()
    for _ in range(300):
        step(monitor, F.mse_loss(model(x), x[:, :1]) - baseline)
    assert "exploding-gradient" not in monitor.diagnose().names


def test_a_large_table_of_embeddings_has_no_finding() -> None:
    torch.manual_seed(0)
    rows = torch.randint(0, 50_000, (64, 4))
    rows[:32, 0] = 0
    target = (rows[:, 0] == 0).long()
    model = nn.Sequential(nn.Embedding(50_000, 32), nn.Flatten(), nn.Linear(128, 16), nn.ReLU(), nn.Linear(16, 2))
    monitor = TrainingMonitor(model, torch.optim.Adam(model.parameters(), lr=1e-3))
    for at in torch.arange(64).repeat(2).view(-1, 4):
        step(monitor, F.cross_entropy(model(rows[at]), target[at]))
    assert not {"vanishing-gradient", "exploding-gradient"} & set(monitor.diagnose().names)


def test_what_another_optimizer_changes_is_not_forgotten() -> None:
    torch.manual_seed(0)
    x, model = torch.randn(32, 4), mlp(4, 1)
    other = torch.optim.Adam(model[0].parameters(), lr=1e-2)
    monitor = TrainingMonitor(model, torch.optim.Adam(model[2].parameters(), lr=1e-2))
    for _ in range(40):
        other.zero_grad()
        step(monitor, F.mse_loss(model(x), x[:, :1]))
        other.step()
    assert "small-update" not in monitor.diagnose().names


def test_a_held_out_loss_that_is_not_finite_is_found() -> None:
    model = nn.Linear(1, 1)
    monitor = TrainingMonitor(model, torch.optim.SGD(model.parameters(), lr=0.1))
    step(monitor, model(torch.ones(4, 1)).square().mean())
    monitor.validate(torch.nan)
    (found,) = monitor.diagnose().findings
    assert found.name == "non-finite"
    assert "since step 1: in the loss, held out" in found.where


def test_held_out_losses_by_other_names_are_not_said_to_be_checked() -> None:
    model = nn.Linear(1, 1)
    monitor = TrainingMonitor(model, torch.optim.SGD(model.parameters(), lr=0.1))
    for value in range(6):
        step(monitor, model(torch.ones(4, 1)).square().mean())
        monitor.validate({"mse": value})
    assert "other names" in monitor.diagnose().unchecked["overfitting"]


def test_a_pickled_monitor_goes_on() -> None:
    x, model = torch.ones(4, 1), nn.Linear(1, 1)
    monitor = TrainingMonitor(model, torch.optim.SGD(model.parameters(), lr=0.1))
    step(monitor, model(x).square().mean())
    twin = pickle.loads(pickle.dumps(monitor))
    step(twin, twin.model(x).square().mean())
    assert twin.table()["step"].max() == 1
    assert monitor.table()["step"].max() == 0


def test_losses_of_accumulated_batches_may_be_late() -> None:
    model = nn.Linear(1, 1)
    monitor = TrainingMonitor(model, torch.optim.SGD(model.parameters(), lr=0.1))
    for _ in range(3):
        losses = [model(torch.ones(4, 1)).square().mean() for _ in range(2)]
        monitor.optimizer.zero_grad()
        sum(losses).backward()
        monitor.optimizer.step()
        for loss in losses:
            monitor.log(loss)
    rows = monitor.table().query("quantity == 'loss/loss'")
    assert rows["step"].tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.as_user
def test_numbers_of_numpy_will_do() -> None:
    model = nn.Linear(1, 1)
    monitor = TrainingMonitor(model, torch.optim.SGD(model.parameters(), lr=0.1))
    monitor.log(np.float32(0.5))
    assert monitor.table()["value"].tolist() == [0.5]
