"""The spec files that PATHs mean."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from hyperdsl.diagnostics import did_you_mean_path
from hyperdsl.source import MAX_BYTES, ON_DISK, STDIN, SpecFile, Texts, read_file


def found_files(paths: Iterable[Path], *, stdin: bool = False) -> tuple[SpecFile, ...]:
    """Each file once; ValueError, a sentence, where a PATH is no spec and no folder with one.

    `-` is standard input where the command takes that.
    """
    found: dict[str, SpecFile] = {}
    for path in paths:
        if stdin and path == Path("-"):
            found[os.path.realpath(STDIN)] = SpecFile(Path(STDIN), STDIN)
        elif path.is_dir() and path.suffix != ".hyper":
            for file in _inside(path):
                _add(found, SpecFile(file, file.as_posix(), file.relative_to(path).parent.parts))
        elif not path.is_dir() and not os.path.lexists(path):
            advice = did_you_mean_path(path)
            raise ValueError(f"there is no file or folder `{path}`{f': {advice}' if advice else ''}")
        elif path.suffix != ".hyper":
            raise ValueError(f"`{path}` is not a spec: its name does not end in `.hyper`")
        else:
            _add(found, SpecFile(path, path.as_posix()))
    if not found:
        raise ValueError("there is no `.hyper` file in " + ", ".join(f"`{path}`" for path in paths))
    return tuple(found.values())


def standard_input(files: Iterable[SpecFile]) -> Texts:
    """The text of standard input, read now, where it is among the files."""
    if any(file.shown == STDIN for file in files):
        return {os.path.realpath(STDIN): sys.stdin.buffer.read(MAX_BYTES + 1)}
    return ON_DISK


def _inside(folder: Path) -> list[Path]:
    """Whatever is called a spec in a folder and those below."""
    walked = [(Path(place), [*folders, *names]) for place, folders, names in os.walk(folder)]
    return sorted(place / name for place, names in walked for name in names if name.endswith(".hyper"))


def _add(found: dict[str, SpecFile], file: SpecFile) -> None:
    """Take in a file once; ValueError where it cannot be read, as far as one can tell before it is read."""
    try:
        size = len(read_file(file.path))
    except OSError as error:
        raise ValueError(f"cannot read `{file.path}`: {error.strerror}") from error
    if size > MAX_BYTES:
        raise ValueError(f"cannot read `{file.path}`: it has more than {MAX_BYTES} bytes")
    found.setdefault(os.path.realpath(file.path), file)
