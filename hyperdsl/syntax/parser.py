"""From text to the syntax tree, reporting every statement at fault in one run."""

from __future__ import annotations

from typing import Any

from lark import Token
from lark.exceptions import UnexpectedToken

from hyperdsl.diagnostics import Diagnostic, catalogue
from hyperdsl.source import Place, Source
from hyperdsl.syntax import nodes
from hyperdsl.syntax.builder import span_of
from hyperdsl.syntax.grammar import grammar
from hyperdsl.syntax.tokens import BOUNDARIES, OPERATORS, broken, tokenize

MAX_ERRORS = 25

PUNCTUATION = {
    "_NL": "the end of the line",
    "$END": "the end of the file",
    "NAME": "a name",
    "NUMBER": "a number",
    "WORD": "a word that begins a statement",
    "TABLE": "a tableau",
    "LBRACE": "`{`",
    "TOPEN": "`{`",
    "RBRACE": "`}`",
    "BAR": "`|`",
    "EQUAL": "`=`",
    "COMMA": "`,`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "DOTS": "`..`",
    "COMPARE": "a comparison",
    "STRING": "a text in quotes",
    "IN": "`in`",
    "PRIME": "`'`",
    "RULE": "a rule line",
}
OWN_LINE = "each setting has a line of its own; several values have commas between them"
VALUE_STARTS = frozenset({"NAME", "NUMBER", "MINUS", "LPAR"})


def parse(source: Source) -> tuple[nodes.File | None, tuple[Diagnostic, ...]]:
    """The file's tree, statements at fault left out, and what is wrong with them; no tree past a limit."""
    tokens = tokenize(source)
    found = list(tokens.diagnostics[:MAX_ERRORS])
    if tokens.stop:
        return None, tuple(found)
    stream = tokens.stream
    while len(found) < MAX_ERRORS:
        items, at, expected = _attempt(stream)
        if items is not None:
            return nodes.File(source, items, tokens.comments), _sorted(found)
        found.append(_describe(source, stream, at, expected))
        repaired = _repaired(stream, at)
        if repaired == stream:
            break
        stream = repaired
    return None, _sorted(found)


def _attempt(stream: tuple[Token, ...]) -> tuple[tuple[nodes.Item, ...] | None, int, frozenset[str]]:
    """The tree, or the index of the token that cannot stand there and what could."""
    parser: Any = grammar().parse_interactive()
    at = 0
    try:
        for at, token in enumerate(stream):  # noqa: B007 — `at` is read when the loop is left by an error
            parser.feed_token(token)
        at = len(stream)
        return parser.feed_eof(), at, frozenset()
    except UnexpectedToken:
        return None, at, frozenset(parser.accepts())


def _repaired(stream: tuple[Token, ...], at: int) -> tuple[Token, ...]:
    """The stream without the statement at fault; a lone token that no statement holds goes itself."""
    if at >= len(stream):
        return stream
    if stream[at].type in BOUNDARIES and (at == 0 or stream[at - 1].type in BOUNDARIES | {"BROKEN"}):
        return (*stream[:at], *stream[at + 1 :])
    if stream[at].type == "BROKEN":
        return (*stream[:at], *stream[at + 1 :])
    return broken(stream, at)


def _sorted(found: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(found, key=lambda diagnostic: diagnostic.place.span if diagnostic.place else (0,)))


def _describe(source: Source, stream: tuple[Token, ...], at: int, expected: frozenset[str]) -> Diagnostic:
    """The message for a token that cannot stand where it does."""
    if at >= len(stream):
        place = Place(source, span_of(stream[-1]))
        return catalogue.UNEXPECTED.at(place, found=PUNCTUATION["$END"], help=_expectation(expected))
    token = stream[at]
    place = Place(source, span_of(token))
    before = stream[at - 1].type if at else "_NL"
    if token.type == "EQUAL" and (word := _word_of(stream, at)):
        return catalogue.SETTING_EQUALS.at(place, word=word)
    if token.type == "PLUS" and (before in OPERATORS | {"COMMA", "LPAR", "LSQB", "BAR", "EQUAL", "WORD", "DOTS"}):
        return catalogue.UNARY_PLUS.at(place)
    if token.type == "IN":
        return catalogue.UNEXPECTED.at(place, found="`in`, which is a reserved word", help=_expectation(expected))
    if token.type == "NUMBER" and before == "NAME":
        return catalogue.UNEXPECTED.at(place, found=f"`{token}`", help=OWN_LINE)
    found = PUNCTUATION["_NL"] if token.type == "_NL" else f"`{token}`"
    return catalogue.UNEXPECTED.at(place, found=found, help=_expectation(expected))


def _word_of(stream: tuple[Token, ...], at: int) -> str | None:
    """The setting whose line has `=` as its second token."""
    return str(stream[at - 1]) if at and stream[at - 1].type == "WORD" else None


def _expectation(expected: frozenset[str]) -> str | None:
    names = ["a value"] if expected >= VALUE_STARTS else []
    left = expected - (VALUE_STARTS if names else frozenset()) - {"BROKEN"}
    if left & OPERATORS:
        names.append("an operator")
    names += [name for kind, name in PUNCTUATION.items() if kind in left and name not in names]
    if not names or len(names) > 5:
        return None
    return "expected " + (", ".join(names[:-1]) + " or " if names[1:] else "") + names[-1]
