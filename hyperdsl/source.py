"""Source text and spans: the places that diagnostics point at."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType


@dataclass(frozen=True)
class SpecFile:
    """A spec, the name that messages give it, and the folders between the PATH that named it and itself."""

    path: Path
    shown: str
    folders: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        """The name of its package."""
        return self.path.stem


@dataclass(frozen=True)
class Source:
    """One spec file as text: `path` as the user gave it, newlines already LF, without a byte-order mark.

    `original` is the text whose UTF-8 has the hash: as it stands in the file.
    """

    path: str
    text: str = field(repr=False)
    sha256: str = ""
    original: str = field(default="", repr=False)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        return tuple(self.text.split("\n"))

    @property
    def name(self) -> str:
        return Path(self.path).name

    @property
    def stem(self) -> str:
        return Path(self.path).stem


@dataclass(frozen=True, order=True)
class Span:
    """A stretch of source text; lines and columns count from 1, the end column is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, other: Span) -> Span:
        """The stretch from the start of this span to the end of `other`."""
        return Span(self.line, self.column, other.end_line, other.end_column)


@dataclass(frozen=True)
class Place:
    """A span in a particular file."""

    source: Source
    span: Span


def digest(data: bytes) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


STDIN = "<stdin>"
"""What standard input is called, as a path and in messages; no package is named after it."""
MAX_BYTES = 2**20
"""A longer file is no spec."""

_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


Texts = Mapping[str, bytes]
"""What stands in place of files, by their real path: texts of an editor that are not saved."""
ON_DISK: Texts = MappingProxyType({})


def standing_for(file: SpecFile, text: str) -> Texts:
    """A text in place of a file."""
    return {os.path.realpath(file.path): text.encode("utf-8")}


def read_file(path: Path, most: int = MAX_BYTES + 1, texts: Texts = ON_DISK) -> bytes:
    """The bytes of a regular file, so many at most; OSError, whose `strerror` says why, where it is none.

    What `texts` has for the file is read in its place. Pipes, devices and sockets are never waited for, whatever takes
    the file's place meanwhile.
    """
    if texts and (text := texts.get(os.path.realpath(path))) is not None:
        return text[:most]
    try:
        _require_regular(path, os.stat(path).st_mode)
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except ValueError as error:  # a null character in the path
        raise OSError(errno.EINVAL, "this cannot be the path of a file", str(path)) from error
    with os.fdopen(handle, "rb") as file:
        _require_regular(path, os.fstat(file.fileno()).st_mode)
        return file.read(most)


def _require_regular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "a device")
        raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))
