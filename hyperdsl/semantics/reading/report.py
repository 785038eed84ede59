"""Collects the diagnostics of one file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from hyperdsl.diagnostics import Diagnostic, Fix, catalogue
from hyperdsl.diagnostics.model import Entry
from hyperdsl.source import Place, Source, Span
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers.budget import NotExact, OutOfReach

P = ParamSpec("P")
T = TypeVar("T")


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
        self,
        entry: Entry,
        node: Spanned,
        *,
        notes: Iterable[str] = (),
        help: str | None = None,
        fix: Fix | None = None,
        **fields: object,
    ) -> None:
        self.found.append(entry.at(self.place(node), notes=notes, help=help, fix=fix, **fields))

    def failed_since(self, before: int) -> bool:
        """Whether one of the diagnostics after the first `before` is an error."""
        return any(diagnostic.severity == "error" for diagnostic in self.found[before:])

    def place(self, node: Spanned) -> Place:
        return Place(self.source, node.span)


def exactly(
    read: Callable[Concatenate[Report, n.Declaration, P], T],
) -> Callable[Concatenate[Report, n.Declaration, P], T | None]:
    """A reader of declarations that reports, at the name, numbers which have no place in one field small enough.

    What is out of reach goes through: only `within_reach` knows whose declaration that is the matter of.
    """

    @wraps(read)
    def reader(report: Report, declaration: n.Declaration, /, *args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return read(report, declaration, *args, **kwargs)
        except OutOfReach:
            raise
        except NotExact as reason:
            report(catalogue.NOT_EXACT, declaration.name, reason=reason)
            return None

    return reader


def within_reach(report: Report, declaration: n.Declaration, read: Callable[[], T]) -> T | None:
    """What `read` reads of a declaration; reported at its name where that would be too large or take too long."""
    try:
        return read()
    except OutOfReach as reason:
        name = declaration.name
        report(catalogue.OUT_OF_REACH, name, name=name.text, reason=reason)
        return None
