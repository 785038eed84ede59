"""hyperdsl compile"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hyperdsl.cli.inputs import SPEC_AT_FAULT, Paths, finish, say, spec_files, stop
from hyperdsl.cli.told import tell_changes
from hyperdsl.remembered import put

Output = Annotated[Path, typer.Option("--output", "-o", help="The folder that the packages go into.")]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; fail where a file would change.")]


def compile_specs(paths: Paths, output: Output = Path("generated"), check: Check = False) -> None:
    """Check specs, then write a PyTorch package for each that has a solver."""
    from hyperdsl import compiler

    outcomes = compiler.outcomes(spec_files(paths), packages=True)
    found = [diagnostic for outcome in outcomes for diagnostic in outcome.diagnostics]
    diagnostics = (*found, *compiler.same_packages(outcomes))
    say(diagnostics)
    finish(diagnostics)
    try:
        changed = put(outcomes, output, writing=not check)
    except OSError as error:
        stop(f"nothing was written: {error}")
    tell_changes(changed, writing=not check)
    if check and changed:
        raise typer.Exit(SPEC_AT_FAULT)
