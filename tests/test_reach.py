"""What a recorded run reaches: an edit there is seen, an edit elsewhere is not, and what cannot be followed counts."""

import ast
from pathlib import Path

import pytest

from companion._reach import _plain, digest, digests_of_scripts, uses

ROOT = Path(__file__).parents[1]
RECORDED = ["book/recorded/imbalance.py", "book/recorded/noisy_labels.py", "tests/benchmarks/one_process.py"]

FILES = {
    "companion/__init__.py": "from companion import losses\n",
    "companion/_base.py": '''
import math

SCALE = 2.0

class Base:
    """A base."""

    def double(self):
        return SCALE * math.floor(1.5)

def scale(x):
    """Scales."""
    return SCALE * x

def unused(x):
    return x
''',
    "companion/_checks.py": """
RULES = {"x": float}

def check_options(x):
    RULES["x"](x)
""",
    "companion/losses/__init__.py": """
from companion.losses.hinge import HingeLoss, hinge
from companion.losses.square import square

__all__ = ["HingeLoss", "hinge", "square"]
""",
    "companion/losses/hinge.py": """
from companion._base import Base, scale
from companion._options import check_options

def hinge(x):
    check_options(x)
    return _cut(x)

def _cut(x):
    return scale(max(x, 0))

class HingeLoss(Base, of=hinge): ...
""",
    "companion/losses/square.py": "def square(x):\n    return x * x\n",
    "companion/data.py": "def rows():\n    from companion._base import scale as s\n\n    return s(1)\n",
    "companion/report.py": "def record(data):\n    return data\n",
    "run.py": '"""A run."""\nfrom companion import losses, report\n\nreport.record(losses.hinge(1))  # kept\n',
}


@pytest.fixture
def root(tmp_path):
    for name, code in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code)
    return tmp_path


def changes(root, script, name, old, new):
    """Whether an edit of a file changes the digest of a script."""
    (root / "run.py").write_text(script)
    used = uses(["run.py"], root / "companion")
    before = digest(used, root / "companion")
    code = (root / name).read_text()
    assert old in code
    (root / name).write_text(code.replace(old, new))
    return digest(used, root / "companion") != before


HINGE = "from companion import losses\nlosses.hinge(1)\n"
TWIN = "from companion.losses import HingeLoss\nHingeLoss().double()\n"


@pytest.mark.parametrize(
    ("script", "name", "old", "new"),
    [
        (HINGE, "companion/losses/hinge.py", "max(x, 0)", "max(x, 1)"),  # one hop
        (HINGE, "companion/_base.py", "return SCALE * x", "return x"),  # two, into another file
        (HINGE, "companion/_base.py", "SCALE = 2.0", "SCALE = 3.0"),  # three
        (HINGE, "companion/losses/__init__.py", "losses.hinge import HingeLoss, hinge", "losses.square import hinge"),
        (HINGE, "companion/_base.py", "SCALE = 2.0", "SCALE = 2.0\nprint(SCALE)"),  # a statement that may do anything
        (TWIN, "companion/_base.py", "floor(1.5)", "ceil(1.5)"),  # a method of the base of a class
        (TWIN, "companion/_base.py", "import math", "import cmath as math"),
        (TWIN, "companion/losses/hinge.py", "max(x, 0)", "max(x, 1)"),  # by a keyword of a class
        ("from companion import data\ndata.rows()\n", "companion/_base.py", "SCALE * x", "x"),  # imported in a function
        ("import companion.data as d\nd.rows()\n", "companion/data.py", "s(1)", "s(2)"),
        ("import companion.data\ncompanion.data.rows()\n", "companion/data.py", "s(1)", "s(2)"),
        ("import companion\ncompanion.losses.hinge(1)\n", "companion/_base.py", "SCALE * x", "x"),
    ],
)
def test_an_edit_of_what_is_reached_counts(root, script, name, old, new):
    assert changes(root, script, name, old, new)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("companion/losses/square.py", "x * x", "x ** 2"),
        ("companion/losses/__init__.py", '__all__ = ["HingeLoss", ', "__all__ = ["),
        ("companion/_base.py", "floor(1.5)", "ceil(1.5)"),
        ("companion/_base.py", "def unused(x):\n    return x", ""),
        ("companion/_base.py", "import math", "import math\nimport json"),
        ("companion/_base.py", '"""Scales."""', '"""Twice as much."""\n    # that is all'),
        ("companion/_base.py", "SCALE * x", "(SCALE  *  x)"),
        ("companion/report.py", "return data", "return None"),
        ("companion/_checks.py", '"x": float', '"x": float, "y": int'),
    ],
)
def test_an_edit_elsewhere_or_of_words_does_not_count(root, name, old, new):
    assert not changes(root, FILES["run.py"], name, old, new)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (HINGE, ["companion.losses:hinge"]),
        (FILES["run.py"], ["companion.losses:hinge"]),
        ("from companion import losses\ngetattr(losses, 'square')\n", ["companion.losses:*"]),
        ("from companion import losses as l\nall_of = l\n", ["companion.losses:*"]),
        ("from companion.losses import *\nsquare(1)\n", ["companion.losses:*"]),
        ("from companion.losses import hinge\nhinge.square\n", ["companion.losses:hinge"]),
        ("import companion\nfor part in vars(companion): ...\n", ["companion:*"]),
        ("import importlib\nimportlib.import_module('companion.losses')\n", ["companion:*"]),
        ("from importlib import import_module as load\nload('companion.losses')\n", ["companion:*"]),
        ("import sys\nsys.modules['companion.losses']\n", ["companion:*"]),
        ("import sys\nsys.argv\n", []),
        ("eval('1')\n", ["companion:*"]),
    ],
)
def test_a_script_names_what_it_uses(root, script, expected):
    (root / "run.py").write_text(script)
    assert uses(["run.py"], root / "companion") == expected


@pytest.mark.parametrize(
    "script",
    [
        "from companion import losses\ngetattr(losses, 'square')\n",
        "from companion.losses import *\n",
        "from companion.losses import no_such_name\nno_such_name(1)\n",
        "import companion\nprint(companion)\n",
        "eval('1')\n",
    ],
)
def test_what_cannot_be_followed_counts_whole(root, script):
    assert changes(root, script, "companion/losses/square.py", "x * x", "x ** 2")


@pytest.mark.parametrize("line", ["__import__('companion.losses')", "globals()['scale']"])
def test_nor_can_it_in_the_package(root, line):
    path = root / "companion" / "_base.py"
    path.write_text(path.read_text().replace("return SCALE * x", f"return {line}"))
    assert changes(root, HINGE, "companion/losses/square.py", "x * x", "x ** 2")


def test_an_import_by_dots_or_of_everything_counts_whole(root):
    path = root / "companion" / "_base.py"
    for line in ("from .data import rows", "from companion.data import *"):
        path.write_text(FILES["companion/_base.py"].replace("SCALE * x", "rows() * x") + f"\n{line}\n")
        assert changes(root, HINGE, "companion/data.py", "s(1)", "s(2)")
        (root / "companion" / "data.py").write_text(FILES["companion/data.py"])


def test_a_new_file_counts_only_where_the_whole_folder_does(root):
    def digests():
        return [digest([name], root / "companion") for name in ("companion.losses:hinge", "companion.losses:*")]

    before = digests()
    (root / "companion" / "losses" / "cube.py").write_text("def cube(x):\n    return x**3\n")
    path = root / "companion" / "losses" / "__init__.py"
    path.write_text(path.read_text() + "from companion.losses.cube import cube\n")
    after = digests()
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_the_copy_of_the_scripts_in_a_wheel_is_no_part_of_the_package(root):
    before = digest(["companion:*"], root / "companion")
    (root / "companion" / "recorded").mkdir()
    (root / "run.py").rename(root / "companion" / "recorded" / "run.py")
    assert digest(["companion:*"], root / "companion") == before


def test_a_function_hides_the_file_of_its_name(root):
    script = "from companion import losses\nlosses.hinge(1)\n"
    assert not changes(root, script, "companion/losses/hinge.py", "class HingeLoss(Base, of=hinge): ...", "")
    script = "from companion.losses.hinge import hinge\nhinge(1)\n"
    assert changes(root, script, "companion/losses/hinge.py", "max(x, 0)", "max(x, 1)")


def test_a_name_that_is_gone_or_moved_is_seen(root):
    assert changes(root, HINGE, "companion/losses/__init__.py", "HingeLoss, hinge\n", "HingeLoss\n")
    (root / "companion" / "losses" / "__init__.py").write_text(FILES["companion/losses/__init__.py"])
    before = digest(["companion.losses.hinge:hinge"], root / "companion")
    (root / "companion" / "losses" / "hinge.py").unlink()
    assert digest(["companion.losses.hinge:hinge"], root / "companion") != before


def test_the_scripts_of_the_book_are_followed_name_by_name():
    for script in RECORDED:
        used = uses([script], ROOT / "companion")
        assert len(used) > 10
        assert not [name for name in used if name.endswith(":*") or "report" in name]


def test_a_script_is_known_by_its_code_alone(root):
    path = root / "run.py"
    before = digests_of_scripts([path], root)
    assert list(before) == ["run.py"]
    path.write_text(path.read_text().replace("A run.", "A long run.").replace("# kept", ""))
    assert digests_of_scripts(["run.py"], root) == before
    path.write_text(path.read_text().replace("hinge(1)", "hinge(2)"))
    assert digests_of_scripts(["run.py"], root) != before


@pytest.mark.parametrize("script", ["no_such_run.py", "..", "companion"])
def test_a_script_that_is_not_there_is_refused(root, script):
    with pytest.raises(ValueError, match=f"`scripts` must be files of the repository, got '{script}'"):
        digests_of_scripts([script], root)


def test_what_versions_of_python_write_differently_does_not_count():
    code = 'def f(x, y):\n    return f"{x:>{y}}"\n'
    old, new = ast.parse(code), ast.parse(code)
    function = new.body[0]
    function._fields = (*function._fields, "unknown_yet")
    function.unknown_yet = []
    function.body[0].value.values[0].format_spec.values.append(ast.Constant(""))  # as 3.12 does
    assert _plain(new) == _plain(old)
    new.body[0].name = "g"
    assert _plain(new) != _plain(old)
