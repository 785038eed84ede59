"""What is known of a spec: its model, its messages, and which declaration each name means."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hyperdsl.diagnostics import Diagnostic
from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.model.spec import AnySolver, Base, Spec
from hyperdsl.semantics.reading.kept import Kept
from hyperdsl.semantics.reading.scope import Project, Scope
from hyperdsl.semantics.reading.units import group_of
from hyperdsl.source import Source, Span, Texts
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers.budget import limited


def holds(span: Span, line: int, column: int) -> bool:
    """Whether a place is inside a stretch, or at its end."""
    return (span.line, span.column) <= (line, column) <= (span.end_line, span.end_column)


@dataclass(frozen=True)
class Named:
    """A declaration, and the scope that it stands in."""

    scope: Scope
    declaration: n.Declaration

    @property
    def group(self) -> str:
        return group_of(self.declaration.word.text)

    @property
    def name(self) -> str:
        return self.declaration.name.text

    @property
    def in_library(self) -> bool:
        return self.scope.unit.path is None

    @property
    def key(self) -> tuple[str, str, str]:
        """What is the same for the same declaration in checks of different files."""
        path = self.scope.unit.path
        file = self.scope.unit.source.path if path is None else os.path.realpath(path)
        return file, self.group, self.name

    @cached_property
    def base(self) -> Base | None:
        """The method, proven; None where it is none, or at fault."""
        return self.scope.own(self.name) if self.group == "method" else None


@dataclass(frozen=True)
class Analysis:
    """A file after a check."""

    spec: Spec
    scope: Scope
    diagnostics: tuple[Diagnostic, ...]

    @property
    def source(self) -> Source:
        return self.scope.unit.source

    @property
    def files(self) -> frozenset[str]:
        """The real paths of what was read: the file and all that it imports."""
        return frozenset(self.scope.project.scopes)

    @property
    def declarations(self) -> Iterator[Named]:
        """What the file declares."""
        return (Named(self.scope, declaration) for declaration in self.scope.unit.declarations.values())

    @cached_property
    def uses(self) -> tuple[tuple[Span, Named], ...]:
        """Every name that means a declaration, each once, where it is declared too; in order."""
        found = {use.name.span: Named(use.scope, use.declaration) for use in self.scope.uses}
        found |= {named.declaration.name.span: named for named in self.declarations}
        return tuple(sorted(found.items(), key=lambda item: item[0]))

    def named(self, line: int, column: int) -> tuple[Span, Named] | None:
        """The name at a place and what it means."""
        return next(((span, named) for span, named in self.uses if holds(span, line, column)), None)

    def solver(self, name: str) -> AnySolver | None:
        """A sound solver that the file declares."""
        return next((solver for solver in self.spec.solvers if solver.name == name), None)

    def said_of(self, declaration: n.Declaration) -> list[Diagnostic]:
        """The messages about a declaration."""
        return [
            diagnostic
            for diagnostic in self.diagnostics
            if diagnostic.place and holds(declaration.span, diagnostic.place.span.line, diagnostic.place.span.column)
        ]


class Analyst:
    """Checks files, and remembers what has not changed since the last check; for one thread."""

    def __init__(self) -> None:
        self._kept = Kept()
        self._library: dict[str, Scope] = {}

    def analyse(self, path: Path, texts: Texts, superseded: Callable[[], bool] = lambda: False) -> Analysis:
        """The file at `path`, checked with `texts` in place of files; Superseded once nobody waits for it."""
        project = Project(library=self._library, texts=texts, kept=self._kept)
        with limited(superseded):
            spec, found = check_file(path, path.as_posix(), project)
        return Analysis(spec, project.scope(path, path.as_posix()), found)

    def library(self, name: str) -> Named | None:
        """A method of the library."""
        scope = Project(library=self._library).library_scope("method", name)
        return Named(scope, scope.unit.declarations["method", name]) if scope else None
