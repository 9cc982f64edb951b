"""What a notebook hands to its reader: numbers for the prose, a figure with a slider, results of long runs."""

import hashlib
import json
import math
import os
import platform
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from IPython.display import HTML, Markdown, display
from matplotlib.ticker import MaxNLocator

from companion._reach import digest, digests_of_scripts, uses

_PACKAGE = Path(__file__).parent


def glue(name: str, value: Any, *, allow_nan: bool = False) -> None:
    """Keep a number for the prose, which shows it by ``{glue:text}`name:.2f```.

    Writes what ``myst_nb.glue`` writes, without making readers on Colab install Sphinx.

    Args:
        name: The key, once per notebook.
        value: A number, a string, or an array or tensor of one element.
        allow_nan: Whether NaN and infinities may be kept.

    Raises:
        TypeError: If ``value`` is neither a number nor a string.
        ValueError: If ``value`` is not finite and ``allow_nan`` is False.

    Example:
        >>> glue("rate", torch.tensor(0.0) / 0)
        Traceback (most recent call last):
        ValueError: `value` must be finite, got nan for 'rate'. Pass `allow_nan=True` if it is meant.
    """
    if not isinstance(value, str):
        if isinstance(value, np.generic | np.ndarray | torch.Tensor) and math.prod(value.shape) == 1:
            value = value.item()
        if not isinstance(value, int | float):
            raise TypeError(f"`value` must be a number or a string, got {type(value).__name__} for {name!r}.")
        if not (allow_nan or math.isfinite(value)):
            raise ValueError(f"`value` must be finite, got {value} for {name!r}. Pass `allow_nan=True` if it is meant.")
    prefix = "application/papermill.record/"
    metadata = {"scrapbook": {"name": name, "mime_prefix": prefix}}
    display({f"{prefix}text/plain": repr(value)}, raw=True, metadata=metadata)  # type: ignore[no-untyped-call]


def answer(yours: Any, right: float, *, within: float = 0.01) -> Markdown:
    """Compare a reader's answer to an exercise with the right one.

    Args:
        yours: The reader's number, or None if there is none yet.
        right: The right number.
        within: Relative error that still counts as right.

    Returns:
        A sentence to be the last line of the solution's cell.

    Example:
        >>> answer(0.04, 1 / 26).data
        'Not yet: the answer is 0.03846, yours is 0.04.'
    """
    if yours is None:
        text = f"The answer is {right:.4g}. Put yours in the cell above, run it, then run this one again."
    elif math.isclose(float(yours), right, rel_tol=within):
        text = f"Right: the answer is {right:.4g}."
    else:
        text = f"Not yet: the answer is {right:.4g}, yours is {float(yours):.4g}."
    return Markdown(text)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Recorded:
    """The result of a run that is too long for the book, with what is needed to judge and repeat it.

    Example:
        >>> recorded("speed").command
        'make bench'
    """

    data: Any
    command: str
    date: str
    machine: str
    torch: str
    scripts: dict[str, str]  # their digests, by their paths from the root of the repository
    uses: list[str]  # what they name of ``companion``, since an installed package comes without them
    digest: str  # of all that those names reach

    @property
    def current(self) -> bool:
        """Whether the scripts, where they are at hand, and all they reach in ``companion`` are as they were."""
        root = _PACKAGE.parent
        there = digests_of_scripts([path for path in self.scripts if (root / path).exists()], root)
        return there.items() <= self.scripts.items() and digest(self.uses, _PACKAGE) == self.digest

    def __str__(self) -> str:
        changed = "" if self.current else " Its code has changed since: run it again before relying on the figures."
        return f"Recorded on {self.date} with torch {self.torch} on {self.machine} by `{self.command}`.{changed}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        said = re.sub("`(.+?)`", r"<code>\1</code>", escape(str(self)))
        return f"<p><em>{said}</em></p>"


def record(name: str, data: Any, *, command: str, scripts: Iterable[str | Path]) -> Path:
    """Write the result of a long run to ``book/recorded/NAME.json`` with its provenance.

    Args:
        name: Lower-case letters, digits, ``-`` and ``_``.
        data: Anything that JSON can hold, without NaN.
        command: The command that repeats the run, from the root of the repository.
        scripts: The files of the repository that make the run, usually ``[__file__]``.

    Returns:
        The file.

    Raises:
        ValueError: If ``name``, ``data`` or ``scripts`` is not as above.

    Example:
        >>> record("Speed!", {"focal": 1.02}, command="make bench", scripts=["tests/benchmarks/run.py"])
        Traceback (most recent call last):
        ValueError: `name` must be made of a-z, 0-9, - and _, got 'Speed!'.
    """
    path, today = _path(name), datetime.now(UTC).date().isoformat()
    digests = digests_of_scripts(scripts, _PACKAGE.parent)
    used = uses(digests, _PACKAGE)
    code = digest(used, _PACKAGE)
    result = Recorded(data, command, today, _machine(), torch.__version__, digests, used, code)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(vars(result), indent=1, sort_keys=True, allow_nan=False) + "\n")
    return path


def recorded(name: str) -> Recorded:
    """Read the result of a long run; show it with its provenance by making it the last line of a cell.

    Args:
        name: As given to :func:`record`.

    Raises:
        FileNotFoundError: If nothing was recorded under this name.

    Example:
        >>> recorded("no-such-run")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        FileNotFoundError: `name` must be a recorded run, got 'no-such-run'; recorded: ...
    """
    path = _path(name)
    if not path.exists():
        there = ", ".join(sorted(p.stem for p in path.parent.glob("*.json"))) or "nothing"
        raise FileNotFoundError(f"`name` must be a recorded run, got {name!r}; recorded: {there}.")
    return Recorded(**json.loads(path.read_text()))


def _path(name: str) -> Path:
    if not re.fullmatch(r"[a-z0-9_-]+", name):
        raise ValueError(f"`name` must be made of a-z, 0-9, - and _, got {name!r}.")
    checkout = _PACKAGE.parent / "book" / "recorded"
    return (checkout if checkout.is_dir() else _PACKAGE / "recorded") / f"{name}.json"


def _machine() -> str:
    cpus = f"{os.cpu_count()} CPUs ({platform.machine()}, {torch.backends.cpu.get_cpu_capability()})"
    return f"{torch.cuda.get_device_name()}, {cpus}" if torch.cuda.is_available() else cpus


def slider(
    x: npt.ArrayLike,
    frames: Mapping[Any, Mapping[str, npt.ArrayLike]],
    *,
    label: str,
    alt: str,
    xlabel: str,
    ylabel: str,
    reference: Mapping[str, npt.ArrayLike] | None = None,
    ylim: tuple[float, float] | None = None,
) -> HTML:
    """Line plot with one slider that works in the book, in Jupyter and on Colab, without a network or a kernel.

    Args:
        x: Positions, the same for every curve.
        frames: Per position of the slider, the curves by name; every frame has the same names.
        label: What the slider changes.
        alt: What the figure shows, in a sentence, for readers who do not see it.
        xlabel: What ``x`` is, with its unit.
        ylabel: What the curves are, with their unit.
        reference: Curves that stay the same, drawn grey and dashed.
        ylim: Lower and upper end of the vertical axis, beyond which curves are cut; by default all is shown.

    Returns:
        Something to be the last line of a cell. The same arguments give the same bytes.

    Raises:
        ValueError: If lengths or names differ, a value is not finite, or ``alt`` is not a sentence.

    Example:
        >>> figure = slider([0, 1], {0: {"focal": [1, 2]}, 2: {"focal": [1, 0]}}, label="gamma", xlabel="p",
        ...                 ylabel="loss", alt="Loss against p: rising at gamma 0, falling at gamma 2.")
        >>> 'type="range" min="0" max="1"' in figure.data
        True
    """
    keys = [str(key) for key in frames]
    names = list(next(iter(frames.values()), {}))
    if not names or any(list(curves) != names for curves in frames.values()):
        raise ValueError("`frames` must hold at least one frame, all with the same curves in the same order.")
    if len(alt.split()) < 5:
        raise ValueError(f"`alt` must be a sentence on what the figure shows, got {alt!r}.")
    fixed = dict(reference or {})
    if len(names) > 4 or len(fixed) > 1:
        raise ValueError(f"`frames` must hold at most 4 curves and `reference` 1, got {len(names)} and {len(fixed)}.")
    values = np.array([*(y for curves in frames.values() for y in curves.values()), *fixed.values()], dtype=float)
    at = np.asarray(x, dtype=float)
    if at.ndim != 1 or len(at) < 2 or values.shape[1:] != at.shape or not np.isfinite(values).all():
        raise ValueError(
            f"`frames` must hold finite curves with as many points as `x`, {at.shape}, got {values.shape}."
        )
    locate = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values
    left, right = at.min(), at.max()
    yticks = locate(*(ylim or (values.min(), values.max())))
    low, high = ylim or (yticks[0], yticks[-1])

    def across(v: Any) -> Any:
        return 44 + 306 * (v - left) / (right - left)

    def down(v: Any) -> Any:
        return 230 - 200 * (v - low) / (high - low)

    grid = [
        f'<path class="lc-grid" d="M44,{down(tick):.1f}H350"/>'
        f'<text x="38" y="{down(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        for tick in yticks
        if low <= tick <= high
    ] + [
        f'<path class="lc-grid" d="M{across(tick):.1f},230V30"/>'
        f'<text x="{across(tick):.1f}" y="247" text-anchor="middle">{tick:g}</text>'
        for tick in locate(left, right)
        if left <= tick <= right
    ]
    paths = ["M" + "L".join(f"{across(a):.1f},{down(b):.1f}" for a, b in zip(at, y, strict=True)) for y in values]
    moving = [paths[i : i + len(names)] for i in range(0, len(keys) * len(names), len(names))]
    styles = {name: f"lc-c{i}" for i, name in enumerate(names)} | dict.fromkeys(fixed, "lc-fixed")
    curves = [f'<path class="lc-c{i}" data-curve d="{d}"/>' for i, d in enumerate(moving[0])]
    curves += [f'<path class="lc-fixed" d="{d}"/>' for d in paths[len(keys) * len(names) :]]
    legend = [f"<span>{_KEY.replace('STYLE', style)}{escape(name)}</span>" for name, style in styles.items()]
    data = json.dumps([keys, moving]).replace("<", "\\u003c")
    mark = "lc-" + hashlib.sha256("\0".join([data, *grid, *curves, *legend, label, alt]).encode()).hexdigest()[:8]
    return HTML(  # type: ignore[no-untyped-call]
        f'''<figure class="lc-slider" id="{mark}"><style>{_STYLE}</style>
<svg viewBox="0 0 360 275" role="img" aria-label="{escape(alt)}"><text x="4" y="16">{escape(ylabel)}</text>
{"".join(grid)}<clipPath id="{mark}-clip"><path d="M44,30H350V230H44Z"/></clipPath>
<g clip-path="url(#{mark}-clip)">{"".join(curves)}</g>
<text x="197" y="268" text-anchor="middle">{escape(xlabel)}</text></svg>
<div class="lc-legend">{"".join(legend)}</div>
<div class="lc-control"><label for="{mark}-input">{escape(label)}</label>
<input id="{mark}-input" type="range" min="0" max="{len(keys) - 1}" value="0" autocomplete="off"
aria-valuetext="{escape(keys[0])}"><output for="{mark}-input">{escape(keys[0])}</output></div>
<script>{_SCRIPT.replace("MARK", mark).replace("DATA", data)}</script></figure>'''
    )


_KEY = '<svg viewBox="0 0 28 8" aria-hidden="true"><line class="STYLE" y1="4" x2="28" y2="4"/></svg>'
_STYLE = """
.lc-slider{--paper:#fff;--ink:#1f1f1f;--grid:#d4d4d4;--c0:#0b57a4;--c1:#b5400f;--c2:#0a7355;--c3:#7a3e9d;
box-sizing:border-box;max-width:30rem;margin:1rem 0;padding:.75rem;border:1px solid var(--grid);border-radius:.25rem;
background:var(--paper);color:var(--ink)}
html[data-theme=dark] .lc-slider,html[theme=dark] .lc-slider,body[data-jp-theme-light=false] .lc-slider{
--paper:#1b1b1b;--ink:#eee;--grid:#4a4a4a;--c0:#7cb8ff;--c1:#ff9d76;--c2:#5fd3a9;--c3:#d3a4f0}
.text_html:has(>.lc-slider){background:none!important}
.lc-slider>svg{display:block;width:100%;font:13px sans-serif}.lc-slider text{fill:var(--ink)}
.lc-slider path,.lc-slider line{fill:none;stroke-width:2.5}.lc-slider .lc-grid{stroke:var(--grid);stroke-width:1}
.lc-slider .lc-fixed{stroke:var(--ink);stroke-width:1.5;stroke-dasharray:3 3}.lc-slider .lc-c0{stroke:var(--c0)}
.lc-slider .lc-c1{stroke:var(--c1);stroke-dasharray:8 4}.lc-slider .lc-c2{stroke:var(--c2);stroke-dasharray:2 3}
.lc-slider .lc-c3{stroke:var(--c3);stroke-dasharray:10 3 2 3}
.lc-legend{display:flex;flex-wrap:wrap;gap:.25rem 1rem;margin:.25rem 0 .5rem}
.lc-legend svg{width:28px;height:8px;margin-right:.4rem;vertical-align:middle}
.lc-control{display:flex;align-items:center;gap:.75rem}.lc-control output{min-width:3.5em}
.lc-control input{flex:1;min-width:0;height:2rem;accent-color:var(--c0)}
"""
_SCRIPT = """(()=>{const figure=document.getElementById("MARK"),[keys,frames]=DATA,input=figure.querySelector("input"),
curves=figure.querySelectorAll("[data-curve]");input.addEventListener("input",()=>{const at=+input.value;
curves.forEach((curve,i)=>curve.setAttribute("d",frames[at][i]));input.setAttribute("aria-valuetext",keys[at]);
figure.querySelector("output").textContent=keys[at]})})()"""
