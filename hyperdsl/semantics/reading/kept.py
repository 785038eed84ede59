"""What was read of a file's methods in an earlier check, for editors: what has not changed is not proven again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hyperdsl.diagnostics import Diagnostic
from hyperdsl.semantics.model.spec import Base
from hyperdsl.semantics.reading.report import Report
from hyperdsl.semantics.settings_table import SETTINGS
from hyperdsl.syntax import nodes as n
from hyperdsl.syntax.moved import moved_diagnostic
from hyperdsl.syntax.parts import Parts

MOST = 500
"""Methods that are kept: as many as a file may declare."""


@dataclass(frozen=True)
class Reading:
    """What a declaration, which began on `line`, was read as, and what was said of it."""

    line: int
    method: Base | None
    found: tuple[Diagnostic, ...]


class Kept:
    """Readings by the text of declarations that name no others, and the parts of files that are parsed already."""

    def __init__(self) -> None:
        self.parts = Parts(SETTINGS)
        self._readings: dict[tuple[int, str], Reading] = {}

    def recalled(self, report: Report, declaration: n.Declaration) -> Reading | None:
        """The reading of the same text, at the place where it stands now; what was said of it is said again."""
        known = self._readings.get(_key(report, declaration))
        if known is None:
            return None
        line = declaration.span.line
        found = [moved_diagnostic(diagnostic, line - known.line, report.source) for diagnostic in known.found]
        report.found.extend(found)
        method = None if known.method is None else replace(known.method, place=report.place(declaration.name))
        return Reading(line, method, tuple(found))

    def keep(
        self, report: Report, declaration: n.Declaration, method: Base | None, found: Sequence[Diagnostic]
    ) -> None:
        """Keep what was read; the oldest is forgotten where there is no room."""
        if len(self._readings) >= MOST:
            del self._readings[next(iter(self._readings))]
        self._readings[_key(report, declaration)] = Reading(declaration.span.line, method, tuple(found))


def _key(report: Report, declaration: n.Declaration) -> tuple[int, str]:
    """The declaration's text, and the column where it begins."""
    span, lines = declaration.span, report.source.lines
    text = "\n".join(lines[span.line - 1 : span.end_line])
    return span.column, text[span.column - 1 : len(text) - len(lines[span.end_line - 1]) + span.end_column - 1]
