"""A statement that cannot be parsed, as those look at it who say what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lark import Token

from hyperdsl.diagnostics import Diagnostic, Fix
from hyperdsl.source import Place, Source, Span
from hyperdsl.syntax.builder import span_of

BOUNDARIES = frozenset({"_NL", "LBRACE", "TOPEN", "RBRACE"})
OPERATORS = frozenset({"PLUS", "MINUS", "STAR", "SLASH", "CARET"})
RULE = "--+------"
VALUE_STARTS = frozenset({"NAME", "NUMBER", "MINUS", "LPAR"})

Words = Mapping[str, frozenset[str]]
"""The words that begin a statement of each block, by the word that the block stands after."""


@dataclass(frozen=True)
class Fault:
    """The token at `at` of `stream` cannot stand there."""

    source: Source
    stream: tuple[Token, ...]
    at: int
    words: Words

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
    def blocks(self) -> tuple[str, ...]:
        """The words of the blocks that are open here, the innermost one last."""
        return tuple(str(self._opened_by(brace)) for brace in self.openers)

    def _opened_by(self, brace: Token) -> Token:
        """The first token of the statement whose block this brace opens."""
        at = next(i for i, token in enumerate(self.stream) if token is brace)
        while at > 0 and self.stream[at - 1].type not in BOUNDARIES:
            at -= 1
        return self.stream[at]

    @property
    def known(self) -> frozenset[str] | None:
        """The words that begin statements here; None where they are not known."""
        blocks = self.blocks
        return self.words.get(blocks[-1]) if blocks else None

    def written(self, first: Token, last: Token) -> str:
        """The text from one token to another, of the same line."""
        span = span_of(first).to(span_of(last))
        return self.source.lines[span.line - 1][span.column - 1 : span.end_column - 1]

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
