"""From text to the tokens of statements.

A newline ends a statement except inside ( ) and [ ] and after a comma, an operator or `=`; `}` ends one too. The word
that begins a statement becomes a WORD (or TABLE), so that words are reserved nowhere else. What can be said about
single tokens and brackets is said here, with the statement it stands in put out of the parser's way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice

from lark import Token

from hyperdsl.diagnostics import Diagnostic, Fix, catalogue, did_you_mean
from hyperdsl.source import Place, Source, Span
from hyperdsl.syntax.brackets import Brackets, match
from hyperdsl.syntax.builder import span_of
from hyperdsl.syntax.characters import hides, named
from hyperdsl.syntax.fault import BOUNDARIES, OPERATORS, RULE, gap
from hyperdsl.syntax.grammar import grammar
from hyperdsl.syntax.nodes import Comment
from hyperdsl.syntax.outline import outline

MAX_TOKENS = 200_000
MAX_DIGITS = 1000
MAX_EXPONENT = 400
MAX_OPERATORS = 250  # in one expression: bounds the depth of its tree

CONTINUES = frozenset({"COMMA", "PLUS", "MINUS", "STAR", "SLASH", "CARET", "EQUAL", "DOTS", "COMPARE"})
DASHES = frozenset("-=_—–─━═‐−")
DRAWN = DASHES | frozenset("+|:.┼┿╪*")
TABLES = frozenset({"tableau", "dense"})
ALSO_TABLES = frozenset({"gamma"})  # a table where its braces follow at once, else a setting


@dataclass(frozen=True)
class Tokens:
    """What the parser reads; `stop` says that a limit was passed and nothing should be parsed."""

    stream: tuple[Token, ...]
    comments: tuple[Comment, ...]
    diagnostics: tuple[Diagnostic, ...]
    stop: bool = False


def tokenize(source: Source) -> Tokens:
    """The tokens of a whole file, arranged in statements."""
    raw = list(islice(grammar().lex(source.text), MAX_TOKENS + 1))
    if len(raw) > MAX_TOKENS:
        message = catalogue.TOO_LARGE.at(_place(source, raw[-1]), what="the file", limit=f"{MAX_TOKENS} tokens")
        return Tokens((), (), (message,), stop=True)
    comments = tuple(_comments(raw))
    tokens, bad_rules = _rule_lines(source, [token for token in raw if token.type != "COMMENT"])
    seen = outline(source, tokens)
    if seen.stop:
        return Tokens((), comments, (*bad_rules, *seen.diagnostics), stop=True)
    tokens = seen.tokens
    brackets = match(source, tokens)
    if brackets.too_deep:
        return Tokens((), comments, brackets.diagnostics, stop=True)
    arranger = _Arranger(source, tokens, brackets)
    stream = arranger.run()
    judged = [(token, message) for token in tokens for message in _judge(source, token)]
    hidden = tuple(message for token in raw for message in _hidden(source, token))
    bad = {token.start_pos for token, _ in judged} | seen.bad | arranger.bad | brackets.unmatched
    found = (message for _, message in judged)
    diagnostics = (*bad_rules, *seen.diagnostics, *brackets.diagnostics, *arranger.diagnostics, *found, *hidden)
    return Tokens(_without(stream, bad), comments, diagnostics)


def broken(stream: tuple[Token, ...], at: int) -> tuple[Token, ...]:
    """`stream` with the statement around its token `at` replaced by one BROKEN token; its block, if any, stays."""
    start = end = at
    while start > 0 and stream[start - 1].type not in BOUNDARIES:
        start -= 1
    while end < len(stream) and stream[end].type not in BOUNDARIES:
        end += 1
    return (*stream[:start], _mark(stream[start:end] or (stream[at],)), *stream[end:])


def _mark(pieces: Sequence[Token]) -> Token:
    """The BROKEN token that stands for a statement."""
    mark = Token.new_borrow_pos("BROKEN", "", pieces[0])
    mark.end_line, mark.end_column = pieces[-1].end_line, pieces[-1].end_column
    return mark


def _without(stream: tuple[Token, ...], bad: set[int | None]) -> tuple[Token, ...]:
    """The stream with every statement broken that has a bad token, named by where it starts; one pass."""
    result: list[Token] = []
    for is_boundary, group in groupby(stream, key=lambda token: token.type in BOUNDARIES):
        pieces = list(group)
        at_fault = not is_boundary and any(token.start_pos in bad for token in pieces)
        result += [_mark(pieces)] if at_fault else pieces
    return tuple(result)


def _comments(raw: Iterable[Token]) -> Iterable[Comment]:
    last_line = 0
    for token in raw:
        if token.type == "COMMENT":
            yield Comment(str(token).rstrip(), token.line or 1, alone=token.line != last_line)
        elif token.type != "NEWLINE":
            last_line = token.end_line or 0


def _rule_lines(source: Source, tokens: list[Token]) -> tuple[list[Token], tuple[Diagnostic, ...]]:
    """A line of nothing but dashes, pluses and bars was meant as a rule line: it is taken as one, and reported."""
    result: list[Token] = []
    found = []
    for is_line, group in groupby(tokens, key=lambda token: token.type != "NEWLINE"):
        line = list(group)
        if is_line and _is_meant_as_rule(line):
            rule = Token.new_borrow_pos("RULE", "".join(line), line[0])
            rule.end_line, rule.end_column = line[-1].end_line, line[-1].end_column
            problem = "a rule line is dashes, one plus, dashes, two dashes or more on each side"
            place = _place(source, rule)
            fix = Fix.put(RULE, place.span, f"write `{RULE}`")
            found.append(catalogue.BAD_ROW.at(place, problem=problem, help=f"write it as `{RULE}`", fix=fix))
            line = [rule]
        result += line
    return result, tuple(found)


def _is_meant_as_rule(line: list[Token]) -> bool:
    """Whether a line is drawn: nothing but signs that lines are drawn with, more than one of them, some dashes."""
    signs = "".join(line)
    return len(line) > 1 and set(signs) <= DRAWN and len(signs) > 2 and any(sign in DASHES for sign in signs)


def _judge(source: Source, token: Token) -> Iterable[Diagnostic]:
    """What is wrong with a token wherever it stands."""
    place = _place(source, token)
    match token.type:
        case "UNENDED_STRING":
            yield catalogue.UNCLOSED.at(place, bracket='"')
        case "NUMBER":
            digits, _, exponent = token.lower().partition("e")
            if len(digits) > MAX_DIGITS:
                yield catalogue.TOO_LARGE.at(place, what="this number", limit=f"{MAX_DIGITS} digits")
            elif len(exponent) > 9 or abs(int(exponent or 0)) > MAX_EXPONENT:
                yield catalogue.TOO_LARGE.at(place, what="the exponent", limit=str(MAX_EXPONENT))


def _hidden(source: Source, token: Token) -> Iterable[Diagnostic]:
    """The first character of a comment or text that makes it look like another one."""
    if token.type in {"COMMENT", "STRING", "UNENDED_STRING"} and not token.isprintable():
        at = next((i for i, character in enumerate(token) if hides(character)), None)
        if at is not None:
            line, column = token.line or 1, (token.column or 1) + at
            place = Place(source, Span(line, column, line, column + 1))
            yield catalogue.HIDDEN.at(place, found=named(token[at]))


def _place(source: Source, token: Token) -> Place:
    return Place(source, span_of(token))


@dataclass
class _Arranger:
    """One pass over the tokens. `round` counts the open ( and [, `table` is true inside a tableau's braces."""

    source: Source
    tokens: list[Token]
    brackets: Brackets
    out: list[Token] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    bad: set[int | None] = field(default_factory=set)
    round: int = 0
    operators: int = 0
    table: bool = False
    opens_table: bool = False
    at_start: bool = True

    def run(self) -> tuple[Token, ...]:
        for i, token in enumerate(self.tokens):
            for _ in range(self.brackets.closed_before.get(i, 0)):
                self._close(Token.new_borrow_pos("RBRACE", "}", self.out[-1]))
            self._take(i, token)
        self._end()
        for _ in range(self.brackets.closed_before.get(len(self.tokens), 0)):
            self._close(Token.new_borrow_pos("RBRACE", "}", self.out[-1]))
        return tuple(self.out)

    def _take(self, i: int, token: Token) -> None:
        kind = token.type
        if kind == "NEWLINE":
            if not self.round and not self.at_start and self.out[-1].type not in CONTINUES:
                self._end()
        elif kind == "LBRACE":
            self._open(i, token)
        elif kind == "RBRACE" and token.start_pos in self.brackets.unmatched:
            self._end()
        elif kind == "RBRACE":
            self._close(token)
        elif kind == "RULE":
            self._rule(i, token)
        else:
            self._count(token)
            self.out.append(self._promoted(i, token) if self.at_start else token)
            self.at_start = False

    def _end(self) -> None:
        """End the statement, if one is open; its end stands just after its last token."""
        if not self.at_start:
            last = self.out[-1]
            line, column = last.end_line, last.end_column
            self.out.append(Token("_NL", "", last.end_pos, line, column, line, column, last.end_pos))
        self.at_start, self.round, self.operators, self.opens_table = True, 0, 0, False

    def _open(self, i: int, token: Token) -> None:
        if not self.opens_table and not self.at_start and _holds_rows(self.tokens, i):
            self._take_for_table()
        self.table = self.opens_table
        self.out.append(Token.new_borrow_pos("TOPEN", "{", token) if self.table else token)
        self.at_start, self.round, self.operators, self.opens_table = True, 0, 0, False

    def _take_for_table(self) -> None:
        """The braces hold rows, so their word is a table's: misspelt, or on another setting's line."""
        last = self.out[-1]
        if last in TABLES and last.type == "NAME":
            place = _place(self.source, last)
            before = self.out[-2]
            joined = before.type in CONTINUES  # then a new line alone ends nothing
            help_ = f"remove the `{before}` before it" if joined else "begin a new line before it"
            fix = None if joined else Fix.put("\n", gap(before, last), f"put `{last}` on a line of its own")
            self.diagnostics.append(catalogue.OWN_LINE.at(place, word=last, help=help_, fix=fix))
            table = self.out.pop()
            self._end()
            self.out.append(Token.new_borrow_pos("TABLE", str(table), table))
        elif last.type == "WORD":
            place, words = _place(self.source, last), sorted(TABLES | ALSO_TABLES)
            meant = str(last).lower()
            written = Fix.put(meant, place.span, f"write `{meant}`") if meant in words else None
            help_ = did_you_mean(str(last), words) or "a block of rows is a `tableau`"
            self.diagnostics.append(
                catalogue.UNKNOWN_SETTING.at(place, kind="a method", word=last, help=help_, fix=written)
            )
            self.bad.add(last.start_pos)
        else:
            return
        self.opens_table = True

    def _close(self, token: Token) -> None:
        self._end()
        self.out.append(token)
        self.table = False

    def _rule(self, i: int, token: Token) -> None:
        """A rule line stands alone on its line, and ends the row before it even where that ends in a comma."""
        alone = all(
            not 0 <= j < len(self.tokens) or self.tokens[j].type in {"NEWLINE", "LBRACE", "RBRACE"}
            for j in (i - 1, i + 1)
        )
        if alone and self.table:
            self._end()
        else:
            problem = "a rule line stands alone on its line, inside a tableau"
            self.diagnostics.append(catalogue.BAD_ROW.at(_place(self.source, token), problem=problem))
            self.bad.add(token.start_pos)
        self.out.append(token)
        self.at_start = False

    def _count(self, token: Token) -> None:
        kind = token.type
        if kind in {"LPAR", "LSQB"} and token.start_pos not in self.brackets.unmatched:
            self.round += 1
        elif kind in {"RPAR", "RSQB"} and token.start_pos not in self.brackets.unmatched:
            self.round -= 1
        elif kind == "BAR" or (kind == "COMMA" and not self.round):
            self.operators = 0
        elif kind in OPERATORS:
            self.operators += 1
            if self.operators == MAX_OPERATORS + 1:
                limit = f"{MAX_OPERATORS} operators"
                self.diagnostics.append(
                    catalogue.TOO_LARGE.at(_place(self.source, token), what="this expression", limit=limit)
                )
                self.bad.add(token.start_pos)

    def _promoted(self, i: int, token: Token) -> Token:
        """The word that begins a statement: WORD, TABLE before its braces, or a NAME where it is an equation's."""
        following = self.tokens[i + 1].type if i + 1 < len(self.tokens) else ""
        if self.table or token.type != "NAME" or following in {"PRIME", "IN", "LSQB"}:
            return token
        self.opens_table = token in TABLES or (token in ALSO_TABLES and following == "LBRACE")
        return Token.new_borrow_pos("TABLE" if self.opens_table else "WORD", str(token), token)


def _holds_rows(tokens: list[Token], brace: int) -> bool:
    """Whether the first line with anything in it below a `{` is a row or a rule line of a table."""
    at = brace + 1
    while at < len(tokens) and tokens[at].type == "NEWLINE":
        at += 1
    for token in islice(tokens, at, None):
        if token.type in {"BAR", "RULE"}:
            return True
        if token.type in {"NEWLINE", "LBRACE", "RBRACE"}:
            return False
    return False
