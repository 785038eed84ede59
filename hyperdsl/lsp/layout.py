"""The canonical layout as edits, the outline of a document, and what of it can be folded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile

from lsprotocol import types

from hyperdsl.diagnostics import has_errors
from hyperdsl.lsp.analysis import Analysis
from hyperdsl.lsp.texts import Text
from hyperdsl.source import Source, Span
from hyperdsl.syntax.parser import parse
from hyperdsl.syntax.printer import header_text, print_file

KINDS = {
    "method": types.SymbolKind.Function,
    "multistep": types.SymbolKind.Function,
    "predictor_corrector": types.SymbolKind.Function,
    "solver": types.SymbolKind.Class,
    "hypersolver": types.SymbolKind.Class,
    "corrector": types.SymbolKind.Struct,
    "problem": types.SymbolKind.Module,
}


def formatted(source: Source, text: Text) -> list[types.TextEdit]:
    """The edits of `hyperdsl fmt`: the lines that change, as one edit; none where the text cannot be parsed."""
    tree, found = parse(source)
    if tree is None or has_errors(found):
        return []
    before, after = source.text.split("\n"), print_file(tree).split("\n")
    if before == after:
        return []
    start = _shared(before, after)
    end = _shared(before[start:][::-1], after[start:][::-1])
    if start + end == min(len(before), len(after)):  # lines only come or go: one that stays is written with them
        start, end = (start - 1, end) if start else (start, end - 1)
    last = len(before) - end
    span = Span(start + 1, 1, last, len(before[last - 1]) + 1)
    return [types.TextEdit(text.range(span), "\n".join(after[start : len(after) - end]))]


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def symbols(analysis: Analysis, text: Text) -> Iterator[types.DocumentSymbol]:
    """What the document declares."""
    for declaration in analysis.scope.unit.declarations.values():
        kind = KINDS.get(declaration.word.text, types.SymbolKind.Object)
        whole, name = text.range(declaration.span), text.range(declaration.name.span)
        yield types.DocumentSymbol(declaration.name.text, kind, whole, name, detail=header_text(declaration))


def folds(analysis: Analysis) -> Iterator[types.FoldingRange]:
    """The declarations of more than one line."""
    for declaration in analysis.scope.unit.declarations.values():
        if declaration.span.end_line > declaration.span.line:
            yield types.FoldingRange(declaration.span.line - 1, declaration.span.end_line - 1)
