"""hyperdsl check"""

from __future__ import annotations

import json as json_text
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hyperdsl.cli import watching
from hyperdsl.cli.inputs import SPEC_AT_FAULT, Json, PathsOrStdin, out, spec_files, standard_input, stop
from hyperdsl.cli.told import tell, tell_json
from hyperdsl.cli.watching import Watch
from hyperdsl.diagnostics import has_errors
from hyperdsl.files import rewrite
from hyperdsl.source import STDIN, SpecFile

if TYPE_CHECKING:
    from hyperdsl.fixing import Applied
    from hyperdsl.remembered import Outcome

Prover = Annotated[
    Literal["sympy"] | None,
    typer.Option("--prover", help="Prove every claim a second time, with this alone, and compare.", show_default=False),
]
Form = Literal["full", "concise", "json", "sarif", "github"]
OutputFormat = Annotated[
    Form, typer.Option("--output-format", help="`json` is `--json`; `sarif` and `github` are for other programs.")
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
        machine = "" if form in ("full", "concise") else f"--output-format {form}"
        watching.watch(paths, lambda: check(paths, output_format=form, fix=fix, prover=prover), but=machine)
        return
    files = spec_files(paths, stdin=True)
    applied = _fix(files) if fix else []
    texts = standard_input(files)
    outcomes = compiler.outcomes(files, texts=texts) if prover is None else compiler.proved_again(files, texts)
    _tell(outcomes, form, applied if fix else None)
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


def _tell(outcomes: Sequence[Outcome], form: Form, applied: Sequence[Applied] | None) -> None:
    from hyperdsl.diagnostics import forms

    found = [diagnostic for outcome in outcomes for diagnostic in outcome.diagnostics]
    match form:
        case "json":
            tell_json(outcomes, **({} if applied is None else {"fixed": [asdict(one) for one in applied]}))
        case "sarif":
            print(json_text.dumps(forms.sarif(found), indent=2))
        case "github":
            for diagnostic in found:
                print(forms.workflow_command(diagnostic))
        case "concise" | "full":
            for one in applied or ():
                out().print(f"fixed {one.path}:{one.line}: {one.title} [{one.code}]", markup=False)
            tell(outcomes, concise=form == "concise")
