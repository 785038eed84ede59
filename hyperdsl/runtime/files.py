"""Files that are there whole or not at all; the compiler's side, which loads no torch, has its own."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PREFIX, DAY = ".hyperdsl-", 86400


def write_whole(path: Path, data: bytes) -> None:
    """Put a file there whole or not at all, at whatever moment the process or the machine stops.

    OSError where it cannot be written: what was there before is there still.
    """
    write_atomically(path, lambda part: part.write_bytes(data))


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Calls `write` with a temporary path beside `path`, then moves it there; nothing is left where that fails.

    What is there has reached the disk, and so has its name, before this returns.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_left(path.parent, f"{PREFIX}*")
    handle, name = tempfile.mkstemp(prefix=PREFIX, suffix=path.suffix, dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        write(part)
        part.chmod(0o666 & ~_umask())
        sync(part)
        renamed_to(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def renamed_to(part: Path, path: Path) -> None:
    """Rename a file that is complete on the disk, and see to it that the new name is there too."""
    os.replace(part, path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk, where the system can."""
    names = path.is_dir()
    if names and sys.platform == "win32":
        return  # folders cannot be opened there
    handle = os.open(path, os.O_RDONLY if names else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_left(folder: Path, pattern: str) -> None:
    """Remove files that killed processes left unfinished in a folder: none writes at one for a day."""
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):
            if time.time() - path.lstat().st_mtime > DAY:
                path.unlink()  # which no folder allows


def _umask() -> int:
    mask = os.umask(0)  # there is no way to read it without setting it
    os.umask(mask)
    return mask
