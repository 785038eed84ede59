"""hyperdsl fmt"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hyperdsl.cli.inputs import SPEC_AT_FAULT, Paths, finish, out, say, spec_files, stop
from hyperdsl.diagnostics import Diagnostic
from hyperdsl.files import replace_file

Check = Annotated[
    bool, typer.Option("--check", help="Write nothing; fail where a file is not in the canonical layout.")
]


def fmt(paths: Paths, check: Check = False) -> None:
    """Bring specs into the one canonical layout; comments are kept."""
    from hyperdsl import compiler

    diagnostics: list[Diagnostic] = []
    changed = []
    for file in spec_files(paths):
        layout = compiler.layout(file.path, file.shown)
        diagnostics += layout.diagnostics
        if layout.text is not None and layout.text != layout.before:
            changed.append(file.shown)
            if not check:
                _write(file.path, layout.text)
    say(diagnostics)
    for name in changed:
        out().print(f"{'would change' if check else 'changed'} {name}", markup=False)
    finish(diagnostics)
    if check and changed:
        raise typer.Exit(SPEC_AT_FAULT)


def _write(path: Path, text: str) -> None:
    try:
        replace_file(path, text.encode())
    except OSError as error:
        stop(f"cannot write `{path}`: {error.strerror}")
