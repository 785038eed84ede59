"""Arguments that are paths of specs, and how commands end."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from hyperdsl.cli.codes import SPEC_AT_FAULT, WRONG_USAGE
from hyperdsl.cli.specs import found_files, standard_input
from hyperdsl.cli.told import Form, out, print_json, say
from hyperdsl.diagnostics import Diagnostic, has_errors
from hyperdsl.source import SpecFile

__all__ = [
    "SPEC_AT_FAULT",
    "WRONG_USAGE",
    "Json",
    "OutputFormat",
    "Paths",
    "PathsOrStdin",
    "finish",
    "out",
    "print_json",
    "say",
    "spec_files",
    "standard_input",
    "stop",
]

Paths = Annotated[
    list[Path],
    typer.Argument(metavar="PATH...", help="Spec files, or folders with `.hyper` files in them.", show_default=False),
]
PathsOrStdin = Annotated[
    list[Path],
    typer.Argument(
        metavar="PATH...",
        help="Spec files, or folders with `.hyper` files in them; `-` is standard input.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
OutputFormat = Annotated[
    Form,
    typer.Option("--output-format", help="How messages are told; `json`, `sarif` and `github` are for other programs."),
]


def spec_files(paths: Iterable[Path], *, stdin: bool = False) -> tuple[SpecFile, ...]:
    """The files that PATHs mean, each once; ends the run where one does not exist.

    `-` is standard input where the command takes that.
    """
    try:
        return found_files(paths, stdin=stdin)
    except ValueError as error:
        stop(str(error))


def stop(message: str) -> NoReturn:
    """End the run: wrong usage, or something outside hyperdsl failed."""
    print(f"hyperdsl: {message}", file=sys.stderr)
    raise typer.Exit(WRONG_USAGE)


def finish(diagnostics: Iterable[Diagnostic]) -> None:
    """End with 1 where the specs are at fault."""
    if has_errors(diagnostics):
        raise typer.Exit(SPEC_AT_FAULT)
