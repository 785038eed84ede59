"""Diagnostics in the forms of other programs: SARIF 2.1.0 (OASIS), and the commands of GitHub's workflows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from urllib.parse import quote

from hyperdsl import __version__
from hyperdsl.diagnostics.explained import codes, page
from hyperdsl.diagnostics.model import Diagnostic, Fix
from hyperdsl.source import Place, Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def sarif(diagnostics: Sequence[Diagnostic]) -> dict[str, object]:
    """The log of one run; its rules are all codes, so that what a rule says does not depend on the run."""
    rules = [
        {
            "id": code,
            "shortDescription": {"text": page(code).summary},
            "fullDescription": {"text": page(code).text},
            "defaultConfiguration": {"level": page(code).severity},
            "help": {"text": f"hyperdsl explain {code}"},
        }
        for code in codes()
    ]
    index = {code: i for i, code in enumerate(codes())}
    driver = {"name": "hyperdsl", "version": __version__, "semanticVersion": __version__, "rules": rules}
    results = [_result(diagnostic, index[diagnostic.code]) for diagnostic in diagnostics]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(diagnostic: Diagnostic, rule: int) -> dict[str, object]:
    result: dict[str, object] = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity,
        "message": {"text": full_text(diagnostic)},
    }
    if diagnostic.place:
        location = {"artifactLocation": _artifact(diagnostic.place), "region": _region(diagnostic.place.span)}
        result["locations"] = [{"physicalLocation": location}]
        if diagnostic.fix:
            result["fixes"] = [_fix(diagnostic.place, diagnostic.fix)]
    return result


def _fix(place: Place, fix: Fix) -> dict[str, object]:
    replacements = [{"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}} for edit in fix.edits]
    change = {"artifactLocation": _artifact(place), "replacements": replacements}
    return {"description": {"text": fix.title}, "artifactChanges": [change]}


def _artifact(place: Place) -> dict[str, str]:
    path = PurePath(place.source.path)
    return {"uri": path.as_uri() if path.is_absolute() else quote(path.as_posix())}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def full_text(diagnostic: Diagnostic) -> str:
    """The message, its notes and its help, a line each."""
    notes = [f"note: {note}" for note in diagnostic.notes]
    return "\n".join([diagnostic.message, *notes, *([f"help: {diagnostic.help}"] if diagnostic.help else [])])


def workflow_command(diagnostic: Diagnostic) -> str:
    """The line that GitHub shows beside the place it speaks of."""
    properties = {"title": f"hyperdsl {diagnostic.code}"}
    if diagnostic.place:
        span = diagnostic.place.span
        properties |= {"file": diagnostic.place.source.path, "line": str(span.line), "col": str(span.column)}
        properties |= {"endLine": str(span.end_line), "endColumn": str(span.end_column)}
    named = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items())
    return f"::{COMMANDS[diagnostic.severity]} {named}::{_escaped(full_text(diagnostic))}"


def _escaped(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
