"""hyperdsl show"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from hyperdsl.cli.inputs import Json, finish, out, print_json, say, spec_files, stop
from hyperdsl.cli.names import unknown
from hyperdsl.cli.packages import guarded

if TYPE_CHECKING:
    from hyperdsl.cli.methods_shown import Shown
    from hyperdsl.diagnostics import Diagnostic

T = TypeVar("T")
SUFFIX = ".hyper"

Spec = Annotated[
    str,
    typer.Argument(
        metavar="SPEC|NAME",
        help="A spec file; or the name of a method of the library, where no file or folder with specs is called so.",
        show_default=False,
    ),
]
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


def show(spec: Spec, name: Name = None, plot: Plot = None, json: Json = False) -> None:
    """Print all that is known of a method: tableau, orders, conditions, errors, stability, dense output.

    `hyperdsl show rk4` shows the library's, `hyperdsl list` names them all; `hyperdsl show FILE.hyper` a file's.
    """
    if plot is not None:
        from hyperdsl.training.outputs import require_plot

        target = plot
        guarded(lambda: require_plot(target, ("png", "svg")))
    words = [spec, *([name] if name else [])]
    known, diagnostics = _of_file(Path(spec), name) if _is_path(spec) else (_of_library(words), ())
    if json:
        from hyperdsl.pages.details import details

        shown = _within_reach(known, details)
        print_json({"methods": shown}, diagnostics)
    else:
        say(diagnostics)
        _within_reach(known, _print)
    if plot is not None:
        _plot(list(known.values()), plot)
    finish(diagnostics)


def _is_path(word: str) -> bool:
    """Whether the word names a file or folder: by its ending, by a separator, or as it is there.

    What is there without being or holding a spec hides no method of the library; where both are meant, that is said.
    """
    from hyperdsl import compiler

    path = Path(word)
    if path.suffix == SUFFIX or any(mark in word for mark in (os.sep, os.altsep) if mark):
        return True
    if not path.exists() or word not in compiler.library_names():
        return path.exists()
    if not path.is_dir() or next(path.rglob(f"*{SUFFIX}"), None) is None:
        return False
    print(
        f"hyperdsl: `{word}` is a folder with specs here; `show SPEC {word}` has the library's method", file=sys.stderr
    )
    return True


def _of_file(path: Path, name: str | None) -> tuple[dict[str, Shown], tuple[Diagnostic, ...]]:
    """What a file declares, or what `name` means there, and what is to be said of the file."""
    from hyperdsl import compiler
    from hyperdsl.cli.methods_shown import shown_of

    checked = compiler.check(spec_files([path]))
    known = shown_of(checked.specs[0])
    if name is None:
        return known, checked.diagnostics
    found = known.get(name) or compiler.library_base(name)
    if found is None:
        say(checked.diagnostics)
        finish(checked.diagnostics)
        names = [*known, *compiler.library_names()]
        unknown(
            f"there is no method or solver `{name}` in `{path}`", name, names, f"it has {', '.join(known) or 'none'}"
        )
    return {name: found}, checked.diagnostics


def _of_library(words: Sequence[str]) -> dict[str, Shown]:
    """Methods of the library."""
    from hyperdsl import compiler

    found: dict[str, Shown] = {}
    for word in words:
        base = compiler.library_base(word)
        if base is None:
            what = f"the library has no method `{word}`, and no file is called so"
            unknown(what, word, compiler.library_names(), "`hyperdsl list` names them all")
        found[word] = base
    return found


def _print(value: Shown) -> None:
    """The page of a method; of one of the library with its source."""
    from hyperdsl.cli.methods_shown import print_page
    from hyperdsl.pages.listing import rows

    print_page(value, out())
    known = {row.path: row.source for row in rows() if row.name == value.name}
    if source := known.get(value.place.source.path):
        out().print(f"  {'source':14} {source}\n", markup=False)


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
