"""hyperdsl fmt"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hyperdsl.cli.inputs import SPEC_AT_FAULT, OutputFormat, PathsOrStdin, finish, say, spec_files, standard_input, stop
from hyperdsl.cli.told import for_programs, tell_changes
from hyperdsl.diagnostics import Diagnostic
from hyperdsl.files import rewrite
from hyperdsl.source import STDIN

Check = Annotated[
    bool, typer.Option("--check", help="Write nothing; fail where a file is not in the canonical layout.")
]


def fmt(paths: PathsOrStdin, check: Check = False, output_format: OutputFormat = "full") -> None:
    """Bring specs into the one canonical layout; comments are kept. Standard input goes to standard output."""
    from hyperdsl import compiler

    diagnostics: list[Diagnostic] = []
    changed = []
    files = spec_files(paths, stdin=True)
    prints = not check and any(file.shown == STDIN for file in files)
    if prints and for_programs(output_format):
        stop(f"`--output-format {output_format}` goes to standard output, and so does the text of standard input")
    texts = standard_input(files)
    for file in files:
        layout = compiler.layout(file.path, file.shown, texts)
        diagnostics += layout.diagnostics
        if file.shown == STDIN and layout.text is not None and not check:
            sys.stdout.write(layout.text)
        elif layout.text is not None and layout.text != layout.before:
            changed.append(file.shown)
            if not check:
                _write(file.path, layout.text)
    say(diagnostics, output_format, changed=changed)
    tell_changes(changed, output_format, "would change" if check else "changed")
    finish(diagnostics)
    if check and changed:
        raise typer.Exit(SPEC_AT_FAULT)


def _write(path: Path, text: str) -> None:
    try:
        rewrite(path, text.encode())
    except OSError as error:
        stop(f"cannot write `{path}`: {error.strerror}")
