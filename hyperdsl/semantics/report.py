"""Collects the diagnostics of one file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from hyperdsl.diagnostics import Diagnostic
from hyperdsl.diagnostics.model import Entry
from hyperdsl.source import Place, Source, Span


class Spanned(Protocol):
    """Anything of the syntax tree."""

    @property
    def span(self) -> Span: ...


class Report:
    """The diagnostics found so far in `source`; calling it adds one at a node of the tree."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.found: list[Diagnostic] = []

    def __call__(
        self, entry: Entry, node: Spanned, *, notes: Iterable[str] = (), help: str | None = None, **fields: object
    ) -> None:
        self.found.append(entry.at(self.place(node), notes=notes, help=help, **fields))

    def failed_since(self, before: int) -> bool:
        """Whether one of the diagnostics after the first `before` is an error."""
        return any(diagnostic.severity == "error" for diagnostic in self.found[before:])

    def place(self, node: Spanned) -> Place:
        return Place(self.source, node.span)
