"""hyperdsl check"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hyperdsl.cli import watching
from hyperdsl.cli.inputs import SPEC_AT_FAULT, Json, OutputFormat, PathsOrStdin, out, spec_files, standard_input, stop
from hyperdsl.cli.told import Form, for_programs, tell
from hyperdsl.cli.watching import Watch
from hyperdsl.diagnostics import has_errors
from hyperdsl.files import rewrite
from hyperdsl.source import STDIN, SpecFile

if TYPE_CHECKING:
    from hyperdsl.fixing import Applied

Prover = Annotated[
    Literal["sympy"] | None,
    typer.Option("--prover", help="Prove every claim a second time, with this alone, and compare.", show_default=False),
]
Repair = Annotated[bool, typer.Option("--fix", help="Put in what can be fixed for certain, and say what was.")]


def check(
    paths: PathsOrStdin,
    json: Json = False,
    output_format: OutputFormat = "full",
    fix: Repair = False,
    prover: Prover = None,
    watch: Watch = False,
) -> None:
    """Parse, resolve and prove specs; print the proven order of each method."""
    from hyperdsl import compiler

    if json and output_format not in ("full", "json"):
        stop(f"`--json` and `--output-format {output_format}` cannot both be")
    form: Form = "json" if json else output_format
    if watch:
        watching.watch(paths, partial(check, paths, output_format=form, fix=fix, prover=prover), form)
        return
    files = spec_files(paths, stdin=True)
    applied = _fix(files) if fix else []
    texts = standard_input(files)
    outcomes = compiler.outcomes(files, texts=texts) if prover is None else compiler.proved_again(files, texts)
    if not for_programs(form):
        for one in applied:
            out().print(f"fixed {one.path}:{one.line}: {one.title} [{one.code}]", markup=False)
    tell(outcomes, form, **({"fixed": [asdict(one) for one in applied]} if fix else {}))
    if any(has_errors(outcome.diagnostics) for outcome in outcomes):
        raise typer.Exit(SPEC_AT_FAULT)


def _fix(files: Sequence[SpecFile]) -> list[Applied]:
    """Mend the files; what was put in."""
    from hyperdsl.fixing import mended

    if any(file.shown == STDIN for file in files):
        stop("`--fix` writes files, and standard input is none; without it, messages say what to write")
    applied: list[Applied] = []
    for file in files:
        try:
            result = mended(file)
            if result.after != result.before:
                rewrite(file.path, result.after)
        except OSError as error:
            stop(f"cannot write `{file.path}`: {error.strerror}")
        applied += result.applied
    return applied
