"""Reports: the wire format of MyST-NB, figures that stand alone and repeat, provenance that cannot be forged by age."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup

from companion import report
from companion.report import Recorded, answer, glue, record, recorded, slider


@pytest.fixture
def shown(monkeypatch):
    calls = []
    monkeypatch.setattr(report, "display", lambda data, **options: calls.append((data, options)))
    return calls


@pytest.mark.parametrize("value", [0.25, 3, "a < b", True])
def test_glue_writes_what_myst_nb_writes(shown, monkeypatch, value):
    theirs = pytest.importorskip("myst_nb.ext.glue")
    expected = []
    monkeypatch.setattr(theirs, "ipy_display", lambda data, **options: expected.append((data, options)))
    theirs.glue("key", value, display=False)
    glue("key", value)
    assert shown == expected


@pytest.mark.parametrize("value", [np.float64(0.25), np.float32(0.25), torch.tensor(0.25), np.array([0.25])])
def test_glue_turns_scalars_into_python_numbers(shown, value):
    glue("key", value)
    assert shown[0][0] == {"application/papermill.record/text/plain": "0.25"}


def test_glue_refuses_what_prose_cannot_show(shown):
    for value in (float("nan"), torch.tensor(float("inf"))):
        with pytest.raises(ValueError, match=r"`value` must be finite, got (nan|inf) for 'key'"):
            glue("key", value)
    with pytest.raises(TypeError, match="`value` must be a number or a string, got Tensor"):
        glue("key", torch.zeros(2))
    assert not shown
    glue("key", float("nan"), allow_nan=True)
    assert shown[0][0] == {"application/papermill.record/text/plain": "nan"}


@pytest.mark.parametrize(
    ("yours", "expected"),
    [
        (None, "The answer is 0.5. Put yours"),
        (torch.tensor(0.504), "Right: the answer is 0.5."),  # 0.8 % off
        (0.51, "Not yet: the answer is 0.5, yours is 0.51."),  # 2 % off
        (float("nan"), "Not yet"),
    ],
)
def test_answer_judges_the_reader_within_a_hundredth(yours, expected):
    assert answer(yours, 0.5).data.startswith(expected)


ROOT = Path(report.__file__).parents[1]
RUN = {"command": "make bench", "scripts": ["run.py"]}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "book" / "recorded").mkdir(parents=True)
    (tmp_path / "companion").mkdir()
    (tmp_path / "companion" / "loss.py").write_text("x = 1\ny = 1\n")
    (tmp_path / "run.py").write_text("from companion.loss import x\nprint(x)\n")
    monkeypatch.setattr(report, "_PACKAGE", tmp_path / "companion")
    return tmp_path


def test_a_recorded_run_comes_back_with_its_provenance(folder):
    path = record("speed", {"focal": [1.02, 0.98]}, **RUN)
    assert path == folder / "book" / "recorded" / "speed.json"
    run = recorded("speed")
    assert run.data == {"focal": [1.02, 0.98]}
    assert run.uses == ["companion.loss:x"]
    assert list(run.scripts) == ["run.py"]
    assert run.current
    assert run.torch == torch.__version__
    assert str(run) == f"Recorded on {run.date} with torch {run.torch} on {run.machine} by `make bench`."
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", run.date)
    before = path.read_text()
    record("speed", {"focal": [1.02, 0.98]}, **RUN)
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("name", "code"),
    [("companion/loss.py", "x = 2\ny = 1\n"), ("run.py", "from companion.loss import x\nprint(x + 1)\n")],
)
def test_an_edit_of_its_code_flags_what_was_recorded(folder, name, code):
    record("speed", 1.0, **RUN)
    (folder / name).write_text(code)
    run = recorded("speed")
    assert not run.current
    assert "changed since" in str(run)
    assert "changed since" in run._repr_html_()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("companion/loss.py", "x = 1\ny = 2\n"),
        ("companion/cost.py", "x = 2\n"),
        ("run.py", "# A run.\nfrom companion.loss import x\n\nprint(x)\n"),
    ],
)
def test_an_edit_elsewhere_or_of_words_does_not(folder, name, code):
    record("speed", 1.0, **RUN)
    (folder / name).write_text(code)
    assert recorded("speed").current


def test_an_installed_package_finds_its_own_copy_and_needs_no_script(folder):
    path = record("speed", 1.0, **RUN)
    path.parent.rename(folder / "companion" / "recorded")
    (folder / "run.py").unlink()
    assert recorded("speed").data == 1.0
    assert recorded("speed").current
    (folder / "companion" / "loss.py").write_text("x = 2\n")
    assert not recorded("speed").current


@pytest.mark.parametrize("name", ["imbalance", "noisy_labels", "speed"])
def test_the_runs_of_the_book_say_what_they_use(name):
    run = recorded(name)
    assert all((ROOT / path).is_file() for path in run.scripts)
    assert run.uses == report.uses(run.scripts, ROOT / "companion") or not run.current


def test_provenance_is_escaped():
    run = Recorded(1, "a < b", "2025-01-31", "2 CPUs", "2.6.0", {}, [], report.digest([], ROOT / "companion"))
    assert (
        run._repr_html_()
        == "<p><em>Recorded on 2025-01-31 with torch 2.6.0 on 2 CPUs by <code>a &lt; b</code>.</em></p>"
    )


def test_recording_says_what_is_wrong(folder):
    record("speed", 1.0, **RUN)
    with pytest.raises(FileNotFoundError, match="`name` must be a recorded run, got 'size'; recorded: speed"):
        recorded("size")
    with pytest.raises(ValueError, match="`name` must be made of"):
        record("../speed", 1.0, **RUN)
    with pytest.raises(ValueError, match=r"`scripts` must be files of the repository, got 'walk\.py'"):
        record("speed", 2.0, command="make bench", scripts=["walk.py"])
    with pytest.raises(ValueError, match="not JSON compliant"):
        record("speed", float("nan"), **RUN)
    assert recorded("speed").data == 1.0  # the failed attempts left the file as it was


X = np.linspace(0, 1, 5)
FRAMES = {g: {"focal": (1 - X) ** g, "<poly> & co": 1 + g * X} for g in (0.0, 1.0, 2.0)}
TEXT = {"label": "gamma", "alt": 'Loss "against" p falls faster at larger gamma.', "xlabel": "p", "ylabel": "loss"}


def page(**change):
    return BeautifulSoup(slider(**({"x": X, "frames": FRAMES} | TEXT | change)).data, "html.parser")


def data(figure):
    script = figure.script.string
    return json.loads(re.search(r"\[keys,frames\]=(\[.*\]),input=", script).group(1))


def points(path):
    return [tuple(map(float, pair.split(","))) for pair in path.removeprefix("M").split("L")]


def test_slider_holds_every_frame_to_scale():
    figure = page(ylim=(0, 4))
    keys, frames = data(figure)
    assert keys == ["0.0", "1.0", "2.0"]
    assert [len(frame) for frame in frames] == [2, 2, 2]
    # The plot spans 44 to 350 across and 230 (y = 0) to 30 (y = 4) down: y = 1 lies at 180, y = 3 at 80.
    assert points(frames[0][0])[0] == (44, 180)
    assert points(frames[2][1])[-1] == (350, 80)
    drawn = [path["d"] for path in figure.select("path[data-curve]")]
    assert drawn == frames[0]


def test_slider_draws_fixed_axes_with_round_ticks():
    ticks = [text.string for text in page().svg.find_all("text")]
    assert ticks == ["loss", "0", "1", "2", "3", "0", "0.2", "0.4", "0.6", "0.8", "1", "p"]


def test_slider_keeps_the_reference_still():
    figure = page(reference={"chance": X})
    assert len(figure.select("path.lc-fixed:not([data-curve])")) == 1
    assert [span.get_text() for span in figure.select(".lc-legend span")] == ["focal", "<poly> & co", "chance"]


def test_slider_is_accessible_and_needs_no_network():
    figure = page()
    control = figure.find("input")
    assert figure.find("label")["for"] == control["id"]
    assert figure.find("output")["for"] == [control["id"]]
    assert (control["type"], control["min"], control["max"], control["aria-valuetext"]) == ("range", "0", "2", "0.0")
    assert figure.svg["role"] == "img"
    assert figure.svg["aria-label"] == TEXT["alt"]
    assert "http" not in str(figure)
    assert not figure.find(["link", "img", "iframe"])


def test_slider_repeats_byte_by_byte_and_has_its_own_names():
    assert slider(X, FRAMES, **TEXT).data == slider(X, FRAMES, **TEXT).data
    first, other = ({tag["id"] for tag in page(**c).select("[id]")} for c in ({}, {"label": "q"}))
    assert len(first) == 3
    assert not first & other


def test_slider_cannot_be_broken_by_a_name():
    figure = page(frames={"</script><b>": {"a": X}}, label="<i>", ylabel="<u>")
    assert not figure.find(["b", "i", "u"])
    assert data(figure)[0] == ["</script><b>"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": {}}, "`frames` must hold at least one frame"),
        ({"frames": {0: {"a": X}, 1: {"b": X}}}, "all with the same curves"),
        ({"frames": {0: {"a": X[:4]}}}, r"as many points as `x`, \(5,\), got \(1, 4\)"),
        ({"frames": {0: {"a": X * np.nan}}}, "finite"),
        ({"frames": {0: dict.fromkeys("abcde", X)}}, "at most 4 curves and `reference` 1, got 5 and 0"),
        ({"alt": "A plot"}, "`alt` must be a sentence"),
    ],
)
def test_slider_says_what_is_wrong(change, message):
    with pytest.raises(ValueError, match=message):
        page(**change)


def test_the_package_itself_stays_light():
    heavy = {"matplotlib", "pandas", "sklearn", "scipy", "seaborn", "statsmodels", "IPython"}
    code = f"import sys, companion; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
