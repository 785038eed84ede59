"""A page for each diagnostic, with a spec that gives it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from hyperdsl import compiler
from hyperdsl.diagnostics import catalogue
from hyperdsl.diagnostics.model import Entry
from hyperdsl.diagnostics.render import render
from hyperdsl.source import SpecFile
from tools.site.pages import ROOT, Page, fenced, plain, table

BAD = ROOT / "tests" / "diagnostics"
LONGEST = 60
"""Lines of a spec that is shown."""


@cache
def entries() -> tuple[Entry, ...]:
    """Every kind of message, by code."""
    found = (value for value in vars(catalogue).values() if isinstance(value, Entry))
    return tuple(sorted(found, key=lambda entry: entry.code))


def pages() -> Iterator[Page]:
    """A page for each code, and their table."""
    shown = _examples()
    rows = ((f"[{entry.code}]({entry.code}.md)", entry.severity, plain(entry.text)) for entry in entries())
    head = (
        "# Diagnostics\n\n"
        "Codes are stable, texts may be improved. Errors end with exit code 1, warnings and notes do not.\n"
    )
    yield Page("reference/diagnostics/index.md", f"{head}\n{table(('code', 'kind', 'message'), rows)}")
    for entry in entries():
        parts = [f"# {entry.code}\n", f"{entry.severity.capitalize()}: {plain(entry.text)}\n"]
        if entry.help:
            parts.append(f"What to do: {plain(entry.help)}\n")
        if entry.code in shown:
            spec, message = shown[entry.code]
            parts += ["A spec that gives it:\n", fenced(spec, "text"), "What is said of it:\n", fenced(message, "text")]
        yield Page(f"reference/diagnostics/{entry.code}.md", "\n".join(parts))


def _examples() -> dict[str, tuple[str, str]]:
    """The shortest bad spec of each code, and its message."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted(BAD.glob("*.hyper"), key=lambda path: path.stat().st_size):
        try:
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue
        if text.count("\n") > LONGEST or "\r" in text:
            continue
        for diagnostic in compiler.check([SpecFile(path, path.name)]).diagnostics:
            found.setdefault(diagnostic.code, (text, render(diagnostic).plain))
    return found
