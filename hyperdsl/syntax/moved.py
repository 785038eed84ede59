"""Parts of a syntax tree, and messages, moved by some lines: what stands below lines that were put in or taken out."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from hyperdsl.diagnostics import Diagnostic, Edit
from hyperdsl.source import Place, Source, Span
from hyperdsl.syntax import nodes as n

T = TypeVar("T")


def moved_span(span: Span, by: int) -> Span:
    """The span, `by` lines further down."""
    return Span(span.line + by, span.column, span.end_line + by, span.end_column)


def moved(part: T, by: int) -> T:
    """A node of the tree, or a tuple of them, `by` lines further down."""
    if isinstance(part, tuple):
        return type(part)(moved(one, by) for one in part)
    if isinstance(part, Span):
        return moved_span(part, by)  # type: ignore[return-value]  # mypy does not narrow T
    if isinstance(part, n.Comment):
        return replace(part, line=part.line + by)
    if not hasattr(part, "__dataclass_fields__"):
        return part
    copy = object.__new__(type(part))
    copy.__dict__.update({name: moved(value, by) for name, value in vars(part).items()})
    return copy


def moved_diagnostic(diagnostic: Diagnostic, by: int, source: Source) -> Diagnostic:
    """The message, `by` lines further down in `source`."""
    if diagnostic.place is None:
        return diagnostic
    fix = diagnostic.fix
    if fix:
        fix = replace(fix, edits=tuple(Edit(moved_span(edit.span, by), edit.text) for edit in fix.edits))
    return replace(diagnostic, place=Place(source, moved_span(diagnostic.place.span, by)), fix=fix)
