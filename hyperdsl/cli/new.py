"""hyperdsl new"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hyperdsl.cli.inputs import SPEC_AT_FAULT, out, say, stop
from hyperdsl.files import replace_file

if TYPE_CHECKING:
    from hyperdsl.scaffold.choices import Base, Choices

Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="What the solver is called.", show_default=False)]
Table = Annotated[
    str | None,
    typer.Option("--from", metavar="TABLE.txt", help="Read the base's tableau from a file, `-` is standard input."),
]
Named = Annotated[str | None, typer.Option("--name", metavar="N", help="What the tableau's method is called.")]
Problem = Annotated[
    str | None, typer.Option(metavar="P", help="`example`, a built-in problem, or module:attribute with a `Problem`.")
]
Equation = Annotated[
    list[str] | None, typer.Option(metavar="EQ", help='An equation of your own, such as "x\' = -x"; again for more.')
]
Start = Annotated[
    list[str] | None,
    typer.Option(metavar="RANGE", help='Where a state starts, such as "x in -2 .. 2"; again for more.'),
]
Span = Annotated[str | None, typer.Option(metavar="RANGE", help="The span of the equations, such as `0 .. 5`.")]
Method = Annotated[
    str | None,
    typer.Option("--base", metavar="METHOD", help='The base, of the library; families as "second_order(alpha = 1/2)".'),
]
Tolerance = Annotated[
    str | None, typer.Option(metavar="RTOL", help="Adaptive steps of this relative tolerance; `fixed` for fixed steps.")
]
Learn = Annotated[str | None, typer.Option(metavar="WHAT", help="corrector, coefficients or nothing.")]
Evaluations = Annotated[str | None, typer.Option(metavar="N", help="Evaluations of f that a solve may take.")]
States = Annotated[
    str | None, typer.Option(metavar="LIST", help="Training states: of trajectory, noise and box, with commas.")
]
Iterations = Annotated[str | None, typer.Option(metavar="N", help="Iterations of training.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FOLDER", help="The folder; by default NAME.", show_default=False),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: what is not given has its default.")]
Force = Annotated[bool, typer.Option("--force", help="Write over files that are there.")]


def new(
    name: Name = None,
    table: Table = None,
    named: Named = None,
    problem: Problem = None,
    equation: Equation = None,
    start: Start = None,
    span: Span = None,
    base: Method = None,
    tolerance: Tolerance = None,
    learn: Learn = None,
    evaluations: Evaluations = None,
    states: States = None,
    iterations: Iterations = None,
    output: Output = None,
    yes: Yes = False,
    force: Force = False,
) -> None:
    """Write a new solver's spec, problem and script, by questions or flags after the blueprint's seven steps."""
    from hyperdsl.cli.asking import Asker
    from hyperdsl.scaffold import choices

    if table is not None and base is not None:
        stop("--from reads the base, so --base cannot name another")
    if table is not None:
        name = named or name or ("" if table == "-" else Path(table).stem)
    elif named is not None:
        stop("--name goes with --from; the solver's name is the first argument")
    asker = Asker(asking=not yes and table != "-" and sys.stdin.isatty())
    called = asker.answer("name", "What is the solver called?", name or None, "my_solver", choices.name_of)
    read = _read(table, called) if table is not None else None
    equations = tuple(equation or ())
    if equations and problem is not None:
        stop("--problem and --equation name two problems")
    chosen = asker.choices(
        called,
        read,
        equations=equations,
        domains=choices.domains_of(equations, tuple(start or ())),
        span=span or "0 .. 5",
        given={
            "problem": problem,
            "base": base,
            "tolerance": tolerance,
            "learn": learn,
            "evaluations": evaluations,
            "states": states,
            "iterations": iterations,
        },
    )
    asker.tell_defaults()
    _write(chosen, output or Path(called), force=force)


def _read(table: str, name: str) -> Base:
    """The tableau in a file or on standard input, proven; the run ends where it is none."""
    from hyperdsl.scaffold.cells import TableError
    from hyperdsl.scaffold.proving import proven
    from hyperdsl.scaffold.tables import read_table
    from hyperdsl.source import read_file

    try:
        data = sys.stdin.buffer.read() if table == "-" else read_file(Path(table))
        found = read_table(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        stop(f"`{table}` is not UTF-8")
    except OSError as error:
        stop(f"cannot read `{table}`: {error.strerror}")
    except TableError as error:
        print(f"hyperdsl: {table}: {error}", file=sys.stderr)
        raise typer.Exit(SPEC_AT_FAULT) from None
    for line in found.said:
        out().print(f"read {line}", markup=False)
    result = proven(found, f"{name}_base")
    if result.base is None:
        say(result.diagnostics)
        print(f"hyperdsl: {table}: {result.said}", file=sys.stderr)
        raise typer.Exit(SPEC_AT_FAULT)
    out().print(result.said, markup=False)
    return result.base


def _write(chosen: Choices, folder: Path, *, force: bool) -> None:
    """Check the spec, then write the files; nothing where the spec is at fault or a file is there."""
    from hyperdsl import compiler
    from hyperdsl.diagnostics import has_errors
    from hyperdsl.scaffold.files import files_of
    from hyperdsl.source import SpecFile, standing_for

    texts = files_of(chosen)
    path = folder / f"{chosen.name}.hyper"
    file = SpecFile(path, path.as_posix())
    (outcome,) = compiler.outcomes([file], texts=standing_for(file, texts[path.name]))
    say(outcome.diagnostics)
    if has_errors(outcome.diagnostics):
        print("hyperdsl: nothing was written", file=sys.stderr)
        raise typer.Exit(SPEC_AT_FAULT)
    there = [folder / name for name in texts if (folder / name).exists() or (folder / name).is_symlink()]
    if there and not force:
        stop(f"{', '.join(f'`{one}`' for one in there)} would be written over: --force does that; nothing was written")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            replace_file(folder / name, text.encode())
            out().print(f"wrote {folder / name}", markup=False)
    except OSError as error:
        stop(f"cannot write in `{folder}`: {error.strerror}")
    _tell_next(path, chosen)


def _tell_next(path: Path, chosen: Choices) -> None:
    """The commands that come next."""
    console = out()
    console.print("\nnext:", markup=False)
    last = "trains it and compares it with its base" if chosen.learn != "nothing" else "measures it"
    for command, what in (
        (f"python {path.with_name('run.py')} --quick", f"{last}, in a few seconds"),
        (f"hyperdsl show {path}", "all that is proven of it"),
        (f"hyperdsl compile {path}", f"writes the package generated/{chosen.name}"),
    ):
        console.print(f"  {command}  # {what}", markup=False)
