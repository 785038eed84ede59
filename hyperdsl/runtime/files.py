"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Put a file there whole or not at all, at whatever moment the process or the machine stops.

    OSError where it cannot be written: what was there before is there still.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")  # of a fixed name: what a killed process left is written over
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        renamed_to(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def renamed_to(part: Path, path: Path) -> None:
    """Rename a file that is complete on the disk, and see to it that the new name is there too."""
    os.replace(part, path)
    if os.name != "posix":  # elsewhere folders cannot be opened
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
