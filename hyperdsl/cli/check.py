"""hyperdsl check"""

from __future__ import annotations

from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from hyperdsl import cache
from hyperdsl.cli.inputs import SPEC_AT_FAULT, Json, Paths, SpecFile, out, print_json, say, spec_files
from hyperdsl.diagnostics import Diagnostic, as_json, from_json, has_errors
from hyperdsl.syntax.reader import read

COLUMNS = ("name", "order", "proven", "what it is")


def check(paths: Paths, json: Json = False) -> None:
    """Parse, resolve and prove specs; print the proven order of each method."""
    files: list[dict[str, Any]] = []
    diagnostics: list[Diagnostic] = []
    project: Any = None
    for file in spec_files(paths):
        known = _remembered(file)
        if known is None:
            from hyperdsl import compiler
            from hyperdsl.semantics.scope import Project

            project = project or Project()
            outcome = compiler.outcome(file, project)
            known = cache.Entry(outcome.summary, outcome.rows, ()), outcome.diagnostics
            _remember(file, outcome.imports, *known)
        entry, found = known
        files.append(entry.summary)
        diagnostics += found
        if not json:
            say(found)
            if entry.rows:
                out().print(_table(file.shown, entry.rows))
    if json:
        print_json({"files": files}, diagnostics)
    if has_errors(diagnostics):
        raise typer.Exit(SPEC_AT_FAULT)


def _remembered(file: SpecFile) -> tuple[cache.Entry, tuple[Diagnostic, ...]] | None:
    """What an earlier run found out about a sound file."""
    source, _ = read(file.path, file.shown)
    entry = cache.find(file.path.read_bytes(), file.shown) if source else None
    if source is None or entry is None:
        return None
    return entry, tuple(from_json(diagnostic, source) for diagnostic in entry.diagnostics)


def _remember(file: SpecFile, imports: dict[str, str], entry: cache.Entry, diagnostics: tuple[Diagnostic, ...]) -> None:
    if not has_errors(diagnostics):
        stored = cache.Entry(entry.summary, entry.rows, tuple(map(as_json, diagnostics)))
        cache.keep(file.path.read_bytes(), file.shown, imports, stored)


def _table(title: str, rows: tuple[tuple[str, ...], ...]) -> Table:
    table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False, title_style="bold")
    for column in COLUMNS:
        table.add_column(column)
    for row in rows:
        table.add_row(*map(Text, row))
    return table
