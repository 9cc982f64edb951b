"""What a diagnostic says: findings, each with the case that shows it and a cure, gathered in a report."""

import html
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "note"]


class Finding(NamedTuple):
    """One thing that a diagnostic has seen: its ``name``, how bad it is, ``what`` was seen ``where``, and a ``cure``.

    ``severity`` is ``"error"`` where numbers are wrong or training cannot go on, ``"warning"`` where they are right and
    will hurt, ``"note"`` for a trait that is no fault by itself.
    """

    name: str
    severity: Severity
    what: str
    where: str
    cure: str

    @property
    def link(self) -> str:
        """The entry of the book that explains it."""
        return f"book/findings.html#{self.name}"


@dataclass(frozen=True)
class Report:
    """What a diagnostic has found in ``subject``, as text and, in a notebook, as a list with links.

    ``unchecked`` gives the checks that could not be made, each with the reason: no finding there is no acquittal.
    """

    subject: str
    seen: Sequence[Finding]
    checked: Sequence[str] = ()
    unchecked: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; notes do not count."""
        return not self.findings

    @property
    def findings(self) -> list[Finding]:
        """What is wrong, errors first."""
        return sorted((f for f in self.seen if f.severity != "note"), key=lambda f: f.severity)

    @property
    def notes(self) -> list[Finding]:
        """Traits that are no faults by themselves."""
        return [f for f in self.seen if f.severity == "note"]

    @property
    def names(self) -> list[str]:
        """The names of the findings."""
        return [f.name for f in self.findings]

    def __str__(self) -> str:
        lines = [self._verdict()]
        for found in [*self.findings, *self.notes]:
            lines.append(f"\n{found.severity}: {found.name}")
            for label, text in (("what", found.what), ("where", found.where), ("cure", found.cure)):
                lead = f"  {label:<7}"
                lines += textwrap.wrap(text, 100, initial_indent=lead, subsequent_indent=" " * len(lead)) or [lead]
            lines.append(f"  more   {found.link}")
        lines += [f"\nnot checked: {name} ({reason})" for name, reason in self.unchecked.items()]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The report as a list; links are relative to a page in the folder of the notebooks."""
        entries = "".join(
            f'<dt><a href="../{found.link}">{found.name}</a> ({found.severity})</dt>'
            f"<dd>{html.escape(found.what)}</dd>"
            f"<dd><em>Where:</em> {html.escape(found.where)}</dd>"
            f"<dd><em>Cure:</em> {html.escape(found.cure)}</dd>"
            for found in [*self.findings, *self.notes]
        )
        listed = f'<dl class="findings">{entries}</dl>' if entries else ""
        left = "".join(f"<p>Not checked: {html.escape(f'{name} ({why})')}.</p>" for name, why in self.unchecked.items())
        return f"<p>{html.escape(self._verdict())}</p>{listed}{left}"

    def _verdict(self) -> str:
        def count(n: int, word: str) -> str:
            return f"{n or 'no'} {word}{'' if n == 1 else 's'}"

        checks = f" in {count(len(self.checked), 'check')}" if self.checked else ""
        notes = f", {count(len(self.notes), 'note')}" if self.notes else ""
        return f"{self.subject}: {count(len(self.findings), 'finding')}{notes}{checks}"
