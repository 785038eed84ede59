"""A statement that cannot be parsed, as those look at it who say what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lark import Token

from hyperdsl.diagnostics import Diagnostic, Fix
from hyperdsl.source import Place, Source, Span
from hyperdsl.syntax.builder import span_of

BOUNDARIES = frozenset({"_NL", "LBRACE", "TOPEN", "RBRACE"})
OPERATORS = frozenset({"PLUS", "MINUS", "STAR", "SLASH", "CARET"})
RULE = "--+------"
VALUE_STARTS = frozenset({"NAME", "NUMBER", "MINUS", "LPAR"})


@dataclass(frozen=True)
class Fault:
    """The token at `at` of `stream` cannot stand there."""

    source: Source
    stream: tuple[Token, ...]
    at: int

    @property
    def token(self) -> Token:
        return self.stream[self.at]

    @property
    def kind(self) -> str:
        return str(self.token.type)

    @property
    def place(self) -> Place:
        return Place(self.source, span_of(self.token))

    @property
    def before(self) -> Token | None:
        """The token before, None at the start of a statement."""
        return self.stream[self.at - 1] if self.start < self.at else None

    @property
    def after(self) -> Token | None:
        """The next token of the statement."""
        return self.stream[self.at + 1] if self.at + 1 < self.end else None

    @property
    def start(self) -> int:
        at = self.at
        while at > 0 and self.stream[at - 1].type not in BOUNDARIES:
            at -= 1
        return at

    @property
    def end(self) -> int:
        at = self.at
        while at < len(self.stream) and self.stream[at].type not in BOUNDARIES:
            at += 1
        return at

    @property
    def statement(self) -> tuple[Token, ...]:
        return self.stream[self.start : self.end]

    @property
    def openers(self) -> list[Token]:
        """The braces that are open here."""
        found: list[Token] = []
        for token in self.stream[: self.at]:
            if token.type in {"LBRACE", "TOPEN"}:
                found.append(token)
            elif token.type == "RBRACE" and found:
                found.pop()
        return found

    @property
    def in_table(self) -> bool:
        openers = self.openers
        return bool(openers) and openers[-1].type == "TOPEN"

    def put(self, text: str, title: str) -> Fix:
        """The fix that writes something else in the place of the token."""
        return Fix.put(text, self.place.span, title)


Recogniser = Callable[[Fault], Diagnostic | None]


def gap(before: Token, after: Token) -> Span:
    """What stands between two tokens."""
    first, last = span_of(before), span_of(after)
    return Span(first.end_line, first.end_column, last.line, last.column)
