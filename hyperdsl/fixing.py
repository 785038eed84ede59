"""Mending specs: the fixes that diagnostics carry are put in until there is none left."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from hyperdsl import compiler
from hyperdsl.diagnostics import Diagnostic, Edit
from hyperdsl.source import SpecFile, read_file

MOST_ROUNDS = 100
"""A fix may bring another fault to light; so often is a file looked at again."""


@dataclass(frozen=True)
class Applied:
    """A fix that was put in, and the line where it then was."""

    path: str
    line: int
    code: str
    title: str


@dataclass(frozen=True)
class Mended:
    """A file's bytes before and after, and what was done to it."""

    file: SpecFile
    before: bytes
    after: bytes
    applied: tuple[Applied, ...]


def mended(file: SpecFile) -> Mended:
    """The file with every fix put in that its diagnostics carry; nothing is written. Raises OSError."""
    before = after = read_file(file.path)
    applied: list[Applied] = []
    for _ in range(MOST_ROUNDS):
        checked = compiler.check([file], {os.path.realpath(file.path): after})
        own = [one for one in checked.diagnostics if one.place and one.place.source.path == file.shown]
        text, chosen = fixed(after.decode("utf-8", errors="surrogateescape"), own)
        if not chosen:
            break
        after = text.encode("utf-8", errors="surrogateescape")
        applied += chosen
    return Mended(file, before, after, tuple(applied))


def fixed(text: str, diagnostics: Iterable[Diagnostic]) -> tuple[str, list[Applied]]:
    """A file's text with the fixes of its diagnostics, as they stand; of two that touch, the first is put in.

    The text may have CRLF and a byte-order mark, which are kept.
    """
    offsets = _Offsets(text)
    taken: list[tuple[int, int, str]] = []
    applied = []
    for diagnostic in diagnostics:
        if diagnostic.fix is None or diagnostic.place is None:
            continue
        edits = [offsets.of(edit) for edit in diagnostic.fix.edits]
        if any(
            start <= other_end and other_start <= end for start, end, _ in edits for other_start, other_end, _ in taken
        ):
            continue
        taken += edits
        place = diagnostic.place
        applied.append(Applied(place.source.path, place.span.line, diagnostic.code, diagnostic.fix.title))
    for start, end, new in sorted(taken, reverse=True):
        text = text[:start] + new + text[end:]
    return text, applied


class _Offsets:
    """From lines and columns to offsets in a text as it stands in its file."""

    def __init__(self, text: str) -> None:
        self.newline = "\r\n" if "\r\n" in text else "\n"
        first = 1 if text.startswith("\ufeff") else 0
        self.starts = [first]
        while (at := text.find("\n", self.starts[-1])) >= 0:
            self.starts.append(at + 1)

    def of(self, edit: Edit) -> tuple[int, int, str]:
        """Where an edit begins and ends, and what it writes there."""
        span = edit.span
        start = self.starts[span.line - 1] + span.column - 1
        end = self.starts[span.end_line - 1] + span.end_column - 1
        return start, end, edit.text.replace("\n", self.newline)
