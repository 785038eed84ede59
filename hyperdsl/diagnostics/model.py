"""What a diagnostic is. Its texts are data in `catalogue`; how it looks is decided in `render`."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hyperdsl.source import Place

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Diagnostic:
    """One message about a spec: a stable code, the smallest place, facts as notes, the action as help."""

    code: str
    severity: Severity
    message: str
    place: Place | None = None
    notes: tuple[str, ...] = ()
    help: str | None = None


@dataclass(frozen=True)
class Entry:
    """A kind of message: its text has named fields, filled in by `at`."""

    code: str
    severity: Severity
    text: str
    help: str | None = None

    def at(
        self, place: Place | None, *, notes: Iterable[str] = (), help: str | None = None, **fields: object
    ) -> Diagnostic:
        """This message at `place`; `help` replaces the standing advice."""
        advice = help if help is not None else self.help
        return Diagnostic(
            self.code,
            self.severity,
            self.text.format(**fields),
            place,
            tuple(notes),
            advice.format(**fields) if advice and help is None else advice,
        )


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Advice naming the nearest known spelling, or None where nothing is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else None


def did_you_mean_path(path: Path) -> str | None:
    """Advice naming what lies in the path's folder under the nearest name; None where the path is there, too."""
    try:
        return None if os.path.lexists(path) else did_you_mean(path.name, os.listdir(path.parent))
    except (OSError, ValueError):
        return None


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    return any(diagnostic.severity == "error" for diagnostic in diagnostics)
