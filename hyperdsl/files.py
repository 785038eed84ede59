"""Files that are there whole or not at all, on the compiler's side; training, which stands alone, has its own."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl

PREFIX = ".hyperdsl-"
"""How the names of files and folders begin that are gone when their work is done."""
MARKER = "made-by-hyperdsl"
"""A file in each folder that hyperdsl makes for itself: one without it is nobody's to remove."""


def replace_file(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Put `data` at `path`, all or nothing, with the permissions of what was there; raises OSError.

    `durable` has the bytes, and then the name, on the disk before this returns.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=PREFIX)
    try:
        fill(handle, data, durable=durable)
        os.chmod(name, permissions(path))
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    if durable:
        sync(path.parent)


def rewrite(path: Path, data: bytes) -> None:
    """Replace a user's file by itself changed: a link stays one, and what is read-only is left; raises OSError."""
    real = Path(os.path.realpath(path))
    if not real.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(errno.EACCES, "it is read-only", str(path))
    replace_file(real, data)


def fill(handle: int, data: bytes, *, durable: bool) -> None:
    """Write an open file's bytes, and have them on the disk where they are to be `durable`; it is closed then."""
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        if durable:
            stream.flush()
            os.fsync(stream.fileno())


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


def permissions(path: Path) -> int:
    """The permissions of the file at `path`, or those that a new file gets: mkstemp's are for the owner alone."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)  # there is no way to read it without setting it
    os.umask(mask)
    return 0o666 & ~mask


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Makes the folder and waits until no other process is inside this for it; a process that ends lets go of it."""
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # not every network's file system has locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def is_made(folder: Path) -> bool:
    """Whether hyperdsl made the folder, for this user: no link leads to it, and its marker is a file of the user's."""
    try:
        marker = (folder / MARKER).lstat()
    except OSError:
        return False
    mine = sys.platform == "win32" or marker.st_uid == os.geteuid()
    return mine and stat.S_ISREG(marker.st_mode) and not folder.is_symlink()


def remove_made(folder: Path) -> None:
    """Remove the files of a folder that hyperdsl made, its marker last, then itself, as far as that can be done."""
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            if entry.name != MARKER:
                with contextlib.suppress(OSError):  # a folder in it is somebody else's
                    entry.unlink()
        if os.listdir(folder) == [MARKER]:
            (folder / MARKER).unlink()
        folder.rmdir()
