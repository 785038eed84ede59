"""The spec files that PATHs mean."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from hyperdsl.source import SpecFile


def found_files(paths: Iterable[Path]) -> tuple[SpecFile, ...]:
    """Each file once; ValueError, a sentence, where a PATH is no spec and no folder with one."""
    found: dict[Path, SpecFile] = {}
    for path in paths:
        if path.is_dir():
            inside = [Path(folder) / name for folder, _, names in os.walk(path) for name in names]
            for file in sorted(entry for entry in inside if entry.suffix == ".hyper"):
                folders = file.relative_to(path).parent.parts
                found.setdefault(file.resolve(), SpecFile(file, file.as_posix(), folders))
        elif not path.exists():
            raise ValueError(f"there is no file or folder `{path}`")
        elif path.suffix != ".hyper":
            raise ValueError(f"`{path}` is not a spec: its name does not end in `.hyper`")
        else:
            found.setdefault(path.resolve(), SpecFile(path, path.as_posix()))
    if not found:
        raise ValueError("there is no `.hyper` file in " + ", ".join(f"`{path}`" for path in paths))
    return tuple(found.values())
