"""The outline of a file, looked at before its statements: which language it is, and whether its blocks have braces.

What is said here speaks of many lines at once. Those lines are put out of the parser's way, so that nothing else is
said of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import dropwhile, pairwise

from lark import Token

from hyperdsl.diagnostics import Diagnostic, Fix, catalogue
from hyperdsl.source import Place, Source, Span
from hyperdsl.syntax.brackets import DECLARATIONS, begins_declaration
from hyperdsl.syntax.builder import span_of

DIRECTIVES = frozenset({"import", "hyperdsl"})
LANGUAGES = (
    ("JSON", re.compile(r'\{|\[\s*["{\[]')),
    ("TOML", re.compile(r"\[\[?[\w.\"]+\]")),
    ("Python", re.compile(r"(def|class|from)\s+\w+|import\s+\w|@\w|\w+\s*=\s*\w+\(")),
    ("Julia", re.compile(r"(using|function|struct)\s+\w+")),
    ("C", re.compile(r"\#?\s*include\s*[<\"]|(const\s+)?(double|float|static)\b")),
    ("LaTeX", re.compile(r"\\")),
    ("XML", re.compile(r"<")),
    ("YAML", re.compile(r"---\s*$|-\s|\w+:\s*$")),
)
"""What the first line of such a file looks like that is no comment; no spec begins so."""


@dataclass
class Outline:
    """The tokens that are left, and where statements start that were reported here."""

    tokens: list[Token]
    bad: set[int | None] = field(default_factory=set)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    stop: bool = False


def outline(source: Source, tokens: list[Token]) -> Outline:
    """Look at a whole file's tokens, comments left out."""
    first = next(dropwhile(lambda token: token.type == "NEWLINE", tokens), None)
    if first is not None:
        line = source.lines[(first.line or 1) - 1][(first.column or 1) - 1 :]
        language = next((name for name, looks in LANGUAGES if looks.match(line)), None)
        if language:
            message = catalogue.NOT_A_SPEC.at(Place(source, span_of(first)), language=language)
            return Outline([], diagnostics=[message], stop=True)
    return _Walk(source, tokens).run()


class _Walk:
    """One pass over logical lines; `depth` counts the open braces."""

    def __init__(self, source: Source, tokens: list[Token]) -> None:
        self.source = source
        self.tokens = tokens
        self.done = Outline([])
        self.depth = 0

    def run(self) -> Outline:
        at = 0
        while at < len(self.tokens):
            if begins_declaration(self.tokens, at):
                self.depth = 0  # whatever is open was forgotten
            end = self._line_end(at)
            line = self.tokens[at:end]
            following = self._next(end)
            if line and following < len(self.tokens) and self._opens_later(line, following):
                end = self._joined(at, end, following)
            elif self.depth == 0 and line and self._lacks_block(line):
                end = self._swallowed(line, end)
            elif (step := _step(line)) is not None:
                end = self._without_step(at, at + step)
            else:
                self._keep(at, end)
            at = end
            if at < len(self.tokens) and self.tokens[at].type == "NEWLINE":
                self.done.tokens.append(self.tokens[at])
                at += 1
        return self.done

    def _line_end(self, at: int) -> int:
        """Where the line ends that begins at `at`; one that is in parentheses or ends in a comma goes on."""
        open_round = 0
        while at < len(self.tokens):
            kind = self.tokens[at].type
            open_round += (kind == "LPAR") - (kind == "RPAR")
            if kind == "NEWLINE" and open_round <= 0:
                return at
            if kind in {"LBRACE", "RBRACE"}:
                open_round = 0
            at += 1
        return at

    def _next(self, at: int) -> int:
        """The next token that is no newline."""
        while at < len(self.tokens) and self.tokens[at].type == "NEWLINE":
            at += 1
        return at

    def _keep(self, at: int, end: int) -> None:
        kept = self.tokens[at:end]
        self.depth += sum((token.type == "LBRACE") - (token.type == "RBRACE") for token in kept)
        self.depth = max(self.depth, 0)
        self.done.tokens += kept

    def _opens_later(self, line: list[Token], following: int) -> bool:
        """Whether the block of this line begins on a later one."""
        return (
            self.tokens[following].type == "LBRACE"
            and line[0].type == "NAME"
            and line[-1].type in {"NAME", "NUMBER", "RPAR", "STRING"}
        )

    def _joined(self, at: int, end: int, following: int) -> int:
        """Keep the line and the brace below it, as if they stood on one."""
        brace, last = self.tokens[following], self.tokens[end - 1]
        place = Place(self.source, span_of(brace))
        span = Span(*_end(last), place.span.end_line, place.span.end_column)
        between = self.source.lines[span.line - 1][span.column - 1 :] + "".join(
            self.source.lines[span.line : place.span.line - 1]
        )
        fix = None if between.strip() else Fix.put(" {", span, "move the `{` up")
        self.done.diagnostics.append(catalogue.BRACE_ALONE.at(place, fix=fix))
        self._keep(at, end)
        return following

    def _lacks_block(self, line: list[Token]) -> bool:
        return str(line[0]) in DECLARATIONS and all(token.type != "LBRACE" for token in line)

    def _swallowed(self, line: list[Token], end: int) -> int:
        """Report a declaration without braces; what follows is its body, up to the next declaration."""
        word, named = line[0], next((token for token in line[1:] if token.type in {"NAME", "STRING"}), None)
        name = str(named).strip('"') if named is not None else "name"
        place = Place(self.source, span_of(word).to(span_of(named if named is not None else word)))
        self.done.diagnostics.append(catalogue.NO_BLOCK.at(place, word=word, name=name))
        self.done.tokens.append(word)
        self.done.bad.add(word.start_pos)
        while end < len(self.tokens):
            start = self._next(end)
            if start >= len(self.tokens) or self._begins_item(start, word.column or 1):
                return end
            end = self._line_end(start)
        return end

    def _begins_item(self, at: int, column: int) -> bool:
        token = self.tokens[at]
        known = str(token) in DIRECTIVES or str(token) in DECLARATIONS
        opens = any(other.type == "LBRACE" for other in self.tokens[at : self._line_end(at)])
        return (token.column or 1) <= column and (known or opens)

    def _without_step(self, at: int, step: int) -> int:
        """Keep the line up to the reserved word and leave out its block."""
        self._keep(at, step)
        word = self.tokens[step]
        help_ = "write the method as a tableau: `tableau { ... }`, a row a stage"
        place = Place(self.source, span_of(word))
        self.done.diagnostics.append(catalogue.NOT_YET.at(place, what="`step` blocks are", help=help_))
        self.done.bad.add(word.start_pos)
        self.done.tokens.append(word)
        depth, end = 0, step + 1
        while end < len(self.tokens) and not begins_declaration(self.tokens, end):
            depth += (self.tokens[end].type == "LBRACE") - (self.tokens[end].type == "RBRACE")
            end += 1
            if depth == 0:
                break
        self.done.tokens.append(Token.new_borrow_pos("NEWLINE", "\n", word))
        return end


def _step(line: list[Token]) -> int | None:
    """Where the reserved `step {` begins in a line; after the word of a declaration it is a name."""
    named = bool(line) and str(line[0]) in DECLARATIONS
    found = (i for i, (word, brace) in enumerate(pairwise(line)) if str(word) == "step" and brace.type == "LBRACE")
    return next((i for i in found if not (named and i == 1)), None)


def _end(token: Token) -> tuple[int, int]:
    return token.end_line or 1, token.end_column or 1
