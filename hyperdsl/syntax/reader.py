"""From a file to its text, within bounds."""

from __future__ import annotations

from pathlib import Path

from hyperdsl.diagnostics import Diagnostic, catalogue
from hyperdsl.source import MAX_BYTES, ON_DISK, Place, Source, Span, Texts, digest, read_file


def read(path: Path, shown: str, texts: Texts = ON_DISK) -> tuple[Source | None, tuple[Diagnostic, ...]]:
    """The file at `path`, called `shown` in messages: UTF-8, its newlines made LF, a byte-order mark skipped.

    What `texts` has for it is read in its place.
    """
    try:
        data = read_file(path, texts=texts)
    except OSError as error:
        place = Place(Source(shown, ""), Span(1, 1, 1, 1))
        return None, (catalogue.UNREADABLE.at(place, reason=error.strerror or "it is not a file"),)
    return decode(data, shown)


def decode(data: bytes, shown: str) -> tuple[Source | None, tuple[Diagnostic, ...]]:
    """The text of a file's bytes."""
    empty = Place(Source(shown, ""), Span(1, 1, 1, 1))
    if len(data) > MAX_BYTES:
        return None, (catalogue.TOO_LARGE.at(empty, what="the file", limit=f"{MAX_BYTES} bytes"),)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        note = f"byte {error.start} is {data[error.start]:#04x}"
        seen = Source(shown, data.decode("utf-8", errors="replace"))
        return None, (catalogue.NOT_UTF8.at(Place(seen, Span(line, 1, line, 1)), notes=[note]),)
    source = Source(shown, text.replace("\r\n", "\n"), digest(data), data.decode("utf-8"))
    if (at := source.text.find("\r")) >= 0:
        line = source.text.count("\n", 0, at) + 1
        column = at - source.text.rfind("\n", 0, at)
        return None, (catalogue.BARE_CR.at(Place(source, Span(line, column, line, column + 1))),)
    return source, ()
