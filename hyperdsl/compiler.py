"""The way of a spec, a stage a line:

    text → syntax tree      syntax.reader, syntax.parser     what is written, with spans
    tree → checked model    semantics.check                  names resolved, numbers exact, orders proven by theory
    model → step plan       plan                             a straight line of stages, nothing computed twice
    plan → view → files     codegen                          everything decided, then templates, then ruff
    files → folder          codegen.files                    all or nothing

and beside it `tree → text`, which is `hyperdsl fmt`. Each arrow is a function from one frozen type to the next, with
the diagnostics it found; nothing on this way imports torch. `check` and `compile` walk it by `outcomes`, which asks
`remembered` first, so that what has not changed is not proven, rendered or formatted again; `show` by `check`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hyperdsl.codegen.files import GeneratedFile
from hyperdsl.diagnostics import Diagnostic, catalogue, has_errors
from hyperdsl.remembered import Outcome, put, recalled, remember
from hyperdsl.semantics.check import check_file, override, variants_of
from hyperdsl.semantics.check import override_control as override_default_control
from hyperdsl.semantics.model.control import Control
from hyperdsl.semantics.model.problem import ProblemModel
from hyperdsl.semantics.model.spec import Base, Method, Spec, Training
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.semantics.reading.units import library_index
from hyperdsl.semantics.settings_table import SETTINGS
from hyperdsl.semantics.solvers.trainings import default_training
from hyperdsl.semantics.studies.variants import Variants
from hyperdsl.semantics.summary import solver_summary, summary, table_rows
from hyperdsl.semantics.tables.training import DEFAULT_REFERENCE
from hyperdsl.source import ON_DISK, SpecFile, Texts
from hyperdsl.syntax.parser import parse
from hyperdsl.syntax.printer import print_file
from hyperdsl.syntax.reader import read

if TYPE_CHECKING:
    from hyperdsl.plan import Plan

    Plans = tuple[tuple[Plan, ...], ...]


@dataclass(frozen=True)
class Checked:
    """The specs of a run, and what there is to say about each."""

    files: tuple[SpecFile, ...]
    specs: tuple[Spec, ...]
    found: tuple[tuple[Diagnostic, ...], ...]

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All of them."""
        return tuple(diagnostic for diagnostics in self.found for diagnostic in diagnostics)


@dataclass(frozen=True)
class Layout:
    """A file before and after `fmt`; no text where it could not be parsed."""

    before: str
    text: str | None
    diagnostics: tuple[Diagnostic, ...]


def check(files: Iterable[SpecFile], texts: Texts = ON_DISK) -> Checked:
    """Parse, resolve and prove every file; `texts` stand in place of files."""
    project = Project(texts=texts)
    files = tuple(files)
    checked = [check_file(file.path, file.shown, project) for file in files]
    return Checked(files, tuple(spec for spec, _ in checked), tuple(found for _, found in checked))


def outcomes(files: Iterable[SpecFile], *, packages: bool = False, texts: Texts = ON_DISK) -> tuple[Outcome, ...]:
    """What there is to say of each file, with its package where that is asked for: remembered, or made now."""
    files = tuple(files)
    known = {file: recalled(file, packages=packages, texts=texts) for file in files}
    missing = [file for file, outcome in known.items() if outcome is None]
    made = {}
    for outcome, imports in _made(check(missing, texts), packages=packages) if missing else ():
        made[outcome.file] = outcome
        remember(outcome, imports, texts)
    return tuple(known[file] or made[file] for file in files)


def proved_again(files: Iterable[SpecFile], texts: Texts = ON_DISK) -> tuple[Outcome, ...]:
    """What there is to say of each file, every claim proven a second time by sympy; nothing is remembered.

    Raises ProversDiffer where the two provers do not find the same.
    """
    from hyperdsl import second

    second.alone()
    checked = check(files, texts)
    from hyperdsl.second.told import told

    made = [outcome for outcome, _ in _made(checked, packages=False)]
    return told(made, checked.specs)


def same_packages(outcomes: Iterable[Outcome]) -> tuple[Diagnostic, ...]:
    """Two packages of one name in a run, as file systems see it that do not tell `Mine` from `mine`."""
    seen: dict[str, Outcome] = {}
    found = []
    for outcome in outcomes:
        name = outcome.file.package
        first = seen.setdefault(name.lower(), outcome) if outcome.solver else outcome
        if first is not outcome:
            notes = [f"the other is `{first.file.shown}`"]
            found.append(catalogue.SAME_STEM.at(outcome.solver, package=name, notes=notes))
    return tuple(found)


def generate(checked: Checked, backend: str = "torch") -> tuple[tuple[GeneratedFile, ...], ...]:
    """The finished files of each spec's package, () for a spec without a solver or with faults."""
    return _generated(checked, _plans(checked), backend)


def _generated(checked: Checked, plans: Plans, backend: str = "torch") -> tuple[tuple[GeneratedFile, ...], ...]:
    from hyperdsl.codegen.backend import BACKENDS

    chosen = BACKENDS[backend]
    made: list[tuple[GeneratedFile, ...]] = []
    for spec, planned, found in zip(checked.specs, plans, checked.found, strict=True):
        made.append(chosen.generate(spec, planned) if planned and not has_errors(found) else ())
    finished = iter(chosen.formatted([file for files in made for file in files]))
    return tuple(tuple(next(finished) for _ in files) for files in made)


def compile_checked(checked: Checked, output: Path) -> tuple[Path, ...]:
    """Write the packages of sound specs below `output`; the files that changed. Raises OSError as `put` does."""
    return put([outcome for outcome, _ in _made(checked, packages=True)], output, writing=True)


def _made(checked: Checked, *, packages: bool) -> Iterator[tuple[Outcome, dict[str, str]]]:
    """The outcome of each file, and the files that it imports with their digests."""
    plans = _plans(checked)
    generated = _generated(checked, plans) if packages else (None,) * len(checked.files)
    parts = zip(checked.files, checked.specs, plans, checked.found, generated, strict=True)
    for file, spec, planned, found, package in parts:
        solvers = [
            {**solver_summary(solver), "evaluations_per_step": plan.evaluations_per_step}
            for solver, plan in zip(spec.solvers, planned, strict=True)
        ]
        place = spec.solvers[0].place if spec.solvers else None
        about = {**summary(spec), "solvers": solvers}
        yield (
            Outcome(
                file, spec.source.sha256, about, table_rows(spec), found, place, None if has_errors(found) else package
            ),
            {source.path: source.sha256 for source in spec.imports},
        )


def _plans(checked: Checked) -> Plans:
    """The plans of each spec's solvers."""
    from hyperdsl.plan import plan

    return tuple(tuple(map(plan, spec.solvers)) for spec in checked.specs)


def layout(path: Path, shown: str, texts: Texts = ON_DISK) -> Layout:
    """The canonical layout of a file, or of the text that stands in its place."""
    source, found = read(path, shown, texts)
    if source is None:
        return Layout("", None, found)
    tree, diagnostics = parse(source, SETTINGS)
    text = None if tree is None or has_errors(diagnostics) else print_file(tree)
    return Layout(source.original, text, diagnostics)


def library_base(name: str) -> Base | None:
    """A method of the library, of any kind, proven; None where there is none of that name."""
    scope = Project().library_scope("method", name)
    return scope.own(name) if scope else None


def library_names() -> tuple[str, ...]:
    """The names of all methods of the library, found without reading them."""
    return tuple(name for group, name in library_index() if group == "method")


def library_method(name: str) -> Method | None:
    """A Runge–Kutta method of the library, proven; None where there is none of that name."""
    method = library_base(name)
    return method if isinstance(method, Method) else None


def override_training(settings: str) -> tuple[Training, tuple[Diagnostic, ...]]:
    """The default training with settings, one a line, put in."""
    project = Project()
    return override(default_training(project.library_method(DEFAULT_REFERENCE)), settings, project)


def override_control(settings: str) -> tuple[Control | None, tuple[Diagnostic, ...]]:
    """The default control with settings, one a line, put in; None where one is wrong."""
    return override_default_control(settings)


def variants(path: Path, sweep: str) -> Variants:
    """What writes the variants of a sweep of a sound file as specs; KeyError where it has no sweep of that name."""
    return variants_of(path, path.as_posix(), Project(), sweep)


def problems(path: Path) -> tuple[tuple[ProblemModel, ...], tuple[Diagnostic, ...]]:
    """The problems that a file declares, and what is wrong with the file."""
    spec, diagnostics = check_file(path, path.as_posix(), Project())
    return spec.problems, diagnostics
