"""From text to the syntax tree, reporting every statement at fault in one run."""

from __future__ import annotations

from typing import Any

from lark import Token
from lark.exceptions import UnexpectedToken

from hyperdsl.diagnostics import Diagnostic, catalogue
from hyperdsl.source import Place, Source
from hyperdsl.syntax import nodes
from hyperdsl.syntax.builder import span_of
from hyperdsl.syntax.fault import BOUNDARIES, OPERATORS, VALUE_STARTS, Fault, Words
from hyperdsl.syntax.grammar import grammar
from hyperdsl.syntax.habits import recognised
from hyperdsl.syntax.tokens import broken, tokenize

MAX_ERRORS = 25
NO_WORDS: Words = {}

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


def parse(source: Source, words: Words = NO_WORDS) -> tuple[nodes.File | None, tuple[Diagnostic, ...]]:
    """The file's tree, statements at fault left out, and what is wrong with them; no tree past a limit.

    `words` are the settings that messages may advise.
    """
    tokens = tokenize(source)
    found = list(tokens.diagnostics[:MAX_ERRORS])
    if tokens.stop:
        return None, tuple(found)
    stream = tokens.stream
    while len(found) < MAX_ERRORS:
        parsed, at, expected = _attempt(stream)
        if parsed is not None:
            items, complete = parsed
            return nodes.File(source, items, tokens.comments, complete), _sorted(found)
        found.append(_describe(Fault(source, stream, at, words), expected))
        repaired = _repaired(stream, at)
        if repaired == stream:
            break
        stream = repaired
    return None, _sorted(found)


def _attempt(
    stream: tuple[Token, ...],
) -> tuple[tuple[tuple[nodes.Item, ...], bool] | None, int, frozenset[str]]:
    """The file's items and whether they are all, or the index of the token that cannot stand there and what could."""
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


def _describe(fault: Fault, expected: frozenset[str]) -> Diagnostic:
    """The message for a token that cannot stand where it does."""
    source, stream, at = fault.source, fault.stream, fault.at
    if at >= len(stream):
        place = Place(source, span_of(stream[-1]))
        return catalogue.UNEXPECTED.at(place, found="end of the file", help=_expectation(expected))
    told = recognised(fault)
    if told is not None:
        return told
    token = stream[at]
    found = "end of the line" if token.type == "_NL" else f"`{token}`"
    if token.type == "IN":
        found = "`in`, which is a reserved word"
    return catalogue.UNEXPECTED.at(Place(source, span_of(token)), found=found, help=_expectation(expected))


def _expectation(expected: frozenset[str]) -> str | None:
    names = ["a value"] if expected >= VALUE_STARTS else []
    left = expected - (VALUE_STARTS if names else frozenset()) - {"BROKEN"}
    if left & OPERATORS:
        names.append("an operator")
    names += [name for kind, name in PUNCTUATION.items() if kind in left and name not in names]
    if not names or len(names) > 5:
        return None
    return "expected " + (", ".join(names[:-1]) + " or " if names[1:] else "") + names[-1]
