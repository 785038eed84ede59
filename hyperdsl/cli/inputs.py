"""Arguments that are paths of specs, and how commands end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from hyperdsl.diagnostics import Diagnostic, as_json, has_errors, report

SPEC_AT_FAULT = 1
WRONG_USAGE = 2

Paths = Annotated[
    list[Path],
    typer.Argument(metavar="PATH...", help="Spec files, or folders with `.hyper` files in them.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@dataclass(frozen=True)
class SpecFile:
    """A spec, the name that messages give it, and the folders between the PATH that named it and itself."""

    path: Path
    shown: str
    folders: tuple[str, ...] = ()


def spec_files(paths: Iterable[Path]) -> tuple[SpecFile, ...]:
    """The files that PATHs mean, each once; ends the run where one does not exist."""
    found: dict[Path, SpecFile] = {}
    for path in paths:
        if path.is_dir():
            inside = [Path(folder) / name for folder, _, names in os.walk(path) for name in names]
            for file in sorted(entry for entry in inside if entry.suffix == ".hyper"):
                folders = file.relative_to(path).parent.parts
                found.setdefault(file.resolve(), SpecFile(file, file.as_posix(), folders))
        elif not path.exists():
            stop(f"there is no file or folder `{path}`")
        elif path.suffix != ".hyper":
            stop(f"`{path}` is not a spec: its name does not end in `.hyper`")
        else:
            found.setdefault(path.resolve(), SpecFile(path, path.as_posix()))
    if not found:
        stop("there is no `.hyper` file in " + ", ".join(f"`{path}`" for path in paths))
    return tuple(found.values())


def stop(message: str) -> NoReturn:
    """End the run: wrong usage, or something outside hyperdsl failed."""
    print(f"hyperdsl: {message}", file=sys.stderr)
    raise typer.Exit(WRONG_USAGE)


def out() -> Console:
    """Where results go."""
    return Console(highlight=False, soft_wrap=True)


def say(diagnostics: Iterable[Diagnostic]) -> None:
    """Diagnostics go to standard error, in colour only on a terminal."""
    report(diagnostics, Console(stderr=True, highlight=False))


def print_json(content: dict[str, object], diagnostics: Iterable[Diagnostic]) -> None:
    """The one object of `--json`."""
    print(json.dumps({**content, "diagnostics": [as_json(diagnostic) for diagnostic in diagnostics]}, indent=2))


def finish(diagnostics: Iterable[Diagnostic]) -> None:
    """End with 1 where the specs are at fault."""
    if has_errors(diagnostics):
        raise typer.Exit(SPEC_AT_FAULT)
