"""hyperdsl check"""

from __future__ import annotations

import typer

from hyperdsl.cli.inputs import SPEC_AT_FAULT, Json, Paths, spec_files
from hyperdsl.cli.told import tell
from hyperdsl.diagnostics import has_errors


def check(paths: Paths, json: Json = False) -> None:
    """Parse, resolve and prove specs; print the proven order of each method."""
    from hyperdsl import compiler

    outcomes = compiler.outcomes(spec_files(paths))
    tell(outcomes, json=json)
    if any(has_errors(outcome.diagnostics) for outcome in outcomes):
        raise typer.Exit(SPEC_AT_FAULT)
