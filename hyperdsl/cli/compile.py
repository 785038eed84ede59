"""hyperdsl compile"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hyperdsl.cli import watching
from hyperdsl.cli.inputs import Paths, finish, say, spec_files, stop
from hyperdsl.cli.told import put_and_tell
from hyperdsl.cli.watching import Watch

Output = Annotated[Path, typer.Option("--output", "-o", help="The folder that the packages go into.")]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; fail where a file would change.")]


def compile_specs(paths: Paths, output: Output = Path("generated"), check: Check = False, watch: Watch = False) -> None:
    """Check specs, then write a PyTorch package for each that has a solver."""
    from hyperdsl import compiler

    if watch:
        watching.watch(paths, lambda: compile_specs(paths, output), but="--check" if check else "")
        return
    try:
        outcomes = compiler.outcomes(spec_files(paths), packages=True)
    except OSError as error:
        stop(f"nothing was written: {error}")
    found = [diagnostic for outcome in outcomes for diagnostic in outcome.diagnostics]
    diagnostics = (*found, *compiler.same_packages(outcomes))
    say(diagnostics)
    finish(diagnostics)
    raise typer.Exit(put_and_tell(outcomes, output, check=check))
