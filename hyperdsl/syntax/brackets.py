"""Which brackets belong together, and which were forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from lark import Token

from hyperdsl.diagnostics import Diagnostic, catalogue
from hyperdsl.diagnostics.model import Entry
from hyperdsl.source import Place, Source
from hyperdsl.syntax.builder import span_of

MAX_NESTING = 50
DECLARATIONS = (
    "method",
    "multistep",
    "predictor_corrector",
    "control",
    "corrector",
    "training",
    "path",
    "problem",
    "solver",
    "hypersolver",
    "sweep",
)

CLOSERS = {"RPAR": "LPAR", "RSQB": "LSQB", "RBRACE": "LBRACE"}


@dataclass(frozen=True)
class Brackets:
    """`unmatched` holds where brackets without a partner start; `closed_before` the number of `}` missing before the
    token of that index."""

    unmatched: frozenset[int | None]
    closed_before: Mapping[int, int]
    diagnostics: tuple[Diagnostic, ...]
    too_deep: bool = False


def match(source: Source, tokens: list[Token]) -> Brackets:
    """Pair the brackets: a brace ends every open ( and [, a declaration at the start of a line every open brace."""
    matcher = _Matcher(source, tokens)
    for i, token in enumerate(tokens):
        if begins_declaration(tokens, i):
            matcher.close_all(i)
        if token.type in CLOSERS.values():
            matcher.stack.append(token)
        elif token.type in CLOSERS:
            matcher.close(token)
        if len(matcher.stack) > MAX_NESTING:
            message = catalogue.TOO_LARGE.at(_place(source, token), what="the nesting", limit=str(MAX_NESTING))
            return Brackets(frozenset(), {}, (message,), too_deep=True)
    matcher.close_all(len(tokens))
    return Brackets(frozenset(matcher.unmatched), matcher.closed_before, tuple(matcher.found))


class _Matcher:
    def __init__(self, source: Source, tokens: list[Token]) -> None:
        self.source = source
        self.tokens = tokens
        self.stack: list[Token] = []
        self.unmatched: set[int | None] = set()
        self.closed_before: Counter[int] = Counter()
        self.found: list[Diagnostic] = []

    def close(self, token: Token) -> None:
        if token.type == "RBRACE":
            self._drop_round()
        if self.stack and self.stack[-1].type == CLOSERS[token.type]:
            self.stack.pop()
        else:
            self._alone(token, catalogue.UNOPENED)

    def close_all(self, before: int) -> None:
        self._drop_round()
        while self.stack:
            self.found.append(catalogue.UNCLOSED.at(_place(self.source, self.stack.pop()), bracket="{"))
            self.closed_before[before] += 1

    def _drop_round(self) -> None:
        while self.stack and self.stack[-1].type != "LBRACE":
            self._alone(self.stack.pop(), catalogue.UNCLOSED)

    def _alone(self, token: Token, entry: Entry) -> None:
        self.unmatched.add(token.start_pos)
        self.found.append(entry.at(_place(self.source, token), bracket=str(token)))


def begins_declaration(tokens: list[Token], i: int) -> bool:
    """`method name {` or `method name(` from the first column: nobody writes a setting so."""
    if tokens[i].column != 1 or str(tokens[i]) not in DECLARATIONS or i + 2 >= len(tokens):
        return False
    return tokens[i + 1].type == "NAME" and tokens[i + 2].type in {"LBRACE", "LPAR"}


def _place(source: Source, token: Token) -> Place:
    return Place(source, span_of(token))
