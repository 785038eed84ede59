"""hyperdsl check"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from hyperdsl.cli import watching
from hyperdsl.cli.inputs import SPEC_AT_FAULT, Json, Paths, spec_files
from hyperdsl.cli.told import tell
from hyperdsl.cli.watching import Watch
from hyperdsl.diagnostics import has_errors

Prover = Annotated[
    Literal["sympy"] | None,
    typer.Option("--prover", help="Prove every claim a second time, with this alone, and compare.", show_default=False),
]


def check(paths: Paths, json: Json = False, prover: Prover = None, watch: Watch = False) -> None:
    """Parse, resolve and prove specs; print the proven order of each method."""
    from hyperdsl import compiler

    if watch:
        watching.watch(paths, lambda: check(paths, prover=prover), but="--json" if json else "")
        return
    files = spec_files(paths)
    outcomes = compiler.outcomes(files) if prover is None else compiler.proved_again(files)
    tell(outcomes, json=json)
    if any(has_errors(outcome.diagnostics) for outcome in outcomes):
        raise typer.Exit(SPEC_AT_FAULT)
