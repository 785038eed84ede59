"""The two forms of a diagnostic: for people, and as a JSON object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from hyperdsl.diagnostics.model import Diagnostic, Edit, Fix
from hyperdsl.source import Place, Source, Span

STYLES: Mapping[str, str] = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}


LONGEST_LINE = 120
BEFORE = 40
"""A longer source line is shown from this many columns before the place."""


def printable(text: str) -> str:
    """`text` with control characters escaped, so that a spec cannot steer the terminal that shows it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def render(diagnostic: Diagnostic) -> Text:
    """The message with its source line and a caret under the place it speaks of."""
    style = STYLES[diagnostic.severity]
    text = Text()
    if diagnostic.place:
        span = diagnostic.place.span
        text.append(f"{printable(diagnostic.place.source.path)}:{span.line}:{span.column}: ")
    text.append(f"{diagnostic.severity}[{diagnostic.code}]", style)
    text.append(f": {printable(diagnostic.message)}\n", "bold")
    gutter = ""
    if diagnostic.place:
        gutter = " " * len(str(diagnostic.place.span.line))
        _excerpt(text, diagnostic.place, gutter, style)
    for note in diagnostic.notes:
        text.append(f"{gutter} = ", "blue").append(f"note: {printable(note)}\n")
    if diagnostic.help:
        text.append(f"{gutter} = ", "blue").append(f"help: {printable(diagnostic.help)}\n", "green")
    return text


def one_line(diagnostic: Diagnostic) -> str:
    """The message on one line, without what is behind it."""
    place = diagnostic.place
    where = f"{place.source.path}:{place.span.line}:{place.span.column}: " if place else ""
    return printable(f"{where}{diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}")


def _excerpt(text: Text, place: Place, gutter: str, style: str) -> None:
    span = place.span
    lines = place.source.lines
    line = lines[span.line - 1] if span.line <= len(lines) else ""
    end = span.end_column if span.end_line == span.line else len(line) + 1
    width = max(1, min(end, len(line) + 1) - span.column)
    first = max(0, span.column - 1 - BEFORE) if len(line) > LONGEST_LINE else 0
    cut = line[first : first + LONGEST_LINE]
    shown = ("…" if first else "") + printable(cut.replace("\t", " ")) + ("…" if first + len(cut) < len(line) else "")
    offset = span.column - 1 - first + bool(first)
    width = min(width, LONGEST_LINE - offset)
    text.append(f"{gutter} |\n{span.line} | ", "blue").append(f"{shown}\n")
    text.append(f"{gutter} | ", "blue").append(" " * offset).append("^" * width + "\n", style)


def report(diagnostics: Iterable[Diagnostic], console: Console) -> None:
    """Print every diagnostic, a blank line between them; colour is the console's matter."""
    for diagnostic in diagnostics:
        console.print(render(diagnostic), soft_wrap=True, highlight=False)


def from_json(content: Mapping[str, Any], source: Source) -> Diagnostic:
    """The diagnostic of `source` that `as_json` made the object of."""
    place = None if content["path"] is None else Place(source, _span_of(content))
    notes, advice, fix = tuple(content["notes"]), content["help"], content["fix"]
    edits = () if fix is None else tuple(Edit(_span_of(edit), edit["text"]) for edit in fix["edits"])
    mended = None if fix is None else Fix(fix["title"], edits)
    return Diagnostic(content["code"], content["severity"], content["message"], place, notes, advice, mended)


ENDS = ("line", "column", "end_line", "end_column")


def _span_of(content: Mapping[str, Any]) -> Span:
    return Span(*(content[key] for key in ENDS))


def _ends(span: Span | None) -> dict[str, object]:
    return {key: getattr(span, key, None) for key in ENDS}


def as_json(diagnostic: Diagnostic) -> dict[str, object]:
    """The JSON object of DESIGN §3; a message about no place has line and column 1 of its file or path null."""
    place = diagnostic.place
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "path": place.source.path if place else None,
        **_ends(place.span if place else None),
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
        "fix": None
        if diagnostic.fix is None
        else {
            "title": diagnostic.fix.title,
            "edits": [{**_ends(edit.span), "text": edit.text} for edit in diagnostic.fix.edits],
        },
    }


def report_text(diagnostics: Iterable[Diagnostic]) -> str:
    """The messages as plain text."""
    return "\n".join(render(diagnostic).plain for diagnostic in diagnostics)
