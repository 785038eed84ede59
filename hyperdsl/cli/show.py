"""hyperdsl show"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hyperdsl.cli.inputs import finish, out, say, spec_files, stop

SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="A spec file.", show_default=False)]
Name = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME]", help="A method or solver of the file, or a method of the library.", show_default=False
    ),
]


def show(spec: SpecPath, name: Name = None) -> None:
    """Print a method's tableau, order conditions, error constants and stability intervals."""
    from hyperdsl import compiler
    from hyperdsl.cli.pages import methods_of, print_base

    checked = compiler.check(spec_files([spec]))
    say(checked.diagnostics)
    methods = methods_of(checked.specs[0])
    if name is not None:
        found = methods.get(name) or compiler.library_base(name)
        if found is None:
            finish(checked.diagnostics)
            stop(f"there is no method or solver `{name}` in `{spec}`; it has {', '.join(methods) or 'none'}")
        methods = {name: found}
    for method in dict.fromkeys(methods.values()):
        print_base(method, out())
    finish(checked.diagnostics)
