"""Arguments that are paths of specs, and how commands end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from hyperdsl.cli.codes import SPEC_AT_FAULT, WRONG_USAGE
from hyperdsl.cli.specs import found_files
from hyperdsl.cli.told import out, print_json, say
from hyperdsl.diagnostics import Diagnostic, has_errors
from hyperdsl.source import SpecFile

__all__ = [
    "SPEC_AT_FAULT",
    "WRONG_USAGE",
    "Json",
    "Paths",
    "finish",
    "need_file",
    "need_folder",
    "out",
    "print_json",
    "say",
    "spec_files",
    "stop",
]

Paths = Annotated[
    list[Path],
    typer.Argument(metavar="PATH...", help="Spec files, or folders with `.hyper` files in them.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def spec_files(paths: Iterable[Path]) -> tuple[SpecFile, ...]:
    """The files that PATHs mean, each once; ends the run where one does not exist."""
    try:
        return found_files(paths)
    except ValueError as error:
        stop(str(error))


def stop(message: str) -> NoReturn:
    """End the run: wrong usage, or something outside hyperdsl failed."""
    print(f"hyperdsl: {message}", file=sys.stderr)
    raise typer.Exit(WRONG_USAGE)


def need_file(path: Path | None, formats: Iterable[str] = ()) -> None:
    """End the run, before its work, where a file could not be written or its ending names none of the formats."""
    if path is None:
        return
    endings = [f".{name}" for name in formats]
    if endings and path.suffix.lower() not in endings:
        stop(f"`{path}` ends in no format that can be written; there are {', '.join(endings)}")
    if path.is_dir():
        stop(f"`{path}` is a folder: a file is wanted")
    if path.exists() and not path.is_file():
        stop(f"`{path}` is no regular file")
    _need_place(path, path.parent)


def need_folder(path: Path | None) -> None:
    """The same for a folder."""
    if path is not None:
        _need_place(path, path)


def _need_place(path: Path, folder: Path) -> None:
    """End the run where nothing could be written into a folder, which may still have to be made."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists() or place.is_symlink())
    if not there.is_dir():
        stop(f"`{path}` cannot be written: `{there}` is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        stop(f"`{path}` cannot be written: `{there}` may not be written to")


def finish(diagnostics: Iterable[Diagnostic]) -> None:
    """End with 1 where the specs are at fault."""
    if has_errors(diagnostics):
        raise typer.Exit(SPEC_AT_FAULT)
