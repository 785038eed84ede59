"""The command line: a command a file."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING

from hyperdsl import __version__
from hyperdsl.cli.codes import BUG, WRONG_USAGE

if TYPE_CHECKING:
    import typer

TEACHING = """
Design a solver for differential equations in a small text file; get a proof of its order and fast PyTorch code.

[bold]1.[/] Write `hyper_heun.hyper`: a `method` with its tableau (or take one from the library, such as `rk4`), a
`corrector`, and a `hypersolver` that joins them.

[bold]2.[/] `hyperdsl check hyper_heun.hyper` proves the order of every method, exactly.

[bold]3.[/] `hyperdsl compile hyper_heun.hyper` writes the package generated/hyper_heun.

[bold]4.[/] `hyperdsl train generated/hyper_heun --problem van_der_pol` trains its corrector.

[bold]5.[/] `hyperdsl evaluate generated/hyper_heun --problem van_der_pol --weights FILE` shows what that gained.

[bold]6.[/] `hyperdsl verify generated/hyper_heun` proves that the package still is what the spec says.

[bold]7.[/] `hyperdsl sweep SPEC --problem P` tries the bases and sizes that the spec's `sweep` declares.

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
    from hyperdsl.cli.evaluate import evaluate
    from hyperdsl.cli.fmt import fmt
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
    app.command()(show)
    app.command()(train)
    app.command()(evaluate)
    app.command()(sweep)
    app.command()(verify)
    return app


def main() -> None:
    """The console script: exit code 3 for an exception, which is a bug of hyperdsl."""
    from hyperdsl.cli.quick import remembered

    try:
        code = remembered(sys.argv[1:])
        if code is not None:
            sys.exit(code)
        application()()
    except BrokenPipeError:  # whoever read the output has enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(WRONG_USAGE)
    except Exception:
        traceback.print_exc()
        given = " ".join(sys.argv[1:])
        print(f"\nhyperdsl {__version__}: this is a bug in hyperdsl, not in the spec.", file=sys.stderr)
        print(f"Please report it with the text above, the command `hyperdsl {given}` and its files.", file=sys.stderr)
        sys.exit(BUG)
