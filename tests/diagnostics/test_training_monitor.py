"""A monitor records what a training does, in whatever order it is called, and leaves no trace in it."""

import copy
import io
import math
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from companion.diagnostics import TrainingMonitor
from companion.diagnostics._training import record

X = torch.randn(32, 8, generator=torch.Generator().manual_seed(0))
Y = X[:, :1] - 2 * X[:, 1:2]


def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))


def step(net: nn.Module, optimizer: torch.optim.Optimizer, monitor: TrainingMonitor | None = None) -> Tensor:
    optimizer.zero_grad()
    loss = F.mse_loss(net(X), Y)
    loss.backward()
    if monitor is not None:
        monitor.log(loss)
    optimizer.step()
    return loss.detach()


def monitored(steps: int, **options: Any) -> tuple[TrainingMonitor, list[float]]:
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    monitor = TrainingMonitor(net, optimizer, **options)
    return monitor, [float(step(net, optimizer, monitor)) for _ in range(steps)]


def recorded(monitor: TrainingMonitor, quantity: str) -> dict[int, float]:
    table = monitor.table()
    rows = table[table["quantity"] == quantity]
    return dict(zip(rows["step"].tolist(), rows["value"].tolist(), strict=True))


# What it records.


def test_keeps_the_loss_of_every_step() -> None:
    monitor, losses = monitored(7, interval=3)
    assert recorded(monitor, "loss/loss") == pytest.approx(dict(enumerate(losses)))


def test_looks_at_powers_of_two_and_at_every_interval() -> None:
    monitor, _ = monitored(40, interval=10)
    assert list(recorded(monitor, "gradient")) == [0, 1, 2, 4, 8, 10, 20, 30]


def test_norms_are_those_of_the_step() -> None:
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    monitor = TrainingMonitor(net, optimizer, interval=1)
    for at in range(3):
        before = net[0].weight.detach().clone()
        step(net, optimizer, monitor)
        after, gradient = net[0].weight.detach(), net[0].weight.grad
        assert recorded(monitor, "gradient/0.weight")[at] == pytest.approx(float(gradient.norm()))
        assert recorded(monitor, "weight/0.weight")[at] == pytest.approx(float(after.norm()))
        assert recorded(monitor, "update/0.weight")[at] == pytest.approx(float((after - before).norm()), rel=1e-4)
        total = torch.stack([p.grad.norm() for p in net.parameters()]).norm()
        assert recorded(monitor, "gradient")[at] == pytest.approx(float(total))


def test_parts_have_names_and_numbers_will_do() -> None:
    monitor, _ = monitored(0)
    monitor.log({"task": torch.tensor(2.0), "penalty": 0.5})
    monitor.validate({"task": torch.tensor(3.0)})
    assert recorded(monitor, "loss/penalty") == {0: 0.5}
    assert recorded(monitor, "validation/task") == {0: 3.0}


def test_a_loss_changed_in_place_afterwards_was_recorded_as_it_was() -> None:
    monitor, _ = monitored(0)
    loss = torch.tensor(2.0)
    monitor.log(loss)
    loss *= 0
    assert recorded(monitor, "loss/loss") == {0: 2.0}


def test_learning_rate_is_the_largest_of_the_groups() -> None:
    net = model()
    groups = [{"params": net[0].parameters(), "lr": 0.01}, {"params": net[2].parameters(), "lr": 0.1}]
    optimizer = torch.optim.SGD(groups, lr=1.0)
    monitor = TrainingMonitor(net, optimizer)
    step(net, optimizer, monitor)
    assert recorded(monitor, "learning rate") == {0: 0.1}


def test_parameters_outside_the_model_are_watched_too() -> None:
    net, extra = model(), nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([*net.parameters(), extra], lr=0.1)
    monitor = TrainingMonitor(net, optimizer)
    (F.mse_loss(net(X), Y) + extra.square().sum()).backward()
    optimizer.step()
    assert recorded(monitor, "gradient/group 0, parameter 4")[0] == pytest.approx(math.sqrt(12))


# Where it is called.


def test_log_after_the_step_belongs_to_that_step() -> None:
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    monitor = TrainingMonitor(net, optimizer)
    losses = []
    for _ in range(5):
        losses.append(float(loss := step(net, optimizer)))
        monitor.log(loss)
    assert recorded(monitor, "loss/loss") == pytest.approx(dict(enumerate(losses)))


def test_accumulated_batches_are_averaged() -> None:
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    monitor = TrainingMonitor(net, optimizer, interval=2)
    for _ in range(3):
        optimizer.zero_grad()
        for value in (1.0, 2.0, 6.0):
            (net(X).mean() / 3).backward()
            monitor.log(torch.tensor(value))
        optimizer.step()
    steps, values = monitor._record.total()
    assert steps.tolist() == [0, 1, 2]
    assert values.tolist() == [3.0, 3.0, 3.0]
    assert "stale-gradient" not in monitor.diagnose().names


@pytest.mark.parametrize("inside", [True, False])
def test_line_searches_count_once_a_step(inside: bool) -> None:
    net = model()
    optimizer = torch.optim.LBFGS(net.parameters(), lr=0.1, max_iter=5, line_search_fn="strong_wolfe")
    monitor = TrainingMonitor(net, optimizer)
    first = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.mse_loss(net(X), Y)
        loss.backward()
        if inside:
            monitor.log(loss)
        return loss

    for _ in range(4):
        first.append(float(F.mse_loss(net(X), Y).detach()))
        loss = optimizer.step(closure)
        if not inside:
            monitor.log(loss)
    assert recorded(monitor, "loss/loss") == pytest.approx(dict(enumerate(first)), rel=1e-4)
    assert recorded(monitor, "update/0.weight")[0] > 0


def test_steps_that_a_scaler_skips_are_no_steps() -> None:
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**8)
    monitor = TrainingMonitor(net, optimizer, interval=1)
    for scale in (1.0, math.inf, 1.0):
        optimizer.zero_grad()
        loss = F.mse_loss(net(X), Y)
        scaler.scale(loss * scale).backward()
        monitor.log(loss)
        scaler.step(optimizer)
        scaler.update()
    assert list(recorded(monitor, "gradient")) == [0, 1]
    assert recorded(monitor, "gradient")[0] < 100  # not scaled
    assert monitor.diagnose().ok


def test_half_precision_norms_do_not_overflow() -> None:
    net = nn.Linear(8, 1, bias=False).half()
    with torch.no_grad():
        net.weight.fill_(300.0)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    monitor = TrainingMonitor(net, optimizer)
    net.weight.sum().backward()
    optimizer.step()
    assert recorded(monitor, "weight/weight")[0] == pytest.approx(300 * math.sqrt(8))  # squares are beyond 65504


def test_sparse_gradients_have_a_norm() -> None:
    net = nn.Embedding(10, 4, sparse=True)
    optimizer = torch.optim.SparseAdam(net.parameters())
    monitor = TrainingMonitor(net, optimizer)
    net(torch.tensor([1, 1, 3])).sum().backward()
    optimizer.step()
    # Row 1 twice, row 3 once: four times 2 squared, four times 1 squared.
    assert recorded(monitor, "gradient/weight")[0] == pytest.approx(math.sqrt(20))


def test_a_forward_pass_that_fails_does_no_harm() -> None:
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    monitor = TrainingMonitor(net, optimizer, interval=2)
    for _ in range(3):
        with pytest.raises(RuntimeError, match="shapes"):
            net(X[:, :3])
        step(net, optimizer, monitor)
    assert list(recorded(monitor, "gradient")) == [0, 1, 2]
    assert not net[1]._forward_hooks


# Dead units.


def test_dead_units_are_counted_over_many_rows() -> None:
    net = model()
    with torch.no_grad():
        net[0].bias[:4] = -100.0
        net[0].bias[4:] = 1.0
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-6)
    monitor = TrainingMonitor(net, optimizer, interval=1)
    for _ in range(9):
        step(net, optimizer, monitor)
    # 32 rows a step: after eight steps they were alike on 256.
    assert list(recorded(monitor, "dead/1 (ReLU)").values()) == [0.0] * 7 + [0.25] * 2


def test_channels_are_the_units_of_images() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 1))
    with torch.no_grad():
        net[0].bias.copy_(torch.tensor([-100.0, 1.0, 1.0, 1.0]))
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-6)
    monitor = TrainingMonitor(net, optimizer, interval=1)
    for _ in range(4):
        net(torch.randn(100, 1, 8, 8)).sum().backward()  # of which 64 rows are looked at
        optimizer.step()
    assert recorded(monitor, "dead/1 (ReLU)")[3] == 0.25


def test_validation_is_not_looked_at() -> None:
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    monitor = TrainingMonitor(net, optimizer)
    with torch.no_grad():
        net(X)
    assert monitor._dead.shares() == {}


# It leaves no trace.


def test_training_is_the_same_with_and_without() -> None:
    plain = model()
    optimizer = torch.optim.Adam(plain.parameters())
    for _ in range(25):
        step(plain, optimizer)
    expected = torch.rand(())
    watched = model()
    optimizer = torch.optim.Adam(watched.parameters())
    monitor = TrainingMonitor(watched, optimizer, interval=4)
    for _ in range(25):
        step(watched, optimizer, monitor)
    monitor.diagnose()
    assert torch.equal(expected, torch.rand(()))
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), watched.parameters(), strict=True))


def test_no_hook_is_left_off_the_interval_nor_after_closing() -> None:
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    with TrainingMonitor(net, optimizer, interval=10) as monitor:
        assert net[1]._forward_hooks
        for _ in range(13):
            step(net, optimizer, monitor)
        assert not net[1]._forward_hooks
        step(net, optimizer, monitor)
        assert all(not p._backward_hooks for p in net.parameters())
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks
    step(net, optimizer)
    assert len(recorded(monitor, "loss/loss")) == 14


def test_gradients_set_to_none_are_freed() -> None:
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    monitor = TrainingMonitor(net, optimizer)
    step(net, optimizer, monitor)
    gradients = [weakref.ref(p.grad) for p in net.parameters()]
    optimizer.zero_grad()
    assert all(gradient() is None for gradient in gradients)


def test_model_can_be_saved_and_copied_while_it_is_watched() -> None:
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    monitor = TrainingMonitor(net, optimizer)
    twin = copy.deepcopy(net)
    again = pickle.loads(pickle.dumps(net))
    for other in (twin, again):
        other(X)
    assert monitor._dead.shares() == {}
    assert torch.equal(twin(X), net(X))


@pytest.mark.as_user
def test_compiled_models_are_compiled_once_and_as_a_whole() -> None:
    net = model()
    compiled = torch.compile(net, backend="aot_eager", fullgraph=True)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    monitor = TrainingMonitor(compiled, optimizer, interval=2)
    with torch._dynamo.config.patch(error_on_recompile=True):
        for _ in range(8):
            step(compiled, optimizer, monitor)
    assert "gradient/0.weight" in set(monitor.table()["quantity"])
    assert monitor.diagnose().unchecked["dead-units"].endswith("the model is compiled")


# Nothing waits for a device.


def test_losses_on_a_device_wait_there_until_the_interval() -> None:
    class Elsewhere(torch.Tensor):
        """Says that it is not on the CPU, and refuses to be read."""

        @property
        def is_cpu(self) -> bool:
            return False

        def item(self) -> float:
            raise AssertionError

    monitor, _ = monitored(0, interval=5)
    for value in range(12):
        monitor.log(torch.tensor(float(value)).as_subclass(Elsewhere))
        monitor._step += 1
    assert recorded(monitor, "loss/loss") == {i: float(i) for i in range(12)}


# Checkpoints.


def test_a_resumed_training_has_the_same_diagnosis() -> None:
    def run(net: nn.Module, optimizer: torch.optim.Optimizer, monitor: TrainingMonitor, steps: range) -> None:
        for at in steps:
            step(net, optimizer, monitor)
            if at % 5 == 0:
                monitor.validate(1 + at / 10)

    def new() -> tuple[nn.Module, torch.optim.Optimizer, TrainingMonitor]:
        net = model()
        with torch.no_grad():
            net[0].bias.fill_(-10.0)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
        return net, optimizer, TrainingMonitor(net, optimizer, interval=10)

    whole = new()
    run(*whole, range(90))
    for cut in (9, 10, 11, 47):
        first = new()
        run(*first, range(cut))
        file = io.BytesIO()
        torch.save([part.state_dict() for part in first], file)
        file.seek(0)
        second = new()
        for part, state in zip(second, torch.load(file, weights_only=True), strict=True):
            part.load_state_dict(state)
        run(*second, range(cut, 90))
        assert str(second[2].diagnose()) == str(whole[2].diagnose())
        assert second[2].table().equals(whole[2].table())
    assert {"dead-units", "overfitting"} & set(whole[2].diagnose().names)


def test_a_state_of_another_model_is_refused() -> None:
    monitor, _ = monitored(3)
    other = nn.Linear(2, 2)
    stranger = TrainingMonitor(other, torch.optim.SGD(other.parameters()))
    with pytest.raises(ValueError, match=r"same parameters; these differ: \['0.bias'"):
        stranger.load_state_dict(monitor.state_dict())


def test_a_copy_goes_on_by_itself() -> None:
    monitor, _ = monitored(5, interval=2)
    twin = copy.deepcopy(monitor)
    step(twin.model, twin.optimizer, twin)
    assert twin.model is not monitor.model
    assert len(recorded(twin, "loss/loss")) == 6
    assert len(recorded(monitor, "loss/loss")) == 5


def test_long_records_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "KEPT", 16)
    monitor, _ = monitored(600, interval=1)
    steps = list(recorded(monitor, "gradient"))
    assert len(steps) <= 16
    assert steps[0] == 0
    assert steps[-1] == 599
    assert len(recorded(monitor, "loss/loss")) <= 256


# What it shows.


def test_writer_gets_what_is_recorded_at_the_interval() -> None:
    class Writer:
        def __init__(self) -> None:
            self.rows: list[tuple[str, float, int]] = []

        def add_scalar(self, name: str, value: float, at: int) -> None:
            self.rows.append((name, value, at))

    writer = Writer()
    monitor, losses = monitored(7, interval=3, writer=writer)
    monitor.validate(2.0)
    assert {at for name, _, at in writer.rows if name == "gradient/0.weight"} == {0, 1, 2, 3, 6}
    assert ("validation/loss", 2.0, 7) in writer.rows
    assert ("loss/loss", pytest.approx(losses[6]), 6) in writer.rows


@pytest.mark.parametrize("steps", [0, 1, 60])
def test_plot_has_four_panels_and_marks_findings(steps: int) -> None:
    from matplotlib import pyplot as plt

    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-9)
    monitor = TrainingMonitor(net, optimizer)
    for _ in range(steps):
        step(net, optimizer, monitor)
    figure = monitor.plot()
    assert len(figure.axes) == 4
    assert all(ax.get_title() for ax in figure.axes)
    assert figure.get_supxlabel() == ("1 small-update since 0,   2 plateau since 0" if steps == 60 else "no findings")
    figure.canvas.draw()
    plt.close(figure)


def test_nothing_seen_is_no_acquittal() -> None:
    monitor, _ = monitored(2)
    report = monitor.diagnose()
    assert report.ok
    assert report.subject == "training of Sequential, 2 steps"
    assert "plateau" in report.unchecked
    assert "plateau" not in report.checked


@pytest.mark.as_user
@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda m, o: TrainingMonitor(3, o), TypeError, "`model` must be a torch.nn.Module, got int"),
        (lambda m, o: TrainingMonitor(m, 3), TypeError, "`optimizer` must be a torch.optim.Optimizer, got int"),
        (lambda m, o: TrainingMonitor(m, o, interval=0), ValueError, "`interval` must be at least 1, got 0"),
        (lambda m, o: TrainingMonitor(m, o, interval=1.5), TypeError, "`interval` must be an int"),
        (lambda m, o: TrainingMonitor(m, o, writer=[]), TypeError, "`writer` must have a method `add_scalar"),
        (lambda m, o: TrainingMonitor(m, o).log(torch.ones(3)), ValueError, r"`losses\['loss'\]` must be a scalar"),
        (lambda m, o: TrainingMonitor(m, o).log({"a": "x"}), TypeError, r"`losses\['a'\]` must be a scalar tensor"),
        (lambda m, o: TrainingMonitor(m, o).validate(torch.tensor(1j)), TypeError, "must be real"),
    ],
)
def test_errors_name_the_argument(call: Callable[..., Any], error: type[Exception], says: str) -> None:
    net = model()
    with pytest.raises(error, match=says):
        call(net, torch.optim.SGD(net.parameters()))
