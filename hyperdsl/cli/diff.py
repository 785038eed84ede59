"""hyperdsl diff"""

from __future__ import annotations

import json as json_module
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hyperdsl.cli.codes import WRONG_USAGE
from hyperdsl.cli.inputs import Json, out, say, spec_files, stop

if TYPE_CHECKING:
    from hyperdsl.comparing.fields import Change
    from hyperdsl.comparing.specs import Comparison, Loading
    from hyperdsl.semantics.model.spec import Spec

Before = Annotated[Path, typer.Argument(metavar="A", help="A spec, or the folder of a package.", show_default=False)]
After = Annotated[Path, typer.Argument(metavar="B", help="Another.", show_default=False)]
DIFFERS = 1
MOST_TOLD = 8
"""Coefficients of a method that are told one by one."""


def diff(before: Before, after: After, json: Json = False) -> None:
    """Say what changed in meaning between two specs or packages, and whether weights that were trained still load.

    Methods, proven orders, coefficients, solvers' interfaces, correctors, trainings, problems are compared; layout and
    comments do not count. Exit code 0: nothing changed; 1: something did; 2: one of them cannot be read or is at fault.
    """
    from hyperdsl.comparing.specs import compare

    found = compare(_spec(before), _spec(after))
    if json:
        print(json_module.dumps(_object(found, before, after), indent=2, ensure_ascii=False))
    else:
        for line in _lines(found):
            out().print(line, markup=False)
    raise typer.Exit(DIFFERS if found.changed else 0)


def _spec(path: Path) -> Spec:
    """The checked spec in a file, or behind a package; ends the run where it is at fault."""
    from hyperdsl import compiler
    from hyperdsl.diagnostics import has_errors
    from hyperdsl.verifying.found import Difference, NoPackageError
    from hyperdsl.verifying.package import proven_again, read_package

    if path.suffix != ".hyper":
        try:
            found = proven_again(read_package(path))
        except NoPackageError as error:
            stop(str(error))
        return stop(str(found)) if isinstance(found, Difference) else found
    checked = compiler.check(spec_files([path]))
    if has_errors(checked.diagnostics):
        say(checked.diagnostics)
        raise typer.Exit(WRONG_USAGE)
    return checked.specs[0]


def _lines(found: Comparison) -> list[str]:
    """What changed, in lines for people."""
    lines: list[str] = []
    for what, group in groupby(found.changed, lambda change: change.what):
        lines += _told(what, list(group))
    lines = lines or ["nothing changed in meaning"]
    return [*lines, *map(_weights, found.weights)]


def _told(what: str, changed: Sequence[Change]) -> list[str]:
    """The changes of one part."""
    from hyperdsl.comparing.specs import ADDED, REMOVED, RENAMED

    lines = []
    numbers = [change for change in changed if "_" in change.field]
    for change in changed:
        if change.field in (ADDED, REMOVED):
            lines.append(f"{what} {change.before or change.after}: {change.field}")
        elif change.field == RENAMED:
            lines.append(f"{what} {change.before}: renamed to {change.after}")
        elif change not in numbers[MOST_TOLD:]:
            lines.append(f"{what}: {_of(change)}")
    more = len(numbers) - MOST_TOLD
    return [*lines, *([f"{what}: {more} more coefficients"] if more > 0 else [])]


def _of(change: Change) -> str:
    """A field with both of its texts; digests tell nobody anything."""
    from hyperdsl.comparing.words import COEFFICIENTS

    if change.field == COEFFICIENTS:
        return f"{change.field} are others"
    return f"{change.field}: {change.before} → {change.after}"


def _weights(loading: Loading) -> str:
    if loading.load:
        return f"weights of {loading.solver}: those trained for A load in B"
    why = "; ".join(map(_of, loading.because))
    return f"weights of {loading.solver}: those trained for A do not load in B: {why}"


def _object(found: Comparison, before: Path, after: Path) -> dict[str, object]:
    """The one object of `--json`."""
    return {
        "before": before.as_posix(),
        "after": after.as_posix(),
        "changes": [vars(change) for change in found.changed],
        "weights": [
            {"solver": one.solver, "load": one.load, "because": [vars(change) for change in one.because]}
            for one in found.weights
        ],
    }
