"""Whether files can be put where they are wanted, found out before any work is done for them; loads no torch."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection
from pathlib import Path


def require_writable(path: Path) -> None:
    """ValueError where no file can be put there: a folder, a device, or where nothing can be written."""
    if path.is_dir():
        raise ValueError(f"`{path}` is a folder: name a file")
    if os.path.lexists(path) and not path.is_file():
        raise ValueError(f"`{path}` is no regular file")
    if path.is_file() and not os.access(path, os.W_OK):
        raise ValueError(f"`{path}` cannot be written: it is read-only")
    _require_room(path, path.parent)
    try:
        os.lstat(path.with_name(f"{path.name}.part"))
    except FileNotFoundError:
        pass
    except OSError as error:  # as for a name that is too long
        raise ValueError(f"`{path}` cannot be written: {error.strerror}") from None


def require_folder(path: Path) -> None:
    """ValueError where there can be no folder of files of ours."""
    if os.path.lexists(path) and not path.is_dir():
        raise ValueError(f"`{path}` is no folder")
    _require_room(path, path)


def require_plot(path: Path, endings: Collection[str]) -> None:
    """ValueError where the file's ending is no format of a plot, or no file can be put there."""
    if path.suffix.lower().removeprefix(".") not in endings or not path.suffix:
        *most, last = (f".{ending}" for ending in sorted(endings))
        raise ValueError(f"`{path}` ends in neither {', '.join(most)} nor {last}")
    require_writable(path)


def _require_room(path: Path, folder: Path) -> None:
    """Whether something can be made in the folder, or in the nearest one above it that exists."""
    while not os.path.lexists(folder):
        if folder.parent == folder:
            break
        folder = folder.parent
    if not folder.is_dir():
        raise ValueError(f"`{path}` cannot be written: `{folder}` is no folder")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(f"`{path}` cannot be written: {error.strerror or error}, in `{folder}`") from None
