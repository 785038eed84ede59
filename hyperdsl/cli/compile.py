"""hyperdsl compile"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from hyperdsl.cli import watching
from hyperdsl.cli.inputs import SPEC_AT_FAULT, OutputFormat, Paths, say, spec_files, stop
from hyperdsl.cli.told import put_and_tell
from hyperdsl.cli.watching import Watch
from hyperdsl.diagnostics import has_errors

Output = Annotated[Path, typer.Option("--output", "-o", help="The folder that the packages go into.")]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; fail where a file would change.")]


def compile_specs(
    paths: Paths,
    output: Output = Path("generated"),
    check: Check = False,
    output_format: OutputFormat = "full",
    watch: Watch = False,
) -> None:
    """Check specs, then write a PyTorch package for each that has a solver."""
    from hyperdsl import compiler

    if watch:
        again = partial(compile_specs, paths, output, output_format=output_format)
        watching.watch(paths, again, output_format, but="--check" if check else "")
        return
    try:
        outcomes = compiler.outcomes(spec_files(paths), packages=True)
    except OSError as error:
        stop(f"nothing was written: {error}")
    found = [diagnostic for outcome in outcomes for diagnostic in outcome.diagnostics]
    diagnostics = (*found, *compiler.same_packages(outcomes))
    if has_errors(diagnostics):
        say(diagnostics, output_format, changed=[])
        raise typer.Exit(SPEC_AT_FAULT)
    raise typer.Exit(put_and_tell(outcomes, output, output_format, check=check))
