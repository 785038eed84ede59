"""Output whose reader may leave, as `head` does: what is written then goes nowhere, and that is no error."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TextIO


class Pipe(io.FileIO):
    """A file descriptor; once its reader has left, it is the null device."""

    left = False
    """Whether the reader of any has left."""

    def write(self, data: object) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]  # bytes, as the buffer above passes them
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EINVAL):  # EINVAL is Windows' word for it
                raise
        Pipe.left = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        return len(data)  # type: ignore[arg-type]


def patient() -> None:
    """Have standard output and error go on where their reader leaves; for a process of its own."""
    sys.stdout, sys.stderr = _opened(sys.stdout), _opened(sys.stderr)


def _opened(stream: TextIO) -> TextIO:
    """The stream again, over a `Pipe`; terminals and files keep theirs."""
    try:
        number = stream.fileno()
        if stream.isatty() or os.path.isfile(number):
            return stream
    except (OSError, ValueError, AttributeError):
        return stream  # closed, or none of the system's
    stream.flush()
    pipe = Pipe(number, "wb", closefd=False)
    lines = stream is sys.stderr
    return io.TextIOWrapper(
        io.BufferedWriter(pipe), stream.encoding, stream.errors, line_buffering=lines, write_through=lines
    )
