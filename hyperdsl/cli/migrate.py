"""hyperdsl migrate"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from hyperdsl.cli.inputs import SPEC_AT_FAULT, finish, out, say, stop
from hyperdsl.cli.packages import find, guarded, need_torch
from hyperdsl.files import replace_file, rewrite

Old = Annotated[
    list[Path],
    typer.Argument(
        metavar="PATH...", help="Folders of packages, specs (.hyper) and weights (.safetensors).", show_default=False
    ),
]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; fail where a file would change.")]
Spec = Annotated[
    Path | None, typer.Option("--spec", metavar="FILE", help="The spec of a package that does not hold its text.")
]
Of = Annotated[Path | None, typer.Option("--package", metavar="FOLDER", help="The package that weights belong to.")]
Problem_ = Annotated[
    str | None, typer.Option("--problem", metavar="P", help="What weights were trained on, where they do not say it.")
]


def migrate(paths: Old, check: Check = False, spec: Spec = None, package: Of = None, problem: Problem_ = None) -> None:
    """Bring what hyperdsl 0.1 wrote into the form of today: packages, the specs that they need, and weights.

    Correctors of 0.1 keep their form, which specs call `output absolute` today, so that their weights fit.
    """
    changed = 0
    for path in paths:
        found = list(_migrated(path, spec, package, problem, check))
        for file in found:
            out().print(f"{'would change' if check else 'wrote'} {file}", markup=False)
        if not found:
            out().print(f"{path}: nothing to be done", markup=False)
        changed += len(found)
    raise typer.Exit(SPEC_AT_FAULT if check and changed else 0)


def _migrated(path: Path, spec: Path | None, package: Path | None, problem: str | None, check: bool) -> Iterator[Path]:
    """The files of one argument that change."""
    if path.is_dir():
        yield from _package(path, spec, check)
    elif path.suffix == ".hyper":
        yield from _spec(path, check)
    elif path.suffix == ".safetensors":
        yield from _weights(path, package, problem, check)
    else:
        stop(f"`{path}` is no folder of a package, no spec and no file of weights")


def _package(folder: Path, spec: Path | None, check: bool) -> Iterator[Path]:
    from hyperdsl.codegen.files import changes, write
    from hyperdsl.migrating import migrated_package
    from hyperdsl.verifying.found import NoPackageError

    try:
        found = guarded(lambda: migrated_package(folder, spec))
    except NoPackageError as error:
        stop(str(error))
    for file, text in found.specs:
        if not check:
            guarded(partial(replace_file, file, text.encode()))
        yield file
    yield from guarded(lambda: (changes if check else write)({folder: found.files}))


def _spec(path: Path, check: bool) -> Iterator[Path]:
    from hyperdsl.migrating import SAID, migrated_spec

    before, after, diagnostics = guarded(lambda: migrated_spec(path))
    say(diagnostics)
    finish(diagnostics)
    if after != before:
        if not check:
            guarded(lambda: rewrite(path, after.encode()))
        print(
            f"{path}: correctors that said nothing of their output were absolute in 0.1, which `{SAID}` says; "
            "take it out of a spec that was written for 0.2, where it means another g",
            file=sys.stderr,
        )
        yield path


def _weights(path: Path, folder: Path | None, name: str | None, check: bool) -> Iterator[Path]:
    """Read into a solver, which says whether they fit, and written by it."""
    need_torch()
    from hyperdsl.evaluation.packages import load_package
    from hyperdsl.evaluation.training import build_solver
    from hyperdsl.evaluation.weights import load_weights, of_today, read_origin, save_weights

    if guarded(lambda: of_today(path)):
        return
    origin = guarded(lambda: read_origin(path))
    if folder is None:
        stop(f"{path}: name the package of {origin.solver} with --package")
    package = guarded(lambda: load_package(folder))
    trained_on = find(name or origin.problem, quiet=True)
    solver = guarded(lambda: build_solver(package, trained_on, origin.solver))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that they do not say what they belong to is what is mended
        guarded(lambda: load_weights(path, solver, package))
    if not check:
        guarded(lambda: save_weights(path, solver, origin))
    yield path
