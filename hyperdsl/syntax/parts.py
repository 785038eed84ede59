"""Parsing in parts, for editors: the parts of a file that have not changed are not parsed again.

A part begins with a declaration at the start of a line, below a line that is `}` alone: whatever is wrong above it,
brackets and statements have ended there (`brackets`). What is found is the same as `parser.parse` finds; a file in
which limits are near is parsed whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hyperdsl.diagnostics import Diagnostic
from hyperdsl.source import Source
from hyperdsl.syntax import nodes as n
from hyperdsl.syntax.brackets import DECLARATIONS
from hyperdsl.syntax.fault import Words
from hyperdsl.syntax.moved import moved, moved_diagnostic
from hyperdsl.syntax.parser import MAX_ERRORS, NO_WORDS, parse

LONGEST = 100_000
"""Characters of a file that is parsed in parts; a longer one may have more tokens than a file may have."""
MOST = 1000
"""Parts that are kept: those of the open files, and of their last states."""

_BEGINS = re.compile(rf"(?:{'|'.join(DECLARATIONS)})[ \t]+\w+[ \t]*[({{]")


@dataclass(frozen=True)
class _Part:
    """What a text was parsed as; `before` lines stood above it."""

    before: int
    items: tuple[n.Item, ...]
    comments: tuple[n.Comment, ...]
    found: tuple[Diagnostic, ...]
    complete: bool

    def at(self, before: int) -> _Part:
        """The same text where other lines stand above it."""
        by = before - self.before
        if not by:
            return self
        found = tuple(moved_diagnostic(one, by, one.place.source) for one in self.found if one.place)
        return _Part(before, moved(self.items, by), moved(self.comments, by), found, self.complete)


class Parts:
    """The parts that were parsed last, by their text."""

    def __init__(self, words: Words = NO_WORDS) -> None:
        self._words = words
        self._known: dict[str, _Part] = {}

    def parse(self, source: Source) -> tuple[n.File | None, tuple[Diagnostic, ...]]:
        """As `parser.parse`."""
        parts = self._parts(source) if len(source.text) <= LONGEST else None
        found = tuple(moved_diagnostic(one, 0, source) for part in parts or () for one in part.found)
        if parts is None or len(found) >= MAX_ERRORS:
            return parse(source, self._words)
        items = tuple(item for part in parts for item in part.items)
        comments = tuple(comment for part in parts for comment in part.comments)
        return n.File(source, items, comments, all(part.complete for part in parts)), found

    def _parts(self, source: Source) -> list[_Part] | None:
        """The parts in order; None where one is beyond a limit."""
        parts = []
        for before, text in _split(source):
            known = self._known.pop(text, None)
            part = known.at(before) if known else _parsed(source.path, before, text, self._words)
            if part is None:
                return None
            self._known[text] = part  # the last that is forgotten
            parts.append(part)
        while len(self._known) > MOST:
            del self._known[next(iter(self._known))]
        return parts


def _parsed(path: str, before: int, text: str, words: Words) -> _Part | None:
    tree, found = parse(Source(path, text), words)
    return None if tree is None else _Part(0, tree.items, tree.comments, found, tree.complete).at(before)


def _split(source: Source) -> Iterator[tuple[int, str]]:
    """Each part: the number of lines above it, and its text."""
    begin, closed = 0, False
    for i, line in enumerate(source.lines):
        if closed and _BEGINS.match(line):
            yield begin, "\n".join((*source.lines[begin:i], ""))
            begin = i
        if line.strip() and not line.lstrip().startswith("#"):
            closed = line == "}"
    yield begin, "\n".join(source.lines[begin:])
