"""Messages and their fixes, as clients are told them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lsprotocol import types

from hyperdsl.diagnostics import Diagnostic, Edit, catalogue
from hyperdsl.lsp.texts import Text
from hyperdsl.source import Span

SEVERITIES = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Information,
}
START = Span(1, 1, 1, 1)
FIX_ALL = types.CodeActionKind.SourceFixAll


def diagnostics(found: Iterable[Diagnostic], text: Text, uri: str, *, related: bool) -> list[types.Diagnostic]:
    """The messages about a document; notes go to `related` information where the client shows such."""
    return [_told(diagnostic, text, uri, related=related) for diagnostic in found]


def _told(diagnostic: Diagnostic, text: Text, uri: str, *, related: bool) -> types.Diagnostic:
    where = text.range(diagnostic.place.span if diagnostic.place else START)
    notes = [] if related else [f"note: {note}" for note in diagnostic.notes]
    advice = [f"help: {diagnostic.help}"] if diagnostic.help else []
    location = types.Location(uri, where)
    return types.Diagnostic(
        range=where,
        severity=SEVERITIES[diagnostic.severity],
        code=diagnostic.code,
        source="hyperdsl",
        message="\n".join([diagnostic.message, *notes, *advice]),
        tags=[types.DiagnosticTag.Unnecessary] if diagnostic.code == catalogue.UNUSED.code else None,
        related_information=[types.DiagnosticRelatedInformation(location, note) for note in diagnostic.notes]
        if related and diagnostic.notes
        else None,
    )


def edits(of: Iterable[Edit], text: Text) -> list[types.TextEdit]:
    """A fix's edits for the client."""
    return [types.TextEdit(text.range(edit.span), edit.text) for edit in of]


def actions(
    found: Iterable[Diagnostic], text: Text, uri: str, where: types.Range, only: Iterable[str] | None
) -> Iterator[types.CodeAction]:
    """The fixes of messages that touch a range, and all fixes of the document as one action."""
    fixable = [diagnostic for diagnostic in found if diagnostic.fix]
    wanted = tuple(only) if only is not None else ("",)

    def asked(kind: str) -> bool:
        return any(not one or kind == one or kind.startswith(f"{one}.") for one in wanted)

    if asked(types.CodeActionKind.QuickFix):
        for diagnostic in fixable:
            told = _told(diagnostic, text, uri, related=False)
            if diagnostic.fix and _touch(told.range, where):
                change = types.WorkspaceEdit(changes={uri: edits(diagnostic.fix.edits, text)})
                kind = types.CodeActionKind.QuickFix
                yield types.CodeAction(diagnostic.fix.title, kind, [told], is_preferred=True, edit=change)
    if fixable and asked(FIX_ALL):
        change = types.WorkspaceEdit(changes={uri: edits(_apart(fixable), text)})
        yield types.CodeAction("apply every fix", FIX_ALL, edit=change)


def _apart(fixable: Iterable[Diagnostic]) -> list[Edit]:
    """The edits of all fixes, without those of a fix that overlap an earlier one."""
    chosen: list[Edit] = []
    for diagnostic in fixable:
        more = diagnostic.fix.edits if diagnostic.fix else ()
        if not any(_overlap(one.span, other.span) for one in more for other in chosen):
            chosen += more
    return chosen


def _overlap(one: Span, other: Span) -> bool:
    ends = (one.end_line, one.end_column) > (other.line, other.column)
    return one == other or (ends and (other.end_line, other.end_column) > (one.line, one.column))


def _touch(one: types.Range, other: types.Range) -> bool:
    return one.start <= other.end and other.start <= one.end
