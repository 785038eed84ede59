"""Where in the structure of a text a place is, from its tokens alone: statements need not be finished."""

from __future__ import annotations

from dataclasses import dataclass

from lark import Token

from hyperdsl.syntax.grammar import grammar
from hyperdsl.syntax.tokens import CONTINUES

OPEN = frozenset({"LPAR", "LSQB"})
CLOSED = frozenset({"RPAR", "RSQB"})


@dataclass(frozen=True)
class Cursor:
    """A place in a text.

    `blocks` are the words of the statements whose blocks are open there, `words` the tokens of the statement before the
    place, of which the one being typed is left out; `call` is the name before the innermost open parenthesis.
    """

    blocks: tuple[str, ...]
    words: tuple[str, ...]
    call: str | None
    quiet: bool = False
    """Whether the place is in a comment or a text in quotes."""

    @property
    def block(self) -> str | None:
        """The word of the innermost block."""
        return self.blocks[-1] if self.blocks else None


def cursor(text: str, line: int, column: int) -> Cursor:
    """The structure around a place, in a text whose lines end in LF; lines and columns count from 1."""
    blocks: list[str] = []
    words: list[Token] = []
    calls: list[str] = []
    for token in grammar().lex(text):
        start, end = (token.line or 1, token.column or 1), (token.end_line or 1, token.end_column or 1)
        if start >= (line, column):
            break
        if end >= (line, column) and token.type in {"NAME", "IN", "BAD_NUMBER"}:
            break  # it is being typed
        if end > (line, column) or (end == (line, column) and token.type in {"COMMENT", "UNENDED_STRING"}):
            return Cursor(tuple(blocks), tuple(map(str, words)), None, quiet=True)
        _take(token, blocks, words, calls)
    return Cursor(tuple(blocks), tuple(map(str, words)), calls[-1] if calls else None)


def _take(token: Token, blocks: list[str], words: list[Token], calls: list[str]) -> None:
    kind = token.type
    if kind == "COMMENT":
        return
    if kind == "NEWLINE":
        if not calls and words and words[-1].type not in CONTINUES:
            words.clear()
        return
    if kind in {"LBRACE", "RBRACE"}:
        if kind == "LBRACE":
            blocks.append(str(words[0]) if words else "")
        elif blocks:
            blocks.pop()
        words.clear()
        calls.clear()
        return
    if kind in OPEN:
        calls.append(str(words[-1]) if words else "")
    elif kind in CLOSED and calls:
        calls.pop()
    words.append(token)
