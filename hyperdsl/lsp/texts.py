"""A document's text as a client has it, and its positions: lines end in LF, CRLF or CR, columns are code units."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from lsprotocol import types

from hyperdsl.source import Span

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|\Z)")
BOM = "\ufeff"


def units(text: str, encoding: str) -> int:
    """The length of a text in the code units of a position encoding."""
    if text.isascii() or encoding == types.PositionEncodingKind.Utf32:
        return len(text)
    if encoding == types.PositionEncodingKind.Utf8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@dataclass(frozen=True)
class Text:
    """A text, and the encoding in which its client counts columns.

    Spans are the compiler's: lines and columns count characters from 1, and a byte-order mark is none.
    """

    raw: str
    encoding: str = types.PositionEncodingKind.Utf16

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines with their ends; the last one has none."""
        lines = _LINE.findall(self.raw)
        ends_open = not self.raw or self.raw.endswith(("\n", "\r"))
        return tuple(lines if ends_open else lines[:-1])

    @property
    def data(self) -> bytes:
        """The bytes of a file with this text; a lone surrogate makes them no UTF-8."""
        return self.raw.encode("utf-8", "surrogatepass")

    def position(self, line: int, column: int) -> types.Position:
        """Where a character stands for the client."""
        if line > len(self.lines):
            last = self.lines[-1]
            return types.Position(len(self.lines) - 1, units(last.rstrip("\r\n"), self.encoding))
        text = self.lines[line - 1].rstrip("\r\n")
        count = column - 1 + (line == 1 and self.raw.startswith(BOM))
        return types.Position(line - 1, units(text[:count], self.encoding))

    def range(self, span: Span) -> types.Range:
        """A stretch as the client counts it."""
        return types.Range(self.position(span.line, span.column), self.position(span.end_line, span.end_column))

    def at(self, position: types.Position) -> tuple[int, int]:
        """The line and column of a client's position; one beyond the end is the end."""
        line, column = self._within(position)
        return line + 1, max(0, column - (line == 0 and self.raw.startswith(BOM))) + 1

    def changed(self, changes: Iterable[types.TextDocumentContentChangeEvent]) -> Text:
        """The text after a client's changes, one after the other."""
        text = self
        for change in changes:
            if isinstance(change, types.TextDocumentContentChangePartial):
                start, end = text._offset(change.range.start), text._offset(change.range.end)
                text = Text(text.raw[:start] + change.text + text.raw[max(start, end) :], text.encoding)
            else:
                text = Text(change.text, text.encoding)
        return text

    def _offset(self, position: types.Position) -> int:
        line, column = self._within(position)
        return sum(map(len, self.lines[:line])) + column

    def _within(self, position: types.Position) -> tuple[int, int]:
        """Line and character, from 0, of a position brought into the text."""
        if position.line >= len(self.lines):
            return len(self.lines) - 1, len(self.lines[-1])
        text = self.lines[position.line].rstrip("\r\n")
        if text.isascii():
            return position.line, min(position.character, len(text))
        left = position.character
        for i, character in enumerate(text):
            left -= units(character, self.encoding)
            if left < 0:
                return position.line, i
        return position.line, len(text)
