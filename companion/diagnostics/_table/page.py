"""A profile as HTML: a fragment for a notebook, and a page that needs no other file."""

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from companion.diagnostics._findings import Report
    from companion.diagnostics.profile_data import DataProfile
    from companion.diagnostics.recommend import Recommendation

STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1e; --soft: #63636b; --page: #fff; --line: #d9d9de; --bar: #2f6f9f; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8ea; --soft: #a3a3ab; --page: #17181a; --line: #3a3b40; --bar: #7db8e0; }
}
body { max-width: 62rem; margin: 0 auto; padding: 1rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; }
th, td { border-bottom: 1px solid var(--line); padding: 0.35rem 0.6rem; text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.name { font-weight: 600; } .soft, small { color: var(--soft); } .error, .warning { font-weight: 600; }
dl { margin: 0.5rem 0 1.5rem; } dt { font-weight: 600; margin-top: 0.5rem; } dd { margin: 0 0 0 1rem; }
svg { width: 100%; max-width: 40rem; height: auto; } svg rect { fill: var(--bar); }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; } svg line { stroke: var(--line); }
@media (max-width: 40rem) { dd { margin-left: 0; } body { font-size: 15px; } }
"""
MOST_BARS = 40


def fragment(profile: "DataProfile") -> str:
    """For a page in the folder of the notebooks, with links into the book."""
    advice = f"<p>{html.escape(profile.advice)}</p>"
    rows = "".join(_advice_row(found) for found in profile.recommended)
    head = "<tr><th>because of</th><th>losses</th><th>why</th><th>when not</th></tr>"
    table = f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>" if rows else ""
    return f"{profile.report._repr_html_()}{advice}{table}"


def _advice_row(found: "Recommendation") -> str:
    losses = ", ".join(f"<code>{html.escape(name)}</code>" for name in found.losses)
    trait = f'<a href="../{html.escape(found.link)}">{html.escape(found.trait)}</a>'
    cells = (trait, losses, html.escape(found.reason), html.escape(found.avoid))
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def page(profile: "DataProfile") -> str:
    """A whole page; pages of the book are named, not linked, since the page may lie anywhere."""
    parts = [
        f"<h1>Profile: {html.escape(profile.report.subject)}</h1>",
        f"<p>{html.escape(profile.advice)}</p>",
        "<h2>What was found</h2>",
        _findings(profile.report),
        "<h2>The target</h2>",
        histogram(profile.distribution),
        "<h2>Losses</h2>" if profile.recommended else "",
        "".join(_advice(found) for found in profile.recommended),
        "<h2>The columns</h2>" if len(profile.columns) else "",
        _table(profile.columns) if len(profile.columns) else "",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Data profile</title><style>{STYLE}</style></head><body><main>\n"
        + "\n".join(parts)
        + "\n</main></body></html>\n"
    )


def _findings(report: "Report") -> str:
    entries = []
    for found in [*report.findings, *report.notes]:
        entries.append(
            f'<h3><span class="{found.severity}">{found.severity}</span>: {html.escape(found.name)}</h3><dl>'
            + "".join(
                f"<dt>{label}</dt><dd>{html.escape(text)}</dd>"
                for label, text in (("what", found.what), ("where", found.where), ("cure", found.cure))
            )
            + f'</dl><p class="soft">In the book: {html.escape(found.link)}</p>'
        )
    left = "".join(f"<li>{html.escape(name)}: {html.escape(reason)}</li>" for name, reason in report.unchecked.items())
    nothing = "" if entries else "<p>Nothing is wrong that could be seen.</p>"
    return nothing + "".join(entries) + (f"<h3>Not checked</h3><ul>{left}</ul>" if left else "")


def _advice(found: "Recommendation") -> str:
    losses = ", ".join(f"<code>{html.escape(name)}</code>" for name in found.losses)
    return (
        f"<h3>{html.escape(found.trait)}</h3><p>{losses}</p><dl><dt>why</dt><dd>{html.escape(found.reason)}</dd>"
        f"<dt>when not</dt><dd>{html.escape(found.avoid)}</dd></dl>"
        f'<p class="soft">In the book: {html.escape(found.link)}</p>'
    )


def _table(columns: "pd.DataFrame") -> str:
    head = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in ("column", *columns))
    rows = []
    for name, row in columns.iterrows():
        cells = "".join(_cell(value) for value in row)
        rows.append(f'<tr><th scope="row">{html.escape(str(name))}</th>{cells}</tr>')
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="wide" tabindex="0">{table}</div>'


def _cell(value: object) -> str:
    if isinstance(value, str):
        return f"<td>{html.escape(value)}</td>"
    number = float(value)  # type: ignore[arg-type]
    return f'<td class="number">{"" if number != number else f"{number:.4g}"}</td>'


def histogram(distribution: "pd.DataFrame") -> str:
    """Bars of rows: one for each class, or for each interval."""
    bars = distribution.head(MOST_BARS)
    sizes = bars["rows"].tolist()
    if "class" in bars:
        labels = [str(name) for name in bars["class"]]
        spoken = [f"{name}: {size} rows" for name, size in zip(labels, sizes, strict=True)]
    else:
        labels = [f"{low:.3g}" for low in bars["from"]]
        spoken = [f"{a:.4g} to {b:.4g}: {n} rows" for a, b, n in bars.itertuples(index=False)]
    width, height, top = 600 / len(sizes), 160, max(sizes)
    drawn, every = [], -(-len(sizes) // 10)
    for i, size in enumerate(sizes):
        tall = height * size / top
        drawn.append(
            f'<rect x="{i * width + 1:.1f}" y="{height - tall:.1f}" width="{max(1.0, width - 2):.1f}" '
            f'height="{tall:.1f}"><title>{html.escape(spoken[i])}</title></rect>'
        )
        if i % every == 0:
            short = labels[i] if len(labels[i]) <= 12 else labels[i][:11] + "…"
            drawn.append(f'<text x="{i * width + 1:.1f}" y="{height + 16}">{html.escape(short)}</text>')
    more = len(distribution) - len(bars)
    note = f'<p class="soft">{more} more classes are not drawn.</p>' if more else ""
    said = f"Rows of each {'class' if 'class' in bars else 'interval'} of the target; the largest has {top}."
    return (
        f'<svg viewBox="0 0 600 {height + 24}" role="img" aria-label="{said}"><line x1="0" x2="600" y1="{height}" '
        f'y2="{height}"/>{"".join(drawn)}</svg><p class="soft">{said}</p>{note}'
    )
