"""What a diagnostic is. Its texts are data in `catalogue`; how it looks is decided in `render`."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hyperdsl.source import Place, Span

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Edit:
    """A stretch of the diagnostic's own source and the text to put there; an empty stretch is a place to insert at."""

    span: Span
    text: str


@dataclass(frozen=True)
class Fix:
    """What mends a spec for certain: it changes nothing but what the message speaks of, and removes the message.

    `title` says what it does, as an imperative. The edits do not overlap.
    """

    title: str
    edits: tuple[Edit, ...]

    @classmethod
    def put(cls, text: str, span: Span, title: str) -> Fix:
        """The fix that puts one text in the place of another."""
        return cls(title, (Edit(span, text),))


@dataclass(frozen=True)
class Diagnostic:
    """One message about a spec: a stable code, the smallest place, facts as notes, the action as help.

    `fix` does what `help` says, where there is no doubt what to write.
    """

    code: str
    severity: Severity
    message: str
    place: Place | None = None
    notes: tuple[str, ...] = ()
    help: str | None = None
    fix: Fix | None = None


@dataclass(frozen=True)
class Entry:
    """A kind of message: its text has named fields, filled in by `at`."""

    code: str
    severity: Severity
    text: str
    help: str | None = None

    def at(
        self,
        place: Place | None,
        *,
        notes: Iterable[str] = (),
        help: str | None = None,
        fix: Fix | None = None,
        **fields: object,
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
            fix,
        )


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Advice naming the nearest known spelling, or None where nothing is near; capitals count for little."""
    words = list(known)
    lowered = {word.lower(): word for word in words}
    near = difflib.get_close_matches(name, words, n=1, cutoff=0.6)
    same = lowered.get(name.lower())
    if same is None and not near:
        near = [lowered[word] for word in difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)]
    found = same or (near[0] if near else None)
    return f"did you mean `{found}`?" if found else None


def did_you_mean_path(path: Path) -> str | None:
    """Advice naming what lies in the path's folder under the nearest name; None where the path is there, too."""
    try:
        return None if os.path.lexists(path) else did_you_mean(path.name, os.listdir(path.parent))
    except (OSError, ValueError):
        return None


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    return any(diagnostic.severity == "error" for diagnostic in diagnostics)
