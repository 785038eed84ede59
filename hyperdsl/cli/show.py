"""hyperdsl show"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from hyperdsl.cli.inputs import Json, finish, out, print_json, say, spec_files, stop
from hyperdsl.cli.packages import guarded

if TYPE_CHECKING:
    from hyperdsl.cli.methods_shown import Shown

T = TypeVar("T")

SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="A spec file.", show_default=False)]
Name = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME]", help="A method or solver of the file, or a method of the library.", show_default=False
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write stability region and order star to a .png or .svg.", show_default=False),
]


def show(spec: SpecPath, name: Name = None, plot: Plot = None, json: Json = False) -> None:
    """Print all that is known of a method: tableau, orders, conditions, errors, stability, dense output."""
    from hyperdsl import compiler
    from hyperdsl.cli.methods_shown import print_page, shown_of

    if plot is not None:
        from hyperdsl.training.outputs import require_plot

        target = plot
        guarded(lambda: require_plot(target, ("png", "svg")))
    checked = compiler.check(spec_files([spec]))
    known = shown_of(checked.specs[0])
    if name is not None:
        found = known.get(name) or compiler.library_base(name)
        if found is None:
            say(checked.diagnostics)
            finish(checked.diagnostics)
            stop(f"there is no method or solver `{name}` in `{spec}`; it has {', '.join(known) or 'none'}")
        known = {name: found}
    if json:
        from hyperdsl.pages.details import details

        shown = _within_reach(known, details)
        print_json({"methods": shown}, checked.diagnostics)
    else:
        say(checked.diagnostics)
        _within_reach(known, partial(print_page, console=out()))
    if plot is not None:
        _plot(list(known.values()), plot)
    finish(checked.diagnostics)


def _within_reach(known: dict[str, Shown], work: Callable[[Shown], T]) -> list[T]:
    """What `work` makes of each, all together within the bounds of one file; beyond, that is said and the run ends."""
    from hyperdsl.diagnostics import catalogue
    from hyperdsl.theory.numbers.budget import OutOfReach, limited

    found = []
    with limited():
        for value in known.values():
            try:
                found.append(work(value))
            except OutOfReach as reason:
                diagnostics = [catalogue.NOT_SHOWN.at(value.place, name=value.name, reason=reason)]
                say(diagnostics)
                finish(diagnostics)
    return found


def _plot(known: list[Shown], path: Path) -> None:
    from hyperdsl.pages.analysis import of_solver
    from hyperdsl.semantics.model.spec import Method, Multistep, Solver, VaryingSolver

    bases = [value.base if isinstance(value, VaryingSolver) else value for value in known]
    methods = [of_solver(value) if isinstance(value, Solver) else value for value in bases]
    (chosen,) = methods if len(methods) == 1 else (None,)
    if not isinstance(chosen, Multistep) and not (isinstance(chosen, Method) and not chosen.tableau.parameters):
        stop("--plot draws one Runge–Kutta or multistep method without free parameters: name it after the spec")
    try:
        from hyperdsl.pages.multistep_regions import plot_multistep_region
        from hyperdsl.pages.regions import plot_region
    except ImportError:
        stop("plots need matplotlib, which the extra `train` installs: pip install 'hyperdsl[train]'")
    try:
        if isinstance(chosen, Multistep):
            plot_multistep_region(chosen, path)
        else:
            plot_region(chosen, path)
    except OSError as reason:
        stop(f"cannot write `{path}`: {reason}")
