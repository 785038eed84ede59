"""The command line: a command a file."""

from __future__ import annotations

import os
import re
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from hyperdsl import __version__
from hyperdsl.cli.codes import BUG, INTERRUPTED

if TYPE_CHECKING:
    import typer

TRACEBACK = "HYPERDSL_TRACEBACK"
LONGEST_TEXT = 500
PASSWORDS = re.compile(r"(://[^:/@\s]*:)[^@\s]*@")
"""Those of URLs, such as that of `sweep --storage`."""

TEACHING = """
Design a solver for differential equations in a small text file; get a proof of its order and fast PyTorch code.

[bold]1.[/] Write `hyper_heun.hyper`: a `method` with its tableau (or one of the library: `hyperdsl list`), a
`corrector`, and a `hypersolver` that joins them.

[bold]2.[/] `hyperdsl check hyper_heun.hyper` proves the order of every method, exactly.

[bold]3.[/] `hyperdsl compile hyper_heun.hyper` writes the package generated/hyper_heun.

[bold]4.[/] `hyperdsl train generated/hyper_heun --problem van_der_pol` trains its corrector.

[bold]5.[/] `hyperdsl evaluate generated/hyper_heun --problem van_der_pol --weights FILE` shows what that gained.

[bold]6.[/] `hyperdsl report generated/hyper_heun --problem van_der_pol --weights FILE` says in words whether to use it.

[bold]7.[/] `hyperdsl verify generated/hyper_heun` proves that the package still is what the spec says.

[bold]8.[/] `hyperdsl sweep SPEC --problem P` tries the bases and sizes that the spec's `sweep` declares.

[bold]9.[/] `hyperdsl diff OLD NEW` says what changed in meaning between two specs, and whether weights still load.

[bold]10.[/] `hyperdsl export generated/hyper_heun --as torch` writes a whole solve, to deploy.

Exit codes: 0 fine, 1 the specs are at fault (or --check found a difference), 2 wrong usage or an I/O error, 3 a bug
in hyperdsl.
"""


def _version(wanted: bool) -> None:
    import typer

    if wanted:
        print(f"hyperdsl {__version__}")
        raise typer.Exit


def application() -> typer.Typer:
    """All commands; what a command needs to run is imported when it runs."""
    import typer

    from hyperdsl.cli.check import check
    from hyperdsl.cli.compile import compile_specs
    from hyperdsl.cli.diff import diff
    from hyperdsl.cli.evaluate import evaluate
    from hyperdsl.cli.explain import explain
    from hyperdsl.cli.export import export
    from hyperdsl.cli.fmt import fmt
    from hyperdsl.cli.launching import launched
    from hyperdsl.cli.list import list_methods
    from hyperdsl.cli.lsp import lsp
    from hyperdsl.cli.migrate import migrate
    from hyperdsl.cli.new import new
    from hyperdsl.cli.report import report
    from hyperdsl.cli.reproduce import reproduce
    from hyperdsl.cli.show import show
    from hyperdsl.cli.sweep import sweep
    from hyperdsl.cli.train import train
    from hyperdsl.cli.verify import verify

    app = typer.Typer(
        name="hyperdsl",
        help=TEACHING,
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def options(
        version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    ) -> None:
        pass

    app.command()(check)
    app.command("compile")(compile_specs)
    app.command()(fmt)
    app.command()(explain)
    app.command()(show)
    app.command("list")(list_methods)
    app.command()(diff)
    app.command()(new)
    app.command()(launched(train))
    app.command()(evaluate)
    app.command()(report)
    app.command()(launched(sweep))
    app.command()(export)
    app.command()(verify)
    app.command()(migrate)
    app.command()(reproduce)
    app.command()(lsp)
    return app


def main() -> None:
    """The console script: exit code 3 for an exception, which is a bug of hyperdsl."""
    from hyperdsl.cli.pipes import patient
    from hyperdsl.cli.quick import remembered

    patient()
    try:
        code = remembered(sys.argv[1:])
        if code is not None:
            sys.stdout.flush()
            sys.exit(code)
        application()()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        _tell_bug(error)
        sys.exit(BUG)


def _tell_bug(error: Exception) -> None:
    """Say that hyperdsl is at fault, where, and how to report it; the whole way there only where it is asked for."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    text = PASSWORDS.sub(r"\1***@", " ".join(str(error).split())[:LONGEST_TEXT])
    command = PASSWORDS.sub(r"\1***@", " ".join(sys.argv[1:]))
    specs = [word for word in sys.argv[1:] if word.endswith(".hyper")]
    files = f"{', '.join(specs)} and what it imports" if specs else "the files that it was given"
    for line in (
        f"hyperdsl {__version__}: this is a bug in hyperdsl, not in the spec: {type(error).__name__}{where}: {text}",
        f"Please report it in the project's issues, with the command `hyperdsl {command}`, {files},",
        f"and what it prints with {TRACEBACK}=1 in its environment.",
    ):
        print(line, file=sys.stderr)
