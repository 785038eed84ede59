"""What may stand at a place: words of declarations and settings, values, and names with their proven orders."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from hyperdsl.lsp.analysis import Analysis, Named
from hyperdsl.lsp.cursor import Cursor, cursor
from hyperdsl.lsp.facts import order_text, word_of, word_text
from hyperdsl.pages.listing import Row, rows
from hyperdsl.semantics.reading.units import DIRECTIVES
from hyperdsl.semantics.settings_table import BLOCKS, DECLARED
from hyperdsl.semantics.tables.solvers import BASES
from hyperdsl.semantics.tables.word import Word

Kind = types.CompletionItemKind
OF_ROWS = {"predictor-corrector": "predictor_corrector"}


def completions(analysis: Analysis | None, text: str, line: int, column: int) -> list[types.CompletionItem]:
    """What may stand at a place of a text whose lines end in LF; names are those of the last `analysis`."""
    place = cursor(text, line, column)
    if place.quiet:
        return []
    if not place.words:
        return list(_statements(place))
    word = word_of(place.block, place.words[0])
    if word is None or place.words[-1] == "{":
        return []
    if place.call is not None and place.call in word.choices:
        return [types.CompletionItem(f"{one.word} = ", kind=Kind.Property) for one in word.choices[place.call]]
    if place.call is not None:
        return []
    return [*_choices(word), *_names(word, analysis)]


def _statements(place: Cursor) -> Iterator[types.CompletionItem]:
    """The words that begin a statement there."""
    if place.block is None:
        for declared, means in DECLARED.items():
            yield types.CompletionItem(declared, kind=Kind.Keyword, documentation=means)
        for directive in DIRECTIVES:
            yield types.CompletionItem(directive, kind=Kind.Keyword)
    for word in BLOCKS.get(place.block or "", ()):
        told = types.MarkupContent(types.MarkupKind.Markdown, word_text(word))
        default = f"default: {word.default}" if word.default else None
        yield types.CompletionItem(word.word, kind=Kind.Property, detail=default, documentation=told)


def _choices(word: Word) -> Iterator[types.CompletionItem]:
    for choice, arguments in word.choices.items():
        detail = f"{choice}({', '.join(one.word for one in arguments)})" if arguments else None
        yield types.CompletionItem(choice, kind=Kind.EnumMember, detail=detail)


def _names(word: Word, analysis: Analysis | None) -> Iterator[types.CompletionItem]:
    """The declarations that the values of a setting may name: of the file, of its imports, and of the library."""
    seen = set()
    for named in _declared(analysis) if analysis else ():
        if named.declaration.word.text in word.names and named.name not in seen:
            seen.add(named.name)
            order = f", order {order_text(named.base)}" if named.base else ""
            yield types.CompletionItem(named.name, kind=Kind.Function, detail=named.declaration.word.text + order)
    for row in rows() if set(word.names) & set(BASES) else ():
        if _declaration_word(row) in word.names and row.name not in seen:
            detail = f"{row.kind}, order {row.orders}"
            # the library is listed below what the file declares
            yield types.CompletionItem(
                row.name, kind=Kind.Function, detail=detail, documentation=row.source, sort_text=f"~{row.name}"
            )


def _declared(analysis: Analysis) -> Iterator[Named]:
    yield from analysis.declarations
    for scope in analysis.scope.imports():
        for declaration in scope.unit.declarations.values():
            yield Named(scope, declaration)


def _declaration_word(row: Row) -> str:
    """The word that declares such a method."""
    return "multistep" if row.kind.endswith("multistep") else OF_ROWS.get(row.kind, "method")
