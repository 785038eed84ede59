"""hyperdsl compile"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hyperdsl.cli.inputs import SPEC_AT_FAULT, Paths, finish, out, say, spec_files, stop

Output = Annotated[Path, typer.Option("--output", "-o", help="The folder that the packages go into.")]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; fail where a file would change.")]


def compile_specs(paths: Paths, output: Output = Path("generated"), check: Check = False) -> None:
    """Check specs, then write a PyTorch package for each that has a solver."""
    from hyperdsl import compiler

    checked = compiler.check(spec_files(paths))
    diagnostics = (*checked.diagnostics, *compiler.same_packages(checked.specs))
    say(diagnostics)
    finish(diagnostics)
    try:
        changed = compiler.compile_checked(checked, output, write=not check)
    except OSError as error:
        stop(f"nothing was written: {error}")
    for path in changed:
        out().print(f"{'would change' if check else 'wrote'} {path}", markup=False)
    if not changed:
        out().print("everything is up to date")
    if check and changed:
        raise typer.Exit(SPEC_AT_FAULT)
